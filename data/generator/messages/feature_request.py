"""Something that does not exist yet is wished for."""

from data.generator.family import TextFamily

FAMILIES = [
    TextFamily(
        name="shop-one-basket-many-addresses",
        label="feature_request",
        slots={
            "article": ("hampers", "candles", "wine boxes", "calendars", "mugs"),
            "occasion": ("before Christmas", "around Mother's Day", "for company events", "at the end of the year"),
            "way": ("with a spreadsheet", "on the admin pages", "with a paper list", "in three browser tabs"),
        },
        sentences=(
            (
                "Many customers buy our $article for several people $occasion and must place one order per address.",
                "Our shop sells a lot of $article $occasion, and each address needs an order of its own.",
            ),
            (
                "One basket that can be sent to several addresses would take that burden off them.",
                "I would love the checkout to accept several addresses for one basket.",
            ),
            ("So far my clerks split such orders by hand $way.", "Until then we manage $way.", ""),
        ),
    ),
    TextFamily(
        name="cycling-app-pause-by-itself",
        label="feature_request",
        slots={
            "stop": ("wait at a red light", "stop for coffee", "fix a flat tyre", "sit on a ferry"),
            "device": ("Garmin", "bike computer", "watch", "Nokia"),
            "figure": ("average", "speed", "weekly score", "training load"),
        },
        sentences=(
            (
                "Could the app pause the recording by itself while I $stop?",
                "Any chance of the recording pausing on its own when I $stop?",
                "Let the recording stop on its own whenever I $stop and go on when I move again.",
            ),
            (
                "I always forget the button, and then my $figure looks terrible.",
                "Pressing the button with gloves on is no fun, and my $figure suffers every time I forget it.",
            ),
            ("My old $device could do that.", ""),
        ),
    ),
    TextFamily(
        name="packrat-machine-readable-output",
        label="feature_request",
        slots={
            "command": ("list", "verify", "diff", "stats"),
            "format": ("JSON", "CSV", "YAML", "NUL-separated"),
            "consumer": ("cron script", "backup dashboard", "Ansible role", "monitoring check"),
        },
        sentences=(
            (
                "How about a switch for $format output in `packrat $command`, so our $consumer need not cut columns?",
                "It would help if `packrat $command` had $format output; our $consumer now cuts up columns.",
                "A `--format` flag on `packrat $command` ($format at least) would make our $consumer half as long.",
            ),
            ("Happy to send a patch.", "Text can stay the default.", ""),
        ),
    ),
    TextFamily(
        name="warehouse-load-date-range",
        label="feature_request",
        slots={
            "table": ("orders", "sessions", "meter_readings", "shipments", "clicks"),
            "span": ("a week", "a month", "ten days", "a quarter"),
            "cause": (
                "a supplier corrects old files",
                "the source comes back after a failure",
                "finance closes a period",
                "a mapping changes",
            ),
        },
        sentences=(
            (
                "When $cause, loading $span of `$table` again means starting the nightly job once per day by hand.",
                "To load $span of `$table` again after $cause, I start the job by hand, one date after the other.",
            ),
            (
                "Could it take a first and a last date?",
                "With a first and a last date on the command line it would be one call.",
            ),
            (
                "Even the runbook only knows one date per call.",
                "I am glad to write the code if you settle the names of the flags.",
                "",
            ),
        ),
    ),
    TextFamily(
        name="printer-one-preset-per-paper",
        label="feature_request",
        slots={
            "morning": ("address labels", "appointment cards", "prescription forms", "envelopes"),
            "evening": ("plain letters", "posters", "delivery notes", "timetables"),
            "setting": ("tray, margins and density", "size and tray", "margins and rotation", "tray and quality"),
            "place": ("reception", "dental practice", "ticket office", "small shop"),
        },
        sentences=(
            (
                "In our $place we print $morning in the morning and $evening in the evening.",
                "Our $place uses one printer for $morning and for $evening.",
            ),
            (
                "Each time I go through $setting again, since the driver keeps one set of defaults for everything.",
                "As there is only one set of defaults, I enter $setting twice a day.",
            ),
            (
                "Named presets to pick from the print dialog would be a blessing.",
                "May I suggest presets that one can name and pick when printing?",
            ),
        ),
    ),
    TextFamily(
        name="game-rebind-keys",
        label="feature_request",
        slots={
            "action": ("camera rotation", "quick save", "group select", "end turn"),
            "device": ("a controller", "the steam deck", "a left-handed mouse", "a french keyboard"),
            "title": ("every other strategy game", "the first part", "the mobile port", "the beta editor"),
        },
        sentences=(
            (
                "pls let us rebind $action on $device.",
                "would be so good to put $action on another button when you play with $device.",
                "playing with $device and im begging for a menu where i can move $action to another key.",
            ),
            (
                "the default works, its just in the worst spot for my hand.",
                "i know the manual lists the fixed layout, i just want my own.",
            ),
            ("$title lets you do that.", ""),
        ),
    ),
    TextFamily(
        name="ward-reminder-for-old-results",
        label="feature_request",
        slots={
            "substance": ("potassium", "glucose", "creatinine", "lactate"),
            "span": ("12 hours", "24 hours", "two days", "one shift"),
            "ward": ("intensive care unit", "dialysis unit", "cardiology ward", "stroke unit"),
        },
        sentences=(
            (
                "We propose that the chart remind the nurse when the latest $substance result is older than $span.",
                "The $ward would like the chart to flag a $substance result that is older than $span.",
            ),
            (
                "At present the age of a result has to be worked out from the list.",
                "The figure itself is displayed correctly; what is missing is a hint about its age.",
            ),
            (
                "The head physician of the $ward and the pharmacy support this proposal.",
                "During the night shift on the $ward this would save many glances at the clock.",
            ),
        ),
    ),
    TextFamily(
        name="payment-api-richer-events",
        label="feature_request",
        slots={
            "field": ("fee", "customer id", "exchange rate", "failure reason"),
            "resource": ("charge", "refund", "payout", "mandate"),
            "volume": ("20,000", "300,000", "900,000", "50,000"),
        },
        sentences=(
            (
                "The webhook for a $resource tells us just its id, so we fetch every $resource for its $field.",
                "For each $resource event we have to call the API once more just to learn the $field.",
            ),
            (
                "That makes $volume calls a month on our side alone.",
                "On busy days those $volume extra calls a month push us to the rate limit.",
            ),
            (
                "Putting the $field into the event body would spare both of us the traffic.",
                "An opt-in for events that carry the $field would solve it for good.",
            ),
        ),
    ),
    TextFamily(
        name="classroom-captions-to-keep",
        label="feature_request",
        slots={
            "subject": ("Latin", "chemistry", "history", "music"),
            "format": ("a Word file", "plain text", "a PDF", "a web page"),
            "reader": (
                "a pupil who is hard of hearing",
                "the children who were ill",
                "my exchange pupils",
                "those who fell asleep",
            ),
        },
        sentences=(
            (
                "Please add a button that turns the captions of a lesson into $format afterwards.",
                "After a $subject lesson I wish I could keep the captions as $format.",
            ),
            (
                "They vanish with the meeting, and $reader would benefit from them.",
                "I want to give them to $reader.",
                "Now I type the main points of my $subject lesson myself for $reader.",
            ),
            ("Thank you for a program that otherwise just works!", "I bet other teachers would use it too.", ""),
        ),
    ),
    TextFamily(
        name="greenhouse-alarm-on-the-phone",
        label="feature_request",
        slots={
            "place": ("the tomato house", "the cold frame", "the orchid room", "the seedling tunnel"),
            "degrees": ("four", "six", "ten", "twelve"),
            "month": ("March", "April", "November", "winter"),
            "way": ("a text message", "an e-mail", "a push message", "a message to my watch"),
        },
        sentences=(
            (
                "Last $month I lost a whole crop because the heating failed at night and nobody looked at the panel.",
                "The heater went out one night last $month, the panel showed it correctly, and nobody was there.",
            ),
            (
                "I want $way as soon as $place drops below $degrees degrees.",
                "If the controller could send $way when $place falls under $degrees degrees, I would sleep again.",
            ),
            ("I would even pay for it.", ""),
        ),
    ),
    TextFamily(
        name="drawing-export-all-sheets",
        label="feature_request",
        slots={
            "count": ("40", "60", "85", "over a hundred"),
            "format": ("PDF", "DXF", "SVG", "DWG"),
            "project": ("hospital wing", "school building", "tunnel", "housing estate"),
            "person": ("trainee", "site manager", "colleague", "draughtsman"),
        },
        sentences=(
            (
                "For our $project I export $count sheets to $format, one dialog per sheet.",
                "Our $project has $count sheets, and a $person exports each of them to $format separately.",
            ),
            (
                "Every single export comes out fine, but the lot costs us half a working day.",
                "It takes half a day before each deadline, and one sheet gets forgotten every time.",
            ),
            (
                "An “export all sheets” entry in the file menu, with file names taken from the sheet titles, would do.",
                "I miss a command that exports the whole set and names the files after the sheets.",
            ),
        ),
    ),
    TextFamily(
        name="build-server-cancel-outdated",
        label="feature_request",
        slots={
            "event": (
                "a new commit arrives",
                "a branch is rebased",
                "a fixup is pushed",
                "the merge queue is reordered",
            ),
            "wait": ("20 minutes", "half an hour", "an hour", "two hours"),
            "runner": ("macOS runners", "GPU runners", "arm64 runners", "Windows runners"),
        },
        sentences=(
            (
                "Whenever $event, builds of the older commit should be cancelled on their own, at least if I opt in.",
                "An option to cancel the running build of the older commit when $event, please.",
                "How about dropping builds of a commit that is outdated once $event?",
            ),
            (
                "We only have two $runner, and people wait $wait behind results that nobody reads.",
                "With our few $runner the queue is $wait long on busy days, mostly for outdated commits.",
            ),
        ),
    ),
]

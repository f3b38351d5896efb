"""Something that runs does the wrong thing, told so that somebody can correct the code."""

from data.generator.family import TextFamily

FAMILIES = [
    TextFamily(
        name="shop-voucher-taken-twice",
        label="bug_report",
        slots={
            "percent": ("5", "10", "15", "20", "25"),
            "trigger": (
                "the customer changes the delivery country",
                "someone goes back from the payment page",
                "a gift wrap is added afterwards",
                "the buyer signs in halfway through",
            ),
            "article": ("lamp", "teapot", "rug", "backpack", "bicycle bell"),
        },
        sentences=(
            (
                "In our web shop a voucher of $percent percent is taken off twice when $trigger.",
                "When $trigger, the basket in our shop subtracts the $percent percent voucher a second time.",
            ),
            (
                "My trial order of one $article came out far too cheap.",
                "I put a single $article in the basket and the sum at the bottom was far too low.",
                "One buyer got a $article almost for nothing that way.",
            ),
            (
                "With a fixed amount instead of a percentage the sum is right.",
                "Orders without a voucher are added up properly, and the handbook promises one deduction per order.",
                "",
            ),
        ),
    ),
    TextFamily(
        name="cycling-app-stops-recording",
        label="bug_report",
        slots={
            "length": ("two hour", "40 km", "long Sunday", "90 minute"),
            "event": ("somebody phoned me", "I opened the camera", "the screen locked", "my headset reconnected"),
            "place": ("the bridge", "the station", "the second hill", "the market square"),
            "phone": ("Pixel", "Fairphone", "Galaxy", "Motorola"),
        },
        sentences=(
            (
                "Went for a $length ride yesterday and the app quit recording as soon as $event.",
                "The app threw away the rest of my $length ride the moment $event.",
            ),
            (
                "Screen still said it was tracking, but the map ends at $place.",
                "Everything after $place is one straight line on the map.",
            ),
            ("Phone is a $phone on the newest version, battery saver off.", "My wife's $phone does it too.", ""),
            ("How did that get past testing?", "Please sort it out before the weekend.", ""),
        ),
    ),
    TextFamily(
        name="packrat-exclude-has-no-effect",
        label="bug_report",
        slots={
            "pattern": ("*.tmp", "cache/", "node_modules", "*.iso", "build/"),
            "version": ("2.4.0", "2.4.1", "2.5", "3.0-rc1"),
            "system": ("Debian 12", "macOS 14", "Alpine", "FreeBSD 14"),
        },
        sentences=(
            (
                "`packrat create --exclude '$pattern'` still archives the matching files in $version.",
                "Since $version, `--exclude '$pattern'` does nothing: matching files end up in the archive anyway.",
            ),
            (
                "Expected: skipped, as the man page says.",
                "Given an absolute path it works.",
                "The very same command line skipped them one release earlier.",
            ),
            ("Reproduced on $system with an empty config.", "Happens on $system, in bash and zsh alike."),
        ),
    ),
    TextFamily(
        name="warehouse-load-clock-change",
        label="bug_report",
        slots={
            "table": ("orders", "sessions", "meter_readings", "shipments", "clicks"),
            "region": ("Portugal", "Finland", "the Canaries", "Greece"),
            "function": ("next_window", "split_by_hour", "watermark", "partition_of"),
        },
        sentences=(
            (
                "The `$table` load writes one hour of rows twice on the night the clocks go back.",
                "On the night the clocks go back, the nightly job inserts an hour of `$table` twice.",
            ),
            (
                "Counts for $region are too high by exactly that hour, all other nights are fine.",
                "I checked $region for two years, and it is off by that one hour both times.",
            ),
            (
                "I suspect `$function`, which compares local time instead of UTC.",
                "`$function` looks at local timestamps, which is most likely the cause.",
            ),
            (
                "No hurry, the next change is months away.",
                "I deleted the surplus rows by hand meanwhile.",
                "",
            ),
        ),
    ),
    TextFamily(
        name="printer-second-side-upside-down",
        label="bug_report",
        slots={
            "model": ("L400", "L420", "Office Jet 7", "P-1100"),
            "setting": ("booklet", "both sides, short edge", "two pages per sheet", "A5 on A4"),
            "paper": ("letter", "brochure", "invoice", "newsletter"),
            "office": ("parish office", "front desk", "school secretary", "town archive"),
        },
        sentences=(
            (
                "Good morning, our $model prints the back of each sheet upside down when I choose “$setting”.",
                "Hello, as soon as “$setting” is chosen the $model turns every second page upside down.",
            ),
            ("The preview shows all pages the right way up.", "In the preview nothing looks odd."),
            (
                "With last year's driver the very same $paper came out properly.",
                "I tried the same $paper from two programs, and the old driver had no trouble with either.",
            ),
            ("Kind regards from the $office.", ""),
        ),
    ),
    TextFamily(
        name="game-unit-stuck-after-load",
        label="bug_report",
        slots={
            "unit": ("catapult", "scout", "war elephant", "supply cart", "siege tower"),
            "place": ("a river", "the city wall", "a gold mine", "the harbour"),
            "state": ("it is still walking", "an enemy turn is running", "the trade window is open", "fog is on"),
        },
        sentences=(
            (
                "loaded my save and the $unit next to $place cant move or be selected anymore.",
                "after loading, my $unit just stands there next to $place and ignores every click.",
            ),
            (
                "only happens if you saved while $state.",
                "saving at the start of a turn is fine, its only when you save while $state.",
            ),
            ("tried it like ten times, same thing.", "got the save file here if you want it.", ""),
        ),
    ),
    TextFamily(
        name="ward-curve-shifted-by-a-day",
        label="bug_report",
        slots={
            "ward": ("surgical ward", "dialysis unit", "children's ward", "maternity ward"),
            "substance": ("potassium", "glucose", "creatinine", "lactate"),
            "number": ("three", "four", "five", "seven"),
        },
        sentences=(
            (
                "In the chart of the $ward, the $substance curve places results from after midnight on the day before.",
                "The $substance curve of the $ward draws every result from after midnight one day too early.",
            ),
            (
                "The list of single results shows the correct time.",
                "Only the curve is affected; the table beside it shows the right day.",
            ),
            (
                "We have seen it with $number patients, and restarting the workstation made no difference.",
                "It can be reproduced with each of the $number records we looked at.",
            ),
            ("Staff use the list until a corrected version arrives.", ""),
        ),
    ),
    TextFamily(
        name="payment-api-same-key-twice",
        label="bug_report",
        slots={
            "resource": ("charges", "refunds", "payouts", "mandates"),
            "span": ("a second", "50 ms", "the same tick", "two seconds"),
            "language": ("Python", "Go", "Ruby", "Kotlin"),
        },
        sentences=(
            (
                "`POST /$resource` answers 500 rather than 409 if one idempotency key arrives twice within $span.",
                "Two calls to `POST /$resource` within $span that share an idempotency key: the second one gets a 500.",
            ),
            (
                "According to the reference it should hand back the stored reply.",
                "The second call ought to get the stored reply back.",
            ),
            ("Seen with the $language client and with curl, sandbox only.", "Our $language test for it is below.", ""),
        ),
    ),
    TextFamily(
        name="classroom-captions-wrong-name",
        label="bug_report",
        slots={
            "subject": ("Latin", "chemistry", "history", "music"),
            "action": ("shares the screen", "turns off the microphone", "moves to a group room", "raises a hand"),
            "pupil": ("whoever joined last", "the first pupil in the list", "a pupil who has left", "my co-teacher"),
        },
        sentences=(
            (
                "I teach $subject online, and the captions attribute my words to $pupil.",
                "Since the last update the captions in my $subject lessons print all I say under the name of $pupil.",
            ),
            (
                "It begins when somebody $action, and leaving and coming back does not cure it.",
                "All is well until somebody $action, and from then on the names stay mixed up.",
            ),
            ("The recording carries the wrong names too.", "Funny the first time, rather confusing after that.", ""),
        ),
    ),
    TextFamily(
        name="greenhouse-humidity-sticks",
        label="bug_report",
        slots={
            "version": ("4.1", "4.2", "5.0", "5.0.3"),
            "cause": ("a power cut", "the misting runs", "a change of sensor", "the hourly upload"),
            "place": ("bay two", "the tomato house", "the cold frame", "the north row"),
        },
        sentences=(
            (
                "Controller on firmware $version: after $cause, humidity for $place reads 100 until I pull the plug.",
                "Humidity for $place sticks at 100 after $cause, firmware $version, and only unplugging the box helps.",
                "After $cause the controller shows 100 percent humidity for $place all day long (firmware $version).",
            ),
            ("Sensor is fine, I swapped it.", "A hand-held meter says 60.", ""),
        ),
    ),
    TextFamily(
        name="drawing-pdf-export-drops-objects",
        label="bug_report",
        slots={
            "object": ("hatchings", "dimension lines", "text labels", "door symbols"),
            "character": ("an umlaut", "a slash", "a plus sign", "two spaces"),
            "format": ("SVG", "PNG", "DXF", "EPS"),
        },
        sentences=(
            (
                "The PDF export leaves out $object from any layer with $character in its name.",
                "If the name of a layer contains $character, its $object are missing from the exported PDF.",
                "Why are $object gone from the PDF as soon as the layer name has $character in it?",
            ),
            ("On screen and in the $format export they are all there.", "The $format export keeps them."),
            (
                "I attached a file with a single layer that shows it.",
                "Renaming the layer is the only way round it that I found.",
                "This holds up the drawings for a building permit, so it is urgent for me.",
            ),
        ),
    ),
    TextFamily(
        name="build-server-restores-foreign-cache",
        label="bug_report",
        slots={
            "cache": ("npm", "Gradle", "pip", "Cargo"),
            "branch": ("`main`", "`release`", "the branch built last", "a deleted branch"),
            "runner": ("the arm64 runners", "the Windows runner", "self-hosted runners", "runner image 22"),
        },
        sentences=(
            (
                "On $runner a build picks up the $cache cache of $branch although its key names another branch.",
                "The $cache cache of $branch is unpacked on $runner, whatever branch the key names.",
            ),
            (
                "The log prints the right key and then fetches the wrong archive.",
                "The lock files differ, so a hit should be impossible.",
            ),
            (
                "A four-line workflow that reproduces this is in the gist.",
                "Clearing the cache helps for exactly one build.",
                "The version before the upgrade did not do that.",
            ),
        ),
    ),
]

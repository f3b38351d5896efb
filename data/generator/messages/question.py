"""Somebody wants to know something; an answer is all that is needed."""

from data.generator.family import TextFamily

FAMILIES = [
    TextFamily(
        name="shop-cancelled-orders-in-export",
        label="question",
        slots={
            "orders": ("cancelled orders", "unpaid orders", "gift card orders", "returned orders", "test orders"),
            "format": ("CSV", "Excel", "XML", "monthly"),
            "column": ("state", "type", "remark", "total"),
        },
        sentences=(
            (
                "Are $orders part of the $format export, and can I tell them apart by the $column column?",
                "Does the $format export of the shop contain $orders, or does it leave them out on purpose?",
                "Before I send the $format export to our accountant: does its sum include $orders?",
            ),
            ("Thanks!", "The handbook is silent on it, or I overlooked the page.", ""),
        ),
    ),
    TextFamily(
        name="cycling-app-what-happens-to-rides",
        label="question",
        slots={
            "change": (
                "move to a new phone",
                "switch from Android to an iPhone",
                "end my subscription",
                "sign in on a second device",
            ),
            "kept": ("rides", "photos", "segments", "goals"),
            "duration": ("a week", "two months", "three years", "one season"),
        },
        sentences=(
            (
                "I have used the app for $duration and would like to know what becomes of my $kept if I $change.",
                "Next week I am going to $change, and I cannot work out whether my $kept will still be there.",
                "What happens to my $kept when I $change?",
            ),
            (
                "I have all of my training in there, so I would rather ask first.",
                "A friend lost all of his once, which is why I ask beforehand.",
            ),
        ),
    ),
    TextFamily(
        name="packrat-exit-status",
        label="question",
        slots={
            "command": ("restore", "verify", "create", "prune"),
            "code": ("2", "3", "4", "75"),
            "script": ("cron job", "systemd unit", "deploy script", "Makefile"),
        },
        sentences=(
            (
                "What does exit status $code of `packrat $command` mean?",
                "`packrat $command` ended with status $code here, how am I to read that?",
            ),
            (
                "Everything seems to be in place, and my $script should know whether to carry on.",
                "I want my $script to tell a warning from a failure.",
                "The man page lists 0 and 1, my $script saw another one.",
            ),
        ),
    ),
    TextFamily(
        name="warehouse-load-reads-yesterday-again",
        label="question",
        slots={
            "table": ("orders", "sessions", "meter_readings", "shipments", "clicks"),
            "part": ("the previous day", "the last three hours", "the whole month", "two old partitions"),
            "reason": ("late rows", "time zones", "corrections", "something historical"),
        },
        sentences=(
            (
                "While reading the code of the `$table` load I noticed that it fetches $part again on each run.",
                "The nightly `$table` job reads $part a second time, and the row counts come out right all the same.",
            ),
            (
                "Is that because of $reason?",
                "I suppose it is about $reason, but I would like to hear it from somebody who was there.",
                "Can someone tell me the thinking behind it, is it $reason?",
            ),
            ("I do not want to change anything, I am only new here.", "No complaint, just curious.", ""),
        ),
    ),
    TextFamily(
        name="printer-which-driver",
        label="question",
        slots={
            "model": ("L400", "L420", "Office Jet 7", "P-1100"),
            "system": ("Windows 11", "my old Mac", "Linux Mint", "a Chromebook"),
            "names": ("PCL and PS", "Basic and Full", "v3 and v4", "“Class” and “Universal”"),
        },
        sentences=(
            (
                "Dear team, I am 78 years old and have bought your $model, which is to work with $system.",
                "Good evening, my son gave me your $model, and I use $system.",
            ),
            (
                "Your website offers two drivers, $names, and I do not know which of them is meant for me.",
                "There are two drivers on the page, $names; which one should I take?",
            ),
            (
                "Will I need another one to print on both sides?",
                "May I simply install both, or would they get in each other's way?",
                "",
            ),
        ),
    ),
    TextFamily(
        name="game-do-saves-carry-over",
        label="question",
        slots={
            "platform": ("switch", "gog", "the steam deck", "ps5"),
            "thing": ("my campaign", "ranked points", "the skins i bought", "mods"),
            "event": ("the season reset", "the server move", "the big patch", "the beta ends"),
        },
        sentences=(
            (
                "anyone know if i keep $thing when i get the game on $platform?",
                "thinking of getting it on $platform too, do i keep $thing?",
                "do i keep $thing after $event, and is $platform any different there?",
            ),
            (
                "lobby chat says yes, the wiki says no.",
                "dont want to start from zero lol.",
                "asking because last time everyone was kicked and half of us came back to nothing.",
            ),
        ),
    ),
    TextFamily(
        name="ward-who-sets-the-limits",
        label="question",
        slots={
            "substance": ("potassium", "glucose", "creatinine", "lactate"),
            "ward": ("dialysis unit", "children's ward", "maternity ward", "stroke unit"),
            "mark": ("turns red", "is printed in bold", "gets an exclamation mark", "is put in a red box"),
        },
        sentences=(
            (
                "For the training of new colleagues we need to know when a $substance result $mark on the chart.",
                "On the $ward we were discussing from which level on a $substance result $mark.",
            ),
            (
                "Are those limits set by the laboratory, or does the $ward enter its own?",
                "Please tell us who sets the limits: the laboratory, the vendor or the $ward itself.",
            ),
            (
                "A short reply by e-mail is sufficient.",
                "The handbook explains the marks but not their origin.",
                "",
            ),
        ),
    ),
    TextFamily(
        name="payment-api-how-long-retries",
        label="question",
        slots={
            "code": ("502", "503", "429", "timeout"),
            "event": ("charge", "refund", "payout", "mandate"),
            "cause": ("an expired certificate", "a full disk", "a bad deploy", "a firewall rule"),
            "hours": ("two", "three", "five", "nine"),
        },
        sentences=(
            (
                "Our endpoint was down for $hours hours last night because of $cause; it is healthy again.",
                "Because of $cause we answered your webhooks with a $code for $hours hours, which is over now.",
            ),
            (
                "For how long do you go on retrying $event events, and in which order do they arrive?",
                "Do $event events get delivered again after that, or should we list them and compare?",
            ),
            ("The reference mentions retries without a number.", "A link would be enough.", ""),
        ),
    ),
    TextFamily(
        name="classroom-parent-wonders",
        label="question",
        slots={
            "child": ("daughter", "son", "foster child", "grandson"),
            "subject": ("Latin", "chemistry", "history", "music"),
            "device": ("an old tablet", "a phone", "a library computer", "a borrowed laptop"),
        },
        sentences=(
            (
                "My $child follows the $subject lessons on $device, and the picture froze twice on Monday.",
                "On Monday the picture stood still a few times while my $child attended $subject on $device.",
            ),
            (
                "What bandwidth do you recommend, and does switching the camera off make a difference?",
                "Is $device simply too weak for it, and what would be the least we should buy?",
                "I wonder whether captions use up much data or whether we might leave them on.",
            ),
        ),
    ),
    TextFamily(
        name="greenhouse-how-many-sensors",
        label="question",
        slots={
            "count": ("30", "48", "64", "100"),
            "distance": ("80", "120", "200", "350"),
            "cable": ("the two-wire bus", "the radio link", "shielded cable", "the mesh"),
        },
        sentences=(
            (
                "Planning $count humidity sensors for one controller, $distance metres away: will $cable cope?",
                "How far does $cable reach if I hang $count sensors on one controller, is $distance metres too much?",
                "We quote for a site with $count sensors at up to $distance metres and wonder if $cable allows that.",
            ),
            ("Firmware will be the latest.", "The wiring diagram shows eight of them at most.", ""),
        ),
    ),
    TextFamily(
        name="drawing-where-line-weights-come-from",
        label="question",
        slots={
            "object": ("hatchings", "dimension lines", "outlines", "door symbols"),
            "source": ("the pen table", "the layer", "the printer profile", "the template"),
            "format": ("PDF", "SVG", "DXF", "EPS"),
        },
        sentences=(
            (
                "Which setting decides how thick $object become in the $format export, is it $source?",
                "I would like my $object thinner in the exported $format; do I change that in $source or elsewhere?",
            ),
            (
                "On screen they look thinner, which I understand is deliberate.",
                "My predecessor knew, but she has retired.",
                "I searched the forum and found three different answers.",
            ),
            ("It is for a competition, so a quick hint would be great.", ""),
        ),
    ),
    TextFamily(
        name="build-server-why-step-runs-again",
        label="question",
        slots={
            "step": ("the install step", "code generation", "the container build", "the lint step"),
            "cache": ("npm", "Gradle", "pip", "Cargo"),
            "change": ("I edit a README", "only a comment changes", "a tag is pushed", "a new runner picks it up"),
        },
        sentences=(
            (
                "Could somebody explain to me why $step runs again when $change, although the $cache cache is warm?",
                "I am trying to understand what goes into the $cache cache key and why $step runs again when $change.",
                "When $change and the $cache cache is hit, what makes the server repeat $step?",
            ),
            (
                "Nothing is broken, I am preparing a talk for the team.",
                "I assume that it is meant to be so.",
                "",
            ),
        ),
    ),
]

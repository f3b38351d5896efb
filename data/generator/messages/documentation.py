"""What is written about the software is wrong, missing or out of date, while the software itself is in order."""

from data.generator.family import TextFamily

FAMILIES = [
    TextFamily(
        name="shop-handbook-old-button",
        label="documentation",
        slots={
            "button": ("Export orders", "Create voucher", "Refund", "Print labels"),
            "old": ("in the top right corner", "under Settings", "below the order list", "in the grey side bar"),
            "new": ("the Tools menu", "the order form", "the Accounting tab", "the Customers menu"),
            "when": ("in spring", "two years ago", "with version 8", "with the redesign"),
        },
        sentences=(
            (
                "The merchant handbook still shows “$button” $old, but it moved to $new $when.",
                "According to the merchant handbook “$button” is found $old, while in truth it sits in $new.",
            ),
            (
                "Every new clerk of mine stumbles over that page.",
                "I know where it is, but my clerks go by the text.",
                "",
            ),
            ("Would you correct the picture as well?", "The button works perfectly, mind you.", ""),
        ),
    ),
    TextFamily(
        name="cycling-app-help-page-outdated",
        label="documentation",
        slots={
            "topic": ("pausing a ride", "moving to a new phone", "pairing a sensor", "deleting an account"),
            "button": ("the gear icon", "“More”", "the bell", "“My profile”"),
            "language": ("German", "Spanish", "Danish", "Polish"),
        },
        sentences=(
            (
                "Your help page about $topic tells me to tap $button, which has been gone since the new design.",
                "Went to the help page on $topic and it wants me to tap $button, and there is no such thing any more.",
            ),
            (
                "Figured it out by trial and error, but please update the steps.",
                "The $language page already has the right steps, only the English one is stale.",
                "Found out how on a forum, which is a bit sad.",
            ),
        ),
    ),
    TextFamily(
        name="packrat-man-page-gaps",
        label="documentation",
        slots={
            "command": ("restore", "verify", "create", "prune"),
            "flag": ("--keep", "--max-age", "--chunk", "--timeout"),
            "gap": ("the default", "the unit", "the allowed range", "the short form"),
        },
        sentences=(
            (
                "packrat-$command(1) lists `$flag` without mentioning $gap.",
                "The man page of `packrat $command` does not give $gap for `$flag`.",
                "`packrat $command --help` gives $gap for `$flag`, packrat-$command(1) does not.",
            ),
            (
                "Had to read the source to find out.",
                "One line would do, patch attached.",
                "Also, the example below it has a typo and fails when pasted.",
            ),
        ),
    ),
    TextFamily(
        name="warehouse-load-stale-runbook",
        label="documentation",
        slots={
            "table": ("orders", "sessions", "meter_readings", "shipments", "clicks"),
            "step": ("step 3", "step 5", "the restart section", "the last paragraph"),
            "stale": (
                "a host that was retired in May",
                "a table that has been renamed",
                "a dashboard nobody can open",
                "a person who left the company",
            ),
            "span": ("an hour", "40 minutes", "half the night", "two hours"),
        },
        sentences=(
            (
                "When the `$table` load was stuck last night I lost $span, as $step of the runbook refers to $stale.",
                "Follow-up: in the runbook for the `$table` load $step refers to $stale, which cost me $span.",
            ),
            (
                "The load is healthy again, it is the text that needs work.",
                "The outage is over and understood, what remains is to bring the page up to date.",
            ),
            ("I can draft the new wording.", ""),
        ),
    ),
    TextFamily(
        name="printer-leaflet-translation",
        label="documentation",
        slots={
            "model": ("L400", "L420", "Office Jet 7", "P-1100"),
            "language": ("German", "Italian", "Dutch", "Greek"),
            "page": ("4", "7", "12", "19"),
            "subject": ("printing on both sides", "choosing the driver", "clearing a paper jam", "loading envelopes"),
        },
        sentences=(
            (
                "Dear Sir or Madam, in the leaflet for the $model the $language text breaks off on page $page.",
                "Hello, page $page of the $language leaflet for the $model ends in the middle of a sentence.",
            ),
            (
                "It is the very part about $subject that I would have needed.",
                "Judging by the English version, the rest would have dealt with $subject.",
                "What is left of the part on $subject mixes up left and right.",
            ),
            ("The printer itself does all that it should.", "With friendly greetings from a faithful customer.", ""),
        ),
    ),
    TextFamily(
        name="game-modding-guide-wrong",
        label="documentation",
        slots={
            "unit": ("catapult", "scout", "war elephant", "supply cart", "siege tower"),
            "field": ("speed", "armor", "upkeep", "sight"),
            "version": ("1.2", "1.4", "the beta", "early access"),
        },
        sentences=(
            (
                "modding guide still has the $unit example from $version, the $field key isnt called that anymore.",
                "the $field table in the modding guide stops at $version, so the $unit is not even in there.",
                "copied the $unit example from the modding guide and it wont load, turns out its for $version.",
            ),
            (
                "game is fine, the guide just never got touched.",
                "took me all evening to find the real names in the files, pls put them in there.",
            ),
        ),
    ),
    TextFamily(
        name="ward-handbook-old-screenshots",
        label="documentation",
        slots={
            "chapter": ("chapter 3", "chapter 6", "appendix B", "chapter 9"),
            "topic": ("laboratory results", "the medication chart", "allergy entries", "the emergency printout"),
            "ward": ("dialysis unit", "children's ward", "maternity ward", "stroke unit"),
            "occasion": ("the accreditation visit", "the next audit", "our induction week", "the summer rota"),
        },
        sentences=(
            (
                "In the user handbook, the part on $topic ($chapter) shows screens of the previous release.",
                "The screens on $topic in the user handbook, $chapter, no longer match what staff have before them.",
            ),
            (
                "Colours are explained the other way round, which confuses new nurses on the $ward.",
                "New staff on the $ward follow the printed steps and look for entries that were renamed.",
            ),
            ("A corrected edition before $occasion would be appreciated.", "We would need it before $occasion.", ""),
        ),
    ),
    TextFamily(
        name="payment-api-reference-says-optional",
        label="documentation",
        slots={
            "field": ("currency", "customer", "return_url", "metadata"),
            "resource": ("charges", "refunds", "payouts", "mandates"),
            "sample": ("Python", "Go", "Ruby", "Kotlin"),
        },
        sentences=(
            (
                "The reference calls `$field` optional in `POST /$resource`, but leaving it out yields a 422.",
                "Per the reference `POST /$resource` works without `$field`; in reality that gets a 422.",
            ),
            (
                "The API is right to insist, so the page is what should change.",
                "Rejecting the call makes sense, the table on the page just needs the word “required”.",
            ),
            ("The $sample sample has the same slip.", "Only the $sample sample gets it right.", ""),
        ),
    ),
    TextFamily(
        name="classroom-tutorial-skips-a-step",
        label="documentation",
        slots={
            "action": ("invite the class", "open group rooms", "switch on captions", "set an exam"),
            "next": ("sharing the screen", "recording", "handing out marks", "ending the lesson"),
            "teacher": ("substitute teachers", "older colleagues", "trainees", "visiting lecturers"),
        },
        sentences=(
            (
                "The first-steps tutorial goes straight to $next and never explains how to $action.",
                "How do you $action? That is what $teacher ask me, for your tutorial leaps right to $next.",
            ),
            (
                "A paragraph with one picture would help $teacher a lot.",
                "Please add the missing paragraph, I keep explaining it on the phone to $teacher.",
                "I wrote it up for our $teacher, feel free to take my text.",
            ),
        ),
    ),
    TextFamily(
        name="greenhouse-wiring-diagram-swapped",
        label="documentation",
        slots={
            "sensor": ("humidity sensor", "soil probe", "vent motor", "CO2 sensor"),
            "terminals": ("A and B", "3 and 4", "plus and minus", "signal and ground"),
            "revision": ("revision C", "the 2023 edition", "the PDF", "the lid sticker"),
            "count": ("four", "ten", "a dozen", "twenty"),
        },
        sentences=(
            (
                "Wiring diagram for the $sensor, $revision: $terminals are swapped compared to the board.",
                "The diagram for the $sensor ($revision) has $terminals the wrong way round.",
            ),
            (
                "I connected $count of them that way and read 100 percent; with the wires crossed all is well.",
                "Board and firmware are fine, the drawing is not.",
                "Please send a corrected sheet, we have $count sites to wire.",
            ),
        ),
    ),
    TextFamily(
        name="drawing-tutorial-dead-links",
        label="documentation",
        slots={
            "lesson": ("lesson 2", "lesson 5", "the hatching lesson", "the lesson on layers"),
            "file": ("practice file", "template", "pen table", "symbol library"),
            "format": ("PDF", "SVG", "DXF", "EPS"),
        },
        sentences=(
            (
                "The link to the $file in $lesson leads nowhere.",
                "In $lesson, clicking on the $file gives a page-not-found.",
            ),
            (
                "Moreover, the paragraph about the $format export speaks of a dialog that was merged with another one.",
                "The text on $format export there has not followed the new dialog either.",
            ),
            (
                "As a self-taught beginner I was lost until a friend sent me her copy.",
                "I teach evening classes with it and now hand out my own sheet.",
                "",
            ),
        ),
    ),
    TextFamily(
        name="build-server-upgrade-notes-silent",
        label="documentation",
        slots={
            "option": ("cache.prefix", "cancel_older", "runner.labels", "retry.max"),
            "version": ("v14", "v15.2", "v16", "v16.1"),
            "place": ("upgrade page", "migration guide", "changelog", "upgrade checklist"),
        },
        sentences=(
            (
                "`$option` was renamed in $version and the $place says nothing about it.",
                "The $place for $version keeps quiet about the new name of `$option`.",
                "The README sample still sets `$option`, which $version dropped, and the $place is silent.",
            ),
            (
                "Our builds stopped on upgrade day, which one sentence would have prevented.",
                "I agree with the change itself, it only has to be written down somewhere.",
            ),
        ),
    ),
]

"""A running service fails for its users at this moment and somebody has to step in."""

from data.generator.family import TextFamily

FAMILIES = [
    TextFamily(
        name="shop-no-order-goes-through",
        label="incident",
        slots={
            "time": ("nine this morning", "half past six", "shortly after noon", "a quarter to eight"),
            "method": ("card", "invoice", "wallet", "bank transfer"),
            "occasion": ("our summer sale", "a TV spot", "the newsletter", "a flash sale"),
        },
        sentences=(
            (
                "Not a single order has gone through in our shop since $time.",
                "Since $time every customer has ended up on a blank page after paying.",
            ),
            (
                "It started with $method payments, by now none of the methods works.",
                "First only $method payments hung, now the basket does not even load.",
            ),
            (
                "And this on the day of $occasion, please call me back at once!",
                "Because of $occasion we have ten times the usual visitors and are losing money by the minute.",
            ),
        ),
    ),
    TextFamily(
        name="cycling-app-nobody-signs-in",
        label="incident",
        slots={
            "count": ("140", "300", "over 500", "nearly a thousand"),
            "code": ("503", "504", "“session expired”", "a spinning wheel"),
            "scope": ("Android and iPhone alike", "all countries", "old and new versions", "free and paid accounts"),
        },
        sentences=(
            (
                "Support here: $count riders wrote within the last half hour that they cannot sign in to the app.",
                "We have $count open tickets from the last half hour, all from riders who are locked out of the app.",
            ),
            ("They see $code, and it hits $scope.", "It hits $scope, and all of them see $code."),
            (
                "Rides being recorded right now are not uploaded either.",
                "I have put a notice on the help page, who is looking into it?",
                "",
            ),
        ),
    ),
    TextFamily(
        name="packrat-store-refuses-all-hosts",
        label="incident",
        slots={
            "hosts": ("the database hosts", "all of rack 4", "the mail servers", "the customer VMs"),
            "error": ("No space left on device", "Connection refused", "Permission denied", "Repository is locked"),
            "time": ("02:10", "01:30", "23:45", "04:05"),
        },
        sentences=(
            (
                "`packrat create` has failed on $hosts with “$error” since $time, no backup from tonight exists.",
                "No host has been able to write to the backup store since $time: “$error” on $hosts and spreading.",
            ),
            (
                "A customer is waiting for a restore and we cannot serve it.",
                "Restores are affected as well, the man page trick with the lock file did not help.",
                "Need somebody with access to the store now.",
            ),
        ),
    ),
    TextFamily(
        name="warehouse-load-is-stuck",
        label="incident",
        slots={
            "table": ("orders", "sessions", "meter_readings", "shipments", "clicks"),
            "people": ("the finance team", "the dispatchers", "the sales floor", "our trading desk"),
            "hour": ("four", "five", "six", "half past three"),
        },
        sentences=(
            (
                "Tonight's `$table` load has been hanging since $hour, and the third restart just died as well.",
                "The nightly job has been stuck in `$table` since $hour and blocks all loads behind it.",
            ),
            (
                "Dashboards are empty and $people cannot work with yesterday's figures.",
                "With blank dashboards $people cannot work, and the board meets at ten.",
            ),
            (
                "I followed the runbook to the end and am now escalating.",
                "I am on call and out of ideas, please join the bridge.",
                "Whoever owns the cluster, please have a look right away.",
            ),
        ),
    ),
    TextFamily(
        name="printer-rollout-stops-printing",
        label="incident",
        slots={
            "count": ("60", "85", "120", "200"),
            "place": ("town hall", "tax office", "main clinic", "university library"),
            "jobs": ("900", "1,500", "2,000", "4,000"),
            "paper": ("invoices", "permits", "wristbands", "receipts"),
        },
        sentences=(
            (
                "The new driver reached $count printers in the $place an hour ago, and none of them has printed since.",
                "Since the driver went out an hour ago, nothing prints at the $place any more, $count machines in all.",
            ),
            (
                "The print server holds $jobs jobs and the number keeps growing.",
                "There are $jobs jobs in the queue, and people stand in line for $paper.",
            ),
            (
                "Kindly stop the roll-out and help us to go back.",
                "We need the previous version back everywhere, as fast as you can.",
            ),
        ),
    ),
    TextFamily(
        name="game-servers-kick-everyone",
        label="incident",
        slots={
            "region": ("eu", "south america", "asia", "us east"),
            "event": ("the weekend cup", "the final", "double xp", "the charity run"),
            "count": ("3k", "8k", "20k", "half the"),
        },
        sentences=(
            (
                "whole $region lobby just died, everyone got kicked and $count players cant get back in.",
                "$region servers are kicking everybody every two minutes rn, $count players are stuck at login.",
            ),
            (
                "$event started ten minutes ago, can a dev get on this now?",
                "its happening live during $event, somebody wake up the server guys.",
                "and $event is running right now.",
            ),
        ),
    ),
    TextFamily(
        name="ward-chart-cannot-be-reached",
        label="incident",
        slots={
            "ward": ("surgical ward", "dialysis unit", "children's ward", "emergency room"),
            "time": ("07:20", "13:40", "18:05", "22:30"),
            "fallback": ("paper charts", "telephone orders", "the emergency printouts", "whiteboards"),
        },
        sentences=(
            (
                "The medication chart has been out of reach for all wards since $time; the $ward noticed first.",
                "Since $time no workstation in the house has reached the chart, beginning with the $ward.",
            ),
            ("We have switched to $fallback.", "All wards are working with $fallback according to the emergency plan."),
            (
                "Laboratory results do not arrive either, and patients are waiting for their doses.",
                "Please state within ten minutes who is dealing with it and when the chart will be back.",
            ),
        ),
    ),
    TextFamily(
        name="payment-api-error-rate",
        label="incident",
        slots={
            "resource": ("charges", "refunds", "payouts", "mandates"),
            "percent": ("12", "30", "45", "70"),
            "region": ("Frankfurt", "Virginia", "Singapore", "Dublin"),
            "suspect": ("the 14:00 deploy", "the database failover", "a certificate change", "the new rate limiter"),
        },
        sentences=(
            (
                "$percent percent of calls to `/$resource` in $region return 500 and the curve is rising.",
                "Error rate on `/$resource` in $region at $percent percent, up from zero a quarter of an hour ago.",
            ),
            (
                "It coincides with $suspect; rolling back now, next update in 15 minutes.",
                "Could be $suspect, not confirmed, webhooks are delayed too.",
                "Merchants notice, and $suspect is the prime suspect.",
            ),
        ),
    ),
    TextFamily(
        name="classroom-exam-has-begun",
        label="incident",
        slots={
            "subject": ("Latin", "chemistry", "history", "maths"),
            "count": ("26", "90", "180", "over 400"),
            "symptom": ("a white page", "“room is full”", "the waiting screen", "an endless loading circle"),
        },
        sentences=(
            (
                "Our $subject exam began ten minutes ago and $count pupils sit in front of $symptom.",
                "There are $count pupils who should be writing their $subject exam and all they get is $symptom.",
            ),
            (
                "The other schools in town tell me that it is the same with them.",
                "My colleagues in the next rooms cannot open their lessons either.",
            ),
            (
                "What do I tell the children, will it be back this morning?",
                "I have tried everything on your help page, please hurry.",
                "",
            ),
        ),
    ),
    TextFamily(
        name="greenhouse-controllers-offline",
        label="incident",
        slots={
            "count": ("38", "110", "270", "95"),
            "region": ("coastal", "valley", "southern", "island"),
            "night": ("frost tonight", "a storm tonight", "35 degrees this afternoon", "hail by noon"),
            "time": ("03:12", "05:40", "06:05", "04:30"),
        },
        sentences=(
            (
                "$count controllers on the $region sites went offline at $time and alarms no longer reach the growers.",
                "At $time we lost contact with $count controllers on the $region sites.",
            ),
            (
                "Forecast says $night, so vents and heating must be reachable before that.",
                "With $night in the forecast the growers need their remote control back, please page the gateway team.",
            ),
        ),
    ),
    TextFamily(
        name="drawing-licence-server-refuses",
        label="incident",
        slots={
            "count": ("fifteen", "thirty", "fifty", "seventy"),
            "message": ("no seat available", "licence expired", "server not found", "invalid signature"),
            "deadline": (
                "a tender closes at noon",
                "the client arrives at two",
                "the permit is due today",
                "it is month end",
            ),
        },
        sentences=(
            (
                "Your licence server turns away all of our $count draughtsmen with “$message”.",
                "“$message” on every desk: $count people in our office have been unable to draw since they came in.",
            ),
            (
                "We have paid until next year, and other offices are hit as well, I hear.",
                "The hotline is engaged, which tells me that we are not the only ones.",
            ),
            (
                "Open files cannot even be exported, and $deadline.",
                "This must be up again within the hour because $deadline.",
            ),
        ),
    ),
    TextFamily(
        name="build-server-nothing-starts",
        label="incident",
        slots={
            "runner": ("macOS", "arm64", "Windows", "GPU"),
            "cause": ("disks are full", "tokens were rejected", "agents lost the queue", "hosts do not answer"),
            "jobs": ("240", "600", "900", "1,300"),
            "work": ("the security release", "the hotfix for the shop", "tonight's deploy", "every merge"),
        },
        sentences=(
            (
                "No build has started for 40 minutes, $jobs jobs queued, the $runner $cause.",
                "Build server stuck: the $runner $cause, $jobs jobs waiting, other runners pick up nothing either.",
            ),
            (
                "This blocks $work for all teams.",
                "Looking at it with the infrastructure people, $work is on hold until further notice.",
                "Anyone with root on the hosts around?",
            ),
        ),
    ),
]

"""An audit in plain lines, the alarms first."""

from collections.abc import Iterator

from domain.alarms import KNOWING_KAPPA, held_apart
from domain.audit import LENGTH, POSITION, Audit, Clones, PartScores, Scores, Shortcut
from domain.words import counted

SHOWN = 5
TWINS_AUC = 0.4
WAYS = {
    "exact": "exact, white space aside",
    "renamed": "renamed or renumbered",
    "near": "near, 0.8 of their words shared",
}
INDENT = "  "


def plain_text(audit: Audit) -> str:
    """Write all findings, the first examples of each."""
    return "\n".join(_lines(audit)) + "\n"


def _lines(audit: Audit) -> Iterator[str]:
    yield f"{audit.dataset_path}: {counted(audit.num_train, 'rows')} to learn from, {audit.num_eval:,} to score on"
    yield f"task {audit.task}, texts compared as {audit.form}, seed {audit.seed}"
    yield from (f"note: {note}" for note in (*audit.notes, *audit.samples))
    yield ""
    yield "no alarm" if not audit.alarms else counted(len(audit.alarms), "alarms")
    for alarm in audit.alarms:
        yield f"! {alarm.finding}: {alarm.sentence} {alarm.remedy}"
    for title, lines in (
        ("Clones", _clones(audit)),
        ("Labels", _labels(audit)),
        ("Shortcuts", _shortcuts(audit)),
        ("Leaks", _leaks(audit)),
        ("Scores without what training knows", _scores(audit)),
    ):
        yield ""
        yield title
        yield from (INDENT + line for line in lines)


def _clones(audit: Audit) -> Iterator[str]:
    for found in audit.clones:
        rows = counted(found.rows, "evaluation rows")
        yield (
            f"{WAYS[found.kind]}: {found.across:,} of {rows} like a training row; like another of their own part "
            f"{found.in_training:,} in training, {found.in_evaluation:,} in evaluation"
        )
        yield from (INDENT + line for line in _alike(found))


def _alike(found: Clones) -> Iterator[str]:
    for each in found.examples[:SHOWN]:
        labels = each.evaluation_label
        if each.training_label != labels:
            labels += f", there {each.training_label}"
        yield f"{each.evaluation} = {each.training} ({each.similarity:.2f}; {labels})"


def _labels(audit: Audit) -> Iterator[str]:
    conflicts = audit.conflicts
    yield f"texts with more than one label: {conflicts.texts:,}, in {counted(conflicts.rows, 'rows')}"
    for example in conflicts.examples[:SHOWN]:
        pairs = zip(example.rows, example.labels, strict=True)
        yield INDENT + ", ".join(f"{row} {label}" for row, label in pairs)
    noise = audit.noise
    if noise is None:
        return
    if noise.kappa < KNOWING_KAPPA:
        yield f"label noise: a bag of words knows too little of these labels to doubt any (kappa {noise.kappa:.2f})"
        return
    yield (
        f"label noise: about {noise.share:.1%} of {counted(noise.rows, 'rows')} look wrong (kappa {noise.kappa:.2f}); "
        f"{counted(noise.count, 'rows')} to look at, the first:"
    )
    for doubt in noise.doubtful[:SHOWN]:
        yield (
            f"{INDENT}{doubt.row}: {doubt.label} ({doubt.label_score:.2f}), may be {doubt.suggested} "
            f"({doubt.suggested_score:.2f})"
        )


def _shortcuts(audit: Audit) -> Iterator[str]:
    for found in audit.shortcuts:
        apart = ", which the split holds apart" if found.name in held_apart(audit) else ""
        yield f"{found.name}{apart}: AUC {_number(found.auc)}{_below_chance(found)}{_held_out(found, audit)}"
        if found.words:
            yield from (f"{INDENT}{each.label}: {' '.join(each.words)}" for each in found.words[:SHOWN])


def _below_chance(found: Shortcut) -> str:
    if found.auc is None or found.auc >= TWINS_AUC or found.name in (LENGTH, POSITION):
        return ""
    return " (what is most like a row has the other label, as twins have)"


def _held_out(found: Shortcut, audit: Audit) -> str:
    if found.auc_held_out is None:
        return ""
    return f"; {found.auc_held_out:.3f} where each {audit.held_out_by} is held out as a whole"


def _leaks(audit: Audit) -> Iterator[str]:
    for leak in audit.groups:
        yield (
            f"{leak.column}: {leak.shared:,} of {counted(leak.values, 'values')} on both sides, "
            f"{leak.rows:,} of {counted(audit.num_eval, 'evaluation rows')}"
        )
    for times in audit.times:
        yield (
            f"{times.column}: trained on {' to '.join(times.training)}, scored on {' to '.join(times.evaluation)}; "
            f"{times.older:,} of {counted(times.rows, 'evaluation rows')} are older than the newest training row"
        )
    if not audit.groups and not audit.times:
        yield "no column of projects, commits, times or the like was found; name one with --group-field, --time-field"


def _scores(audit: Audit) -> Iterator[str]:
    for part in audit.scores:
        yield f"{part.part}, {counted(part.rows, 'rows')}: {_part(part)}"


def _part(part: PartScores) -> str:
    if part.why_not:
        return part.why_not
    told = [] if part.words is None else [f"bag of words {_written(part.words)}"]
    if part.run is not None:
        rows = "" if part.run_rows == part.rows else f" on {counted(part.run_rows, 'rows')}"
        told.append(f"the run {_written(part.run)}{rows}")
    return "; ".join(told) or "no words to learn from"


def _written(scores: Scores) -> str:
    known = {"accuracy": scores.accuracy, "macro F1": scores.macro_f1, "AUC": scores.auc, "J": scores.youden_j}
    return ", ".join(f"{name} {value:.3f}" for name, value in known.items() if value is not None)


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"

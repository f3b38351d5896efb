"""When what an audit found makes scores worth less than they look: the rules, and a sentence for each."""

from collections.abc import Iterator

from domain.audit import BAG_OF_WORDS, EXACT, LENGTH, NEAR, POSITION, SINGLE_WORD, Alarm, Audit, Clones, Noise, Shortcut
from domain.words import counted

TELLING_AUC = 0.9
TELLING_ROWS = 30  # of fewer rows an area above 0.9 is chance often enough
CLONE_SHARE = 0.01  # of the evaluation rows; of exact clones one is too many
CONFLICT_SHARE = 0.01  # of all rows
NOISE_SHARE = 0.05
EXPLAINED = 0.5  # of the errors of a bag of words; below that it is the words that err more than the labels
# Below it a bag of words knows too little of the labels to doubt any (Landis and Koch, 1977, call it fair at most).
KNOWING_KAPPA = 0.4
OLDER_SHARE = 0.05
MAX_NAMED = 3
SPLIT_ANEW = "Leave these rows out of one part, or keep what belongs together on one side with group_field."


def alarms_of(audit: Audit) -> tuple[Alarm, ...]:
    """Raise the alarms of an audit, the gravest kinds first."""
    return (
        *_of_clones(audit),
        *_of_groups(audit),
        *_of_times(audit),
        *_of_shortcuts(audit),
        *_of_labels(audit),
    )


def held_apart(audit: Audit) -> set[str]:
    """Name the columns no value of which stands on both sides: what they tell of a label helps nobody."""
    return {leak.column for leak in audit.groups if not leak.rows}


def _of_clones(audit: Audit) -> Iterator[Alarm]:
    for found in audit.clones:
        if found.across > (0 if found.kind == EXACT else CLONE_SHARE * found.rows):
            yield Alarm(f"{found.kind} clones", _clones_told(found), SPLIT_ANEW)


def _clones_told(found: Clones) -> str:
    rows = f"{found.across:,} of {counted(found.rows, 'evaluation rows')}"
    if found.kind == EXACT:
        return f"{rows} {'stands' if found.across == 1 else 'stand'} in the training part too, white space aside."
    are = "is" if found.across == 1 else "are"
    how = "with other names or numbers" if found.kind != NEAR else "with a few other words"
    return f"{rows} {are} a row of the training part {how}."


def _of_groups(audit: Audit) -> Iterator[Alarm]:
    for leak in audit.groups:
        if leak.rows:
            examples = ", ".join(map(repr, leak.examples[:MAX_NAMED]))
            yield Alarm(
                "shared groups",
                f"{leak.rows:,} of {counted(audit.num_eval, 'evaluation rows')} share their {leak.column} with the "
                f"training part ({leak.shared:,} of {leak.values:,} values, such as {examples}).",
                f"Split by it: group_field={leak.column} keeps each value on one side.",
            )


def _of_times(audit: Audit) -> Iterator[Alarm]:
    for leak in audit.times:
        if leak.share_older > OLDER_SHARE:
            yield Alarm(
                "time",
                f"{leak.older:,} of {counted(leak.rows, 'evaluation rows')} are older than the newest training row by "
                f"{leak.column} ({leak.evaluation[0]} to {leak.evaluation[1]}, trained on {leak.training[0]} to "
                f"{leak.training[1]}): a model learns from what came later.",
                "Give the later rows as the evaluation part.",
            )


def _of_shortcuts(audit: Audit) -> Iterator[Alarm]:
    for found in audit.shortcuts:
        if found.rows < TELLING_ROWS or found.name in held_apart(audit):  # what is held apart is not learnt of
            continue
        auc = found.auc if found.auc_held_out is None else found.auc_held_out
        if auc is not None and auc > TELLING_AUC:
            yield Alarm(f"shortcut: {found.name}", *_shortcut_told(found, auc))


def _shortcut_told(found: Shortcut, auc: float) -> tuple[str, str]:
    told = f"tells the labels of rows it has not seen, AUC {auc:.3f}"
    if found.name in (BAG_OF_WORDS, SINGLE_WORD):
        named = "; ".join(f"{each.label}: {' '.join(each.words[:MAX_NAMED])}" for each in found.words[:MAX_NAMED])
        return (
            f"a {found.name} alone {told} ({named}).",
            "Right where words make the label, as topics do; else a model need not understand anything to score well.",
        )
    if found.name == LENGTH:
        return f"the length of a text alone {told}.", "Give the labels rows of like lengths."
    if found.name == POSITION:
        return f"the {POSITION} alone {told}: rows are sorted.", "Shuffle the rows before cutting the file in parts."
    return f"the name in {found.name} alone {told}.", f"Judge by held-out values: group_field={found.name}."


def _explains_errors(noise: Noise) -> bool:
    return noise.kappa >= KNOWING_KAPPA and noise.share >= EXPLAINED * (1.0 - noise.accuracy)


def _of_labels(audit: Audit) -> Iterator[Alarm]:
    rows = audit.num_train + audit.num_eval
    if audit.conflicts.rows > CONFLICT_SHARE * rows:
        yield Alarm(
            "conflicting labels",
            f"{counted(audit.conflicts.texts, 'texts')} in {counted(audit.conflicts.rows, 'rows')} of {rows:,} have "
            "more than one label.",
            "Decide which is right; no model can be right about all of them.",
        )
    noise = audit.noise
    if noise is not None and noise.share > NOISE_SHARE and _explains_errors(noise):
        yield Alarm(
            "label noise",
            f"about {noise.share:.0%} of the labels look wrong, by confident learning with a bag of words.",
            "Look at the doubtful rows, the first ones first.",
        )

"""What an audit of labelled rows found: values that a page, a terminal and a program read alike.

Rows are named by file and line. Shares, scores and areas under curves lie in [0, 1]; None stands for what these rows
do not tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EXACT, RENAMED, NEAR = "exact", "renamed", "near"
BAG_OF_WORDS, SINGLE_WORD, LENGTH, POSITION = "bag of words", "single word", "length", "position in the file"
ALL_ROWS = "all rows"


@dataclass(frozen=True)
class AlikeRows:
    """A row of the evaluation part and one of the training part that is like it; `similarity` is 1 for equal ones."""

    evaluation: str
    training: str
    similarity: float
    evaluation_label: str
    training_label: str


@dataclass(frozen=True)
class Clones:
    """Rows that are like others in one way, and in no closer one.

    `kind` is "exact" (white space aside), "renamed" (names, numbers, case aside) or "near" (at least 0.8 of all runs
    of five words shared). Of `rows` of the evaluation part that were compared `across` are like one of the training
    part; `in_training` and `in_evaluation` count rows that are like another one of their own part.
    """

    kind: str
    rows: int
    across: int
    in_training: int
    in_evaluation: int
    examples: tuple[AlikeRows, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """Rows of one text, white space aside, with their labels."""

    rows: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Conflicts:
    """Texts that have more than one label, and how many rows hold them."""

    texts: int
    rows: int
    examples: tuple[Conflict, ...] = ()


@dataclass(frozen=True)
class DoubtfulLabel:
    """A row whose words speak for another label, and what a model that has not learned from it gives to both."""

    row: str
    label: str
    suggested: str
    label_score: float
    suggested_score: float


@dataclass(frozen=True)
class Noise:
    """Labels that may be wrong, by confident learning with a bag of words.

    Of `rows` rows `share` are estimated to be labelled wrong, and `count` are candidates. `accuracy` is that of the bag
    of words on rows it has not learned from, `kappa` how much of that is beyond chance: where it is little, the
    estimate means little. `doubtful` rows begin with the candidates; others follow that the words answer otherwise.
    """

    rows: int
    share: float
    count: int
    accuracy: float
    kappa: float
    doubtful: tuple[DoubtfulLabel, ...] = ()


@dataclass(frozen=True)
class TellingWords:
    """Words that speak for a label, the strongest first."""

    label: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Shortcut:
    """How well something that is no understanding tells the labels.

    `auc` is of rows that were not learned from, `auc_held_out` of rows whose whole group was not.
    """

    name: str
    rows: int
    auc: float | None
    auc_held_out: float | None = None
    words: tuple[TellingWords, ...] = ()


@dataclass(frozen=True)
class GroupLeak:
    """Values of a column that stand on both sides, and the rows of the evaluation part that have one of these."""

    column: str
    values: int
    shared: int
    rows: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimeLeak:
    """Whether what is scored lies behind what is learnt from.

    `older` counts the rows of the evaluation part that are older than the newest one of the training part;
    `share_older` is the chance that a row of the evaluation part is older than one of the training part: 0 where time
    divides them, 0.5 where it says nothing.
    """

    column: str
    rows: int
    older: int
    share_older: float
    training: tuple[str, str]
    evaluation: tuple[str, str]


@dataclass(frozen=True)
class Scores:
    """What answers are worth; `auc` and `youden_j` tell the negative label from all others where there is one."""

    accuracy: float
    macro_f1: float
    auc: float | None = None
    youden_j: float | None = None


@dataclass(frozen=True)
class PartScores:
    """Scores on a part of the evaluation rows, those of a bag of words and of a run; `why_not` where there are none."""

    part: str
    rows: int
    words: Scores | None = None
    run: Scores | None = None
    run_rows: int = 0
    why_not: str = ""


@dataclass(frozen=True)
class Alarm:
    """Something that makes scores on these rows worth less than they look, and what to do."""

    finding: str
    sentence: str
    remedy: str


@dataclass(frozen=True)
class LabelCount:
    """How many rows of both parts have a label."""

    label: str
    training: int
    evaluation: int


@dataclass(frozen=True)
class Audit:
    """All that was found. `form` is how texts were compared: "code" or "prose".

    `settings` are those of a training that decide the rows, where they are not the usual ones. `held_out_by` is the
    column whose groups were held out where scores are of held-out groups, None where rows have none. `samples` say
    where a part of large data was looked at, `notes` what else a reader should know.
    """

    dataset_path: str
    eval_path: str | None
    task: str
    negative_label: str | None
    form: str
    settings: Mapping[str, Any]
    seed: int
    num_train: int
    num_eval: int
    labels: tuple[LabelCount, ...]
    clones: tuple[Clones, ...]
    conflicts: Conflicts
    noise: Noise | None
    shortcuts: tuple[Shortcut, ...]
    held_out_by: str | None
    groups: tuple[GroupLeak, ...]
    times: tuple[TimeLeak, ...]
    scores: tuple[PartScores, ...]
    samples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()

"""What is looked at in a scan of a tree, what is said of it, and what a scan tells of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.findings import Finding

FORMATS = TEXT, JSON, SARIF, HTML = ("text", "json", "sarif", "html")
ENDINGS = {".sarif": SARIF, ".sarif.json": SARIF, ".json": JSON, ".html": HTML, ".htm": HTML}
SAFE = "safe"
MODULE = "module"  # what of a file stands outside of its functions
WHOLE = "whole file"  # what does not parse
BANDIT, MODEL, BOTH = "bandit", "model", "both"
# Of the pieces of a tree that are weak: 3 % of the functions of PrimeVul are (Ding et al., 2024).
EXPECTED_SHARE = 0.03

Lines = tuple[int, int]  # the first and the last of lines that follow each other, counted from 1


@dataclass(frozen=True)
class SourceFile:
    """A file to be looked at: `path` as it is told, relative to the base of the scan, `place` where it is opened.

    `digest` is the SHA-256 of its bytes when it was gathered.
    """

    path: str
    place: str
    digest: str


@dataclass(frozen=True)
class Gathered:
    """The files of a scan, in the order of their paths, and what was left out, by the reason."""

    base: str
    files: tuple[SourceFile, ...]
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A function or method by its qualified name, the rest of a file (`MODULE`), or all of one (`WHOLE`).

    `lines` are its lines in the file, several runs of them where other pieces stand between.
    """

    name: str
    lines: tuple[Lines, ...]

    @property
    def first_line(self) -> int:
        """The first of its lines in the file."""
        return self.lines[0][0]

    @property
    def last_line(self) -> int:
        """The last of its lines in the file."""
        return self.lines[-1][1]

    def holds(self, line: int) -> bool:
        """Tell whether a line of the file is one of its own."""
        return any(first <= line <= last for first, last in self.lines)

    def line_in_file(self, number: int) -> int:
        """Give the line of the file that is the so manieth of the piece, counted from 1."""
        for first, last in self.lines:
            if number <= last - first + 1:
                return first + number - 1
            number -= last - first + 1
        return self.last_line


@dataclass(frozen=True)
class Verdict:
    """What a model says of a piece: calibrated probabilities `scores` by severity, `SAFE` among them, their sum 1.

    They hold for code of which the expected share is weak: above it the model speaks for a weakness at all.

    `lines` of the file are those that speak most for a weakness, None where nobody looked for them. With these left
    out the model would give `without` to a weakness. `cwe` is the kind of weakness where the model names one.
    """

    scores: Mapping[str, float]
    lines: Lines | None = None
    without: float | None = None
    cwe: int | None = None

    @property
    def score(self) -> float:
        """The probability of a weakness of any severity."""
        return 1.0 - self.scores[SAFE]

    @property
    def severity(self) -> str:
        """The likeliest severity, should there be a weakness."""
        return max((name for name in self.scores if name != SAFE), key=self.scores.__getitem__)


@dataclass(frozen=True)
class ExaminedFile:
    """What was said of a file: a verdict for each piece where a model speaks, and what a scanner found.

    `text` holds the lines of a file of which something was said, and is empty for others. `unreadable` says why the
    scanner could not read it.
    """

    path: str
    pieces: tuple[tuple[Piece, Verdict | None], ...] = ()
    findings: tuple[Finding, ...] = ()
    unreadable: str = ""
    text: Sequence[str] = ()


@dataclass(frozen=True)
class ScanFinding:
    """A weakness at lines of a file, as it is told.

    `found_by` is "bandit", "model" or "both". `score` is the model's calibrated probability of a weakness, `confidence`
    that of Bandit in words. `why` is a sentence for each that found it. `fingerprint` stays the same when lines shift.
    """

    path: str
    first_line: int
    last_line: int
    piece: str
    found_by: str
    severity: str
    rule: str
    title: str
    cwe: int | None = None
    score: float | None = None
    confidence: str | None = None
    why: tuple[str, ...] = ()
    code: str = ""
    fingerprint: str = ""


@dataclass(frozen=True)
class ModelFacts:
    """The model of a scan, and how far its scores can be believed.

    `temperature` divides the logarithms of its scores, and `shift` is added to that of `SAFE`. `weak_share` of the rows
    that these were fitted on were weak, and `expected_share` of the pieces of a tree are held to be, which scores take
    into account. `ece` is the expected calibration error of the score of a weakness on the `num_rows` rows of the
    validation part, `ece_before` that without these two; None where the run does not know.
    """

    run: str
    labels: tuple[str, ...]
    temperature: float = 1.0
    shift: float = 0.0
    ece: float | None = None
    ece_before: float | None = None
    num_rows: int = 0
    weak_share: float = 0.5
    expected_share: float = EXPECTED_SHARE


@dataclass(frozen=True)
class ScanReport:
    """What a scan found and what it did; `findings` are the new ones, the most severe first.

    `num_known` were hidden by a baseline, `num_mild` were below the least severity, and of `num_unsure` pieces the
    model could not say with the least score whether they are weak. `base` is the directory that paths begin from.
    """

    base: str
    findings: tuple[ScanFinding, ...]
    num_files: int
    num_pieces: int
    num_known: int = 0
    num_mild: int = 0
    num_unsure: int = 0
    min_severity: str = "medium"
    min_score: float = 0.7
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scanner: str | None = None
    model: ModelFacts | None = None
    seconds: float = 0.0
    since: str | None = None

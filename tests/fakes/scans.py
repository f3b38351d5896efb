"""What a scan asks for, remembered."""

from collections.abc import Callable, Mapping, Sequence

from domain.known_findings import KnownFinding
from domain.scan import SAFE, ExaminedFile, Gathered, ModelFacts, ScanReport, SourceFile

Scores = Mapping[str, float]


class FakeTrees:
    """A tree of files that are named."""

    def __init__(self, *paths: str, skipped: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.asked: list[tuple[Sequence[str], str | None]] = []
        self._found = Gathered("/base", tuple(SourceFile(path, f"/base/{path}", path) for path in paths), skipped or {})

    def gather(self, paths: Sequence[str], since: str | None) -> Gathered:
        self.asked.append((paths, since))
        return self._found

    def holds(self, base: str, path: str) -> bool:
        return path.startswith("kept")


class FakeExaminers:
    """Opens itself, and says of files what it was told to."""

    scanner: str | None = "bandit 1"
    model: ModelFacts | None = None
    notes: Sequence[str] = ("a note",)

    def __init__(self, *files: ExaminedFile) -> None:
        self.opened: list[tuple[str | None, str]] = []
        self._files = files

    def open(self, run: str | None, device: str, expected_share: float) -> "FakeExaminers":
        self.opened.append((run, device))
        return self

    def examine(self, files: Sequence[SourceFile], min_score: float) -> Sequence[ExaminedFile]:
        return self._files


class FakeFiles:
    """Baselines and reports by their paths."""

    def __init__(self, **known: Sequence[KnownFinding]) -> None:
        self.known: dict[str, Sequence[KnownFinding]] = dict(known)
        self.written: dict[str, str] = {}
        self.required: list[str] = []

    def read(self, path: str) -> Sequence[KnownFinding]:
        return self.known[path]

    def require(self, path: str) -> None:
        self.required.append(path)

    def text_of(self, report: ScanReport, form: str) -> str:
        return f"{form}: {len(report.findings)}"


class FakeReports(FakeFiles):
    """Keeps texts."""

    def write(self, path: str, text: str) -> None:
        self.written[path] = text


class FakeBaselines(FakeFiles):
    """Keeps findings."""

    def write(self, path: str, known: Sequence[KnownFinding]) -> None:
        self.known[path] = known


class FakeModel:
    """Gives a text with the word `eval` 0.9 to a weakness, and 0.1 to others; remembers what it was asked."""

    digest = "d"
    facts = ModelFacts("run", (SAFE, "high"), num_rows=100)

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answers(self, texts: Sequence[str], advance: Callable[[int], None]) -> list[Mapping[str, object]]:
        self.asked += texts
        advance(len(texts))
        return [{"scores": {SAFE: 0.1, "high": 0.9} if "eval" in text else {SAFE: 0.9, "high": 0.1}} for text in texts]

    def calibrated(self, scores: Scores) -> dict[str, float]:
        return dict(scores)

    def score(self, scores: Scores) -> float:
        return 1 - scores[SAFE]

"""Where a run keeps what."""

from dataclasses import dataclass
from pathlib import Path

RUN_FILE = "run.yaml"
SUMMARY = "summary.json"
METRICS = "metrics.jsonl"
LOG = "log.jsonl"
LOCK = "run.lock"
# In the directory of a model: what travels with it.
CARD = "athanor.json"
# Beside it, for people and for the hub: whoever shares a model may write on, so no digest vouches for it.
README = "README.md"


@dataclass(frozen=True)
class RunLayout:
    """Every path of a run; a training without a run, as users of the library start one, has some of them."""

    directory: Path

    @classmethod
    def names(cls) -> frozenset[str]:
        """Give the name of everything that a run writes into its directory."""
        found = (getattr(cls(Path()), name) for name, value in vars(cls).items() if isinstance(value, property))
        return frozenset(path.name for path in found if isinstance(path, Path))

    @property
    def run_file(self) -> Path:
        """The request with everything decided."""
        return self.directory / RUN_FILE

    @property
    def summary(self) -> Path:
        """The response."""
        return self.directory / SUMMARY

    @property
    def lock(self) -> Path:
        """There while a process uses the run."""
        return self.directory / LOCK

    @property
    def log(self) -> Path:
        """Every event, a line each."""
        return self.directory / LOG

    @property
    def metrics(self) -> Path:
        """Every metric as it happened, a line each."""
        return self.directory / METRICS

    @property
    def metrics_summary(self) -> Path:
        """Statistics and all entries, written at the end."""
        return self.directory / "metrics.json"

    @property
    def metrics_table(self) -> Path:
        """All entries as a table, written at the end."""
        return self.directory / "metrics.csv"

    @property
    def outcomes(self) -> Path:
        """What became of each row that was scored in the end, by which runs are compared."""
        return self.directory / "outcomes.parquet"

    @property
    def series(self) -> Path:
        """What forecasts are worth in each series of a long table."""
        return self.directory / "series.csv"

    @property
    def checkpoints(self) -> Path:
        """Training states, a directory each."""
        return self.directory / "checkpoints"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer that the run began with."""
        return self.directory / "tokenizer"

    @property
    def model(self) -> Path:
        """The best model."""
        return self.directory / "model"

    @property
    def rehearsal(self) -> Path:
        """Where an export is tried before the first step; nothing stands there for long."""
        return self.directory / "model-rehearsal"

    @property
    def report(self) -> Path:
        """The page for people, all in one file."""
        return self.directory / "report.html"

    @property
    def training_curves(self) -> Path:
        """A picture of loss, learning rate and primary metric."""
        return self.directory / "training_curves.png"

    @property
    def confusion_matrix(self) -> Path:
        """A picture of labels taken for others."""
        return self.directory / "confusion_matrix.png"

    @property
    def reliability(self) -> Path:
        """A picture of how often quantiles held."""
        return self.directory / "reliability.png"

    @property
    def forecasts(self) -> Path:
        """A picture of the last forecasts over what came."""
        return self.directory / "forecasts.png"

    @property
    def trackers(self) -> Path:
        """What trackers keep of this run, and `NAME.id` for each: what it calls the run, to go on with on a resume."""
        return self.directory / "trackers"

    @property
    def own_places(self) -> tuple[Path, ...]:
        """What a run fills or appends to; all other files are written aside and renamed."""
        return (self.checkpoints, self.model, self.tokenizer, self.metrics, self.log, self.lock, self.trackers)

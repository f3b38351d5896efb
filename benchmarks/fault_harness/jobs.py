"""The small runs that are attacked: one for each task, of a second each, on data that comes with the project."""

import json
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from application.training import training_of
from domain.task import STANDARD_LIBRARY, TASKS, Task

ROOT = Path(__file__).resolve().parents[2]
FOUR = ("text_classification", "language_modeling", "sequence_to_sequence", "quantile_forecasting")
_SMALL = {"batch_size": 4, "max_length": 32, "max_new_tokens": 8}
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "text_classification": {"batch_size": 8, "max_length": 48, "vocab_size": 400},
    "language_modeling": {**_SMALL, "tokenizer": "char"},
    "sequence_to_sequence": {**_SMALL, "sample_rows": 2, "vocab_size": 400},
    "quantile_forecasting": {
        "batch_size": 8,
        "target_columns": "close",
        "context_length": 48,
        "horizons": 6,
        "patch_length": 12,
    },
}
_MODULES = ("csv.py", "textwrap.py", "statistics.py", "configparser.py", "shlex.py", "fnmatch.py")


@dataclass(frozen=True)
class Job:
    """One request. `before` must be called in each child that works on it."""

    task: str
    data: Path | None
    settings: tuple[tuple[str, Any], ...]
    before: tuple[Callable[[], None], ...] = ()

    def train(self, output: Path) -> list[str]:
        """Give the words that begin it in a new directory."""
        words = ["train", "--task", self.task, "--output", str(output)]
        if self.data is not None:
            words += ["--dataset", str(self.data)]
        for name, value in self.settings:
            words += ["--quick"] if name == "quick" else ["--set", f"{name}={_worded(value)}"]
        return words

    def changed(self, data: Path | None = None, **settings: Any) -> "Job":
        """Copy with other data or settings."""
        return Job(self.task, data or self.data, tuple({**dict(self.settings), **settings}.items()), self.before)


class Jobs:
    """Makes jobs; their data lie in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        rows = json.loads((ROOT / "data/classification.json").read_text(encoding="utf-8"))
        rows = [{"text": row["text"][:150], "label": row["label"]} for row in rows[:: len(rows) // 160]]
        self._write_lines("text_classification.jsonl", map(json.dumps, rows))
        text = "\n".join(row["text"] for row in rows)[:12_000]
        (directory / "language_modeling.txt").write_text(text, encoding="utf-8")
        pairs = [{"source": row["text"][:60], "target": row["text"][:60].swapcase()} for row in rows[:100]]
        self._write_lines("sequence_to_sequence.jsonl", map(json.dumps, pairs))
        table = (ROOT / "data/market_simulated.csv").read_text(encoding="utf-8").splitlines()[:700]
        cells = [line.split(",") for line in table]
        self._write_lines("quantile_forecasting.csv", (",".join((c[0], c[4], c[5])) for c in cells))

    def of(self, task: str, steps: int = 18, save: int = 3, evaluate: int = 6, **settings: Any) -> Job:
        """Give the run of one of the four tasks whose data we make."""
        family = str(TASKS[task].settings["model_name"]).partition("-")[0]
        cadence = {"max_steps": steps, "save_steps": save, "eval_steps": evaluate, "logging_steps": 1}
        # "auto" measures which precision is faster, and on a busy machine it may choose another one for each run.
        always = {"model_name": f"{family}-tiny", "seed": 3, "gradient_accumulation_steps": 2, "precision": "fp32"}
        [data] = self._directory.glob(f"{task}.*")
        return Job(task, data, tuple({**always, **cadence, **_SETTINGS[task], **settings}.items()))

    def quick(self, task: Task) -> Job:
        """Give the quick run of any task on a part of its default data: a task that is new needs no line here."""
        family = str(task.settings["model_name"]).partition("-")[0]
        settings = {"quick": True, "model_name": f"{family}-tiny", "seed": 3, "precision": "fp32"}
        settings |= {"save_steps": 1, "logging_steps": 1}
        understood = training_of(task).model_fields
        if "max_length" in understood:
            small = {"max_length": 48, "sample_rows": 1, "max_new_tokens": 8, "batch_size": 4}
            settings |= {name: value for name, value in small.items() if name in understood}
        return Job(task.name, self._part_of(task), tuple(settings.items()), (self._small_library(),))

    def _part_of(self, task: Task) -> Path | None:
        if task.default_dataset == STANDARD_LIBRARY:
            return None
        source = ROOT / task.default_dataset
        part = self._directory / f"part-of-{source.name}"
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".json":
            rows = json.loads(text)
            part.write_text(json.dumps(rows[:: max(1, len(rows) // 300)]), encoding="utf-8")
        else:
            part.write_text("\n".join(text.splitlines()[:900]) + "\n", encoding="utf-8")
        return part

    def _small_library(self) -> Callable[[], None]:
        """Let the interpreter say that its standard library is a few modules: read in a moment."""
        paths = sysconfig.get_paths()
        library = self._directory / "library"
        library.mkdir(exist_ok=True)
        for name in _MODULES:
            (library / name).write_bytes((Path(paths["stdlib"]) / name).read_bytes())

        def prepare() -> None:
            said: Any = lambda *words, **options: {**paths, "stdlib": str(library)}  # noqa: E731
            sysconfig.get_paths = said

        return prepare

    def _write_lines(self, name: str, lines: Any) -> None:
        (self._directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def question_of(job: Job, directory: Path) -> Path:
    """Give what `predict` is asked with: the data of the job under another name."""
    assert job.data is not None
    question = directory / f"question{job.data.suffix}"
    question.write_bytes(job.data.read_bytes())
    return question


def _worded(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def tasks_named(names: Sequence[str]) -> tuple[str, ...]:
    """Check names of tasks against those whose data we make."""
    wrong = sorted({*names} - {*FOUR})
    if wrong:
        raise SystemExit(f"{', '.join(wrong)}: the choice is {', '.join(FOUR)}.")
    return tuple(names) or FOUR

"""Where hostile input meets the program: what one call is given, and what it did."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.hostile.guard import child_environment

ROOT = Path(__file__).parents[3]
# Work is measured in time of the processor, for the machine may be busy; a process that waits for ever is killed later.
CPU_SECONDS = 30
GUARD_SECONDS = 60.0
GOOD_GUARD_SECONDS = 300.0
MORE_BYTES = 2 << 30
# Whoever asks on standard input whether to run code gets a yes in both of the forms that are understood.
WILLING = b"y\n1\n"

LABELS = ("calm", "loud")
CLASSIFIER = ("--task", "text_classification", "--model", "encoder-tiny", "--max-length", "32")
WRITER = ("--task", "language_modeling", "--model", "decoder-tiny", "--max-length", "32", "--set", "tokenizer=char")
FORECASTER = ("--task", "quantile_forecasting", "--model", "forecaster-tiny", "--set", "context_length=48")
SHORT = ("--batch-size", "4", "--precision", "fp32", "--set", "max_steps=2", "--set", "max_checkpoints=2")


@dataclass(frozen=True)
class Outcome:
    """What one call gave back, and what it did that it must not."""

    exit_code: int
    is_late: bool
    stdout: str
    stderr: str
    offences: tuple[str, ...]

    @property
    def errors(self) -> list[str]:
        """The lines that say what is wrong."""
        return [line for line in self.stderr.splitlines() if line.startswith("error: ")]


@dataclass(frozen=True)
class Place:
    """What the builder of a case works with: its working directory, a directory outside of it, and good copies."""

    work: Path
    outside: Path
    good: Path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file into the working directory."""
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        return path

    def model(self, kind: str = "classifier") -> Path:
        """Copy a good model directory to `model`."""
        return Path(shutil.copytree(self.good / kind / "model", self.work / "model"))

    def finished(self, kind: str = "classifier") -> Path:
        """Copy a good run to `run`."""
        return Path(shutil.copytree(self.good / kind, self.work / "run"))

    def stopped(self) -> Path:
        """Copy a run that was killed behind its checkpoint of step 4 to `run`."""
        return Path(shutil.copytree(self.good / "stopped", self.work / "run"))

    def newest(self) -> Path:
        """Copy a killed run to `run` and give its newest checkpoint."""
        return sorted((self.stopped() / "checkpoints").glob("step-*"))[-1]


class Arena:
    """Keeps the server and the good copies that cases are made from."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.home, self.good = directory / "home", directory / "good"
        self.home.mkdir()
        self.good.mkdir()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.hostile.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**child_environment(str(self.home)), "PYTHONPATH": str(ROOT)},
            text=True,
        )
        self._make_good_copies()

    def close(self) -> None:
        """End the server, which has nothing to keep."""
        self._server.kill()
        self._server.communicate()

    def place(self, name: str) -> Place:
        """Make the directories of one case."""
        place = Place(self._directory / name / "work", self._directory / name / "outside", self.good)
        place.work.mkdir(parents=True)
        place.outside.mkdir()
        (place.outside / "precious").write_text("precious\n")
        shutil.copy(self.good / "rows.jsonl", place.work)
        return place

    def call(self, words: Sequence[str], place: Place, stdin: bytes = WILLING, draws: bool = True) -> Outcome:
        """Run the command line in the working directory of a case, guarded."""
        guarded = {
            "readable": [str(self.good), str(self.home)],
            "writable": [str(place.work), str(self.home)],
            "hostile": str(place.work.parent),
            "more_bytes": MORE_BYTES,
            "cpu_seconds": CPU_SECONDS,
            "draws": draws,
        }
        return self._sent(words, place.work, stdin, guarded)

    def _sent(self, words: Sequence[str], directory: Path, stdin: bytes, more: Mapping[str, Any]) -> Outcome:
        files = {name: self._directory / f"{name}.txt" for name in ("stdin", "stdout", "stderr", "report")}
        for file in files.values():
            file.write_bytes(b"")
        files["stdin"].write_bytes(stdin)
        call = {
            "words": [str(word) for word in words],
            "directory": str(directory),
            "timeout_seconds": GUARD_SECONDS,
            "learns_imports": False,
            "dies_at": "",
            "draws": True,
            "readable": [],
            "more_bytes": 0,
            **{name: str(file) for name, file in files.items()},
            **more,
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(call) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        out, err, report = (files[name].read_text("utf-8", "replace") for name in ("stdout", "stderr", "report"))
        return Outcome(answer["exit_code"], answer["is_late"], out, err, tuple(report.splitlines()))

    def _make_good_copies(self) -> None:
        (self.good / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
        (self.good / "text.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 60)
        (self.good / "table.csv").write_text(table())
        learnt = {"learns_imports": True, "timeout_seconds": GOOD_GUARD_SECONDS}
        for kind, words, data in (
            ("classifier", CLASSIFIER, "rows.jsonl"),
            ("writer", (*WRITER, "--set", "max_new_tokens=4"), "text.txt"),
            ("forecaster", (*FORECASTER, "--set", "horizons=6", "--set", "patch_length=12"), "table.csv"),
        ):
            output = self.good / kind
            called = ["train", *words, *SHORT, "--dataset", str(self.good / data), "--output", str(output)]
            self._must(self._sent(called, self.good, WILLING, learnt), 0)
            answered = ["predict", str(output), "--input", str(self.good / data)]
            more = ["--max-new-tokens", "2"] if kind == "writer" else []
            self._must(self._sent([*answered, *more], self.good, WILLING, learnt), 0)
        score = ["evaluate", str(self.good / "classifier"), "--dataset", str(self.good / "rows.jsonl")]
        self._must(self._sent(score, self.good, WILLING, learnt), 0)
        self._must(self._sent(["runs", "list", "--root", str(self.good)], self.good, WILLING, learnt), 0)
        # How a model begins is no part of a checkpoint, and to learn it took each resume a sixth of its time.
        changed = ("max_steps=6", "eval_steps=2", "save_steps=2", "linear_start=false")
        settings = [word for setting in changed for word in ("--set", setting)]
        places = ["--dataset", str(self.good / "rows.jsonl"), "--output", str(self.good / "stopped")]
        killed = {**learnt, "learns_imports": False, "dies_at": "step-00000006"}
        self._must(self._sent(["train", *CLASSIFIER, *SHORT, *settings, *places], self.good, WILLING, killed), -9)

    def _must(self, outcome: Outcome, exit_code: int) -> None:
        assert outcome.exit_code == exit_code, outcome.stderr


def rows(count: int = 40) -> list[dict[str, str]]:
    """Give labelled rows that a classifier can be trained on."""
    return [{"text": f"word{i % 7} and word{i % 5} in row {i}", "label": LABELS[i % 2]} for i in range(count)]


def table(count: int = 400) -> str:
    """Give a table that a forecaster can be trained on."""
    return "a,b\n" + "".join(f"{i % 24},{i % 7}\n" for i in range(count))


def tree(directory: Path) -> dict[str, str]:
    """Tell all that stands in a directory; two that are equal tell that nothing was written."""
    return {
        str(path.relative_to(directory)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes().hex()[:400]
        if path.is_file()
        else "entry"
        for path in sorted(directory.rglob("*"))
    }

"""Every metric of a run as it happened: one JSON object a line, readable while the run goes on."""

import csv
import io
import math
import numbers
import operator
import os
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.exceptions import ConfigurationError, RunError, TrainingError
from domain.metrics import MetricEntry, MetricStatistics, direction_of, is_better
from domain.rules import LARGEST
from domain.run_layout import RunLayout
from domain.strict_json import strict_json
from infrastructure.files import restore_replaced, write_whole
from infrastructure.plain_files import open_to_append, open_to_read

LONGEST_LINE = 1 << 16


class TrainingMetricsTracker:
    """Logs metrics into memory and a file, survives kills and waits out a full disk.

    Each entry goes to the operating system at once, so that a SIGKILL loses none, and to the disk at most every
    `save_interval_seconds`, which is what a power cut can lose. The entries of an existing file are taken up: a line
    cut off at its end is removed, damaged ones before it are passed over and counted in `num_damaged_lines`.
    JSON has no NaN: it is written as null, infinities too, and null is read as NaN.
    Raises: RunError when the directory or the file cannot be used.
    """

    def __init__(
        self,
        output_dir: str | Path,
        experiment_name: str = "training",
        file_name: str | None = None,
        save_interval_seconds: float = 5.0,
    ) -> None:
        self.experiment_name = experiment_name
        self.num_damaged_lines = 0
        self._path = Path(output_dir) / _plain(file_name or f"{experiment_name}.jsonl")
        self._save_interval_seconds = save_interval_seconds
        self._entries: list[MetricEntry] = []
        self._pending: deque[bytes] = deque()
        self._whole_bytes = 0
        self._is_torn = False
        self._synced_at = time.monotonic()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._take_up()
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    @property
    def entries(self) -> Sequence[MetricEntry]:
        """Every entry in the order it was logged."""
        return tuple(self._entries)

    @property
    def num_pending(self) -> int:
        """Count the entries that a full disk keeps in memory alone; they are written when there is room again."""
        return len(self._pending)

    def log_metric(self, name: str, value: float, step: int | None = None, epoch: int | None = None) -> None:
        """Log one value. The disk never makes it fail. Raises: ConfigurationError when `value` is no number."""
        if not _is_number(value):
            raise ConfigurationError(
                f"metric {name!r} is {value!r}, but must be a number.", remedy="Log float(value), or leave it out."
            )
        entry = MetricEntry(str(name), float(value), _whole(step), _whole(epoch), time.time())
        self._entries.append(entry)
        self._pending.append(_line_of(entry))
        self._write_pending()

    def log_epoch_metric(self, name: str, value: float, epoch: int) -> None:
        """Log one value that belongs to an epoch as a whole, counted from 0."""
        self.log_metric(name, value, epoch=epoch)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None, epoch: int | None = None) -> None:
        """Log those of the values that are numbers; lists, texts and truth values are passed over."""
        for name, value in metrics.items():
            if _is_number(value):
                self.log_metric(name, value, step, epoch)

    def get_history(self, name: str) -> list[MetricEntry]:
        """Give the entries of one metric in the order they were logged."""
        return [entry for entry in self._entries if entry.name == name]

    def get_statistics(self, name: str) -> MetricStatistics:
        """Summarise the finite values of one metric; its count is 0 when it was never logged."""
        return MetricStatistics.of(entry.value for entry in self.get_history(name))

    def get_epoch_summary(self, epoch: int) -> dict[str, MetricStatistics]:
        """Summarise each metric over the entries of one epoch."""
        return _statistics(entry for entry in self._entries if entry.epoch == epoch)

    def get_summary(self) -> dict[str, Any]:
        """Tell what is known: `statistics`, `latest` and `best_metrics` by metric, `epochs` by epoch and metric.

        `best_metrics` gives value, step, epoch and direction of the best finite value, of equals the first.
        """
        epochs = sorted({entry.epoch for entry in self._entries if entry.epoch is not None})
        return {
            "experiment_name": self.experiment_name,
            "num_entries": len(self._entries),
            "statistics": _as_dicts(_statistics(self._entries)),
            "latest": {entry.name: entry.value for entry in self._entries},
            "best_metrics": self._best_metrics(),
            "epochs": {epoch: _as_dicts(self.get_epoch_summary(epoch)) for epoch in epochs},
        }

    def export_to_json(self, path: str | Path) -> Path:
        """Write the summary and all entries; NaN and infinities become null. Raises: TrainingError."""
        content = {**self.get_summary(), "entries": [asdict(entry) for entry in self._entries]}
        return _export(Path(path), strict_json(content, indent=2) + "\n")

    def export_to_csv(self, path: str | Path) -> Path:
        """Write the entries as a table with a header; what is not known is empty. Raises: TrainingError."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["name", "value", "step", "epoch", "timestamp"])
        writer.writerows((e.name, e.value, e.step, e.epoch, e.timestamp) for e in self._entries)
        return _export(Path(path), table.getvalue())

    def rewind(self, step: int) -> None:
        """Forget every entry of a later step, in memory and on disk, for a resumed run repeats them.

        Entries without a step stay. Raises: RunError when the disk refuses; then nothing is forgotten.
        """
        remaining = [entry for entry in self._entries if entry.step is None or entry.step <= step]
        if len(remaining) == len(self._entries):
            return
        text = b"".join(map(_line_of, remaining)).decode("ascii")
        try:
            write_whole(self._path, text)
        except OSError as error:
            raise _cannot_write(self._path, error) from error
        self._entries = remaining
        self._pending.clear()
        self._whole_bytes = len(text)
        self._is_torn = False

    def finish(self) -> str:
        """Write `metrics.json` and `metrics.csv` beside the entries and close; gives the path of the former."""
        layout = RunLayout(self._path.parent)
        path = self.export_to_json(layout.metrics_summary)
        self.export_to_csv(layout.metrics_table)
        self.close()
        return str(path)

    def close(self) -> None:
        """Bring every entry to the disk; `num_pending` counts those it would not take."""
        if self._pending:
            self._write_pending()
        with suppress(OSError), open_to_read(self._path) as file:
            os.fsync(file.fileno())

    def _take_up(self) -> None:
        restore_replaced(self._path)
        if not self._path.exists():
            return
        with open_to_read(self._path) as file:
            line = b""
            # A piece at a time: a line that never ends is passed over without being held.
            while piece := file.readline(LONGEST_LINE):
                line, is_first_piece = piece, line[-1:] in (b"", b"\n")
                if line.endswith(b"\n"):
                    self._take_up_line(line if is_first_piece else b"")
                    self._whole_bytes = file.tell()
            if not line.endswith(b"\n"):
                self._cut_torn_end()

    def _take_up_line(self, line: bytes) -> None:
        entry = _entry_of(line)
        if entry is None:
            self.num_damaged_lines += 1
        else:
            self._entries.append(entry)

    def _cut_torn_end(self) -> None:
        with open_to_append(self._path) as file:
            file.truncate(self._whole_bytes)

    def _write_pending(self) -> None:
        """Append what is not yet in the file, as far as the disk takes it; the file always ends with a whole line."""
        try:
            # Opened anew for each entry: some microseconds, and nothing is left open in a run that is never closed.
            with open_to_append(self._path) as file:
                if self._is_torn:
                    file.truncate(min(self._whole_bytes, file.seek(0, os.SEEK_END)))
                    self._is_torn = False
                while self._pending:
                    self._append(file, self._pending[0])
                    self._pending.popleft()
                if time.monotonic() - self._synced_at >= self._save_interval_seconds:
                    self._synced_at = time.monotonic()
                    os.fsync(file.fileno())
        except OSError:
            self._cut_torn_line()

    def _append(self, file: IO[bytes], line: bytes) -> None:
        self._whole_bytes = file.seek(0, os.SEEK_END)
        self._is_torn = True
        if file.write(line) != len(line):
            raise OSError("the disk took only a part of the line")
        self._is_torn = False

    def _cut_torn_line(self) -> None:
        if self._is_torn:
            with suppress(OSError):
                self._cut_torn_end()
                self._is_torn = False

    def _best_metrics(self) -> dict[str, dict[str, Any]]:
        best: dict[str, MetricEntry] = {}
        for entry in self._entries:
            than = best[entry.name].value if entry.name in best else None
            if math.isfinite(entry.value) and is_better(entry.value, than, direction_of(entry.name)):
                best[entry.name] = entry
        return {
            name: {"value": entry.value, "step": entry.step, "epoch": entry.epoch, "direction": direction_of(name)}
            for name, entry in best.items()
        }


def _plain(file_name: str) -> str:
    if Path(file_name).name != file_name:
        raise ConfigurationError(
            f"the metrics file is called {file_name!r}, but must have a plain name without directories.",
            remedy="Put the directory into output_dir.",
        )
    return file_name


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _whole(count: int | None) -> int | None:
    return None if count is None else operator.index(count)


def _line_of(entry: MetricEntry) -> bytes:
    return strict_json(asdict(entry)).encode("ascii") + b"\n"


class _Line(BaseModel):
    """What one line of the file may hold."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=1000)
    value: float | None
    step: int | None = Field(ge=-LARGEST, le=LARGEST)
    epoch: int | None = Field(ge=-LARGEST, le=LARGEST)
    timestamp: float


def _entry_of(line: bytes) -> MetricEntry | None:
    """Read one line; None when it is not what `_line_of` writes."""
    try:
        fields = dict(_Line.model_validate_json(line))
    except ValueError:
        return None
    return MetricEntry(**{**fields, "value": math.nan if fields["value"] is None else fields["value"]})


def _statistics(entries: Iterable[MetricEntry]) -> dict[str, MetricStatistics]:
    values: dict[str, list[float]] = {}
    for entry in entries:
        values.setdefault(entry.name, []).append(entry.value)
    return {name: MetricStatistics.of(of_name) for name, of_name in values.items()}


def _as_dicts(statistics: Mapping[str, MetricStatistics]) -> dict[str, dict[str, float]]:
    return {name: asdict(of_name) for name, of_name in statistics.items()}


def _export(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written: {error.strerror}.", remedy="Make room, or choose another place for it."
        ) from error
    return path


def _cannot_write(path: Path, error: OSError) -> RunError:
    return RunError(f"{path} cannot be used: {error.strerror}.", remedy="Make room, or choose another directory.")

"""TensorBoard: event files in the run directory, written without torch or TensorFlow."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from domain.run_layout import RunLayout
from infrastructure.trackers.tracker import Beginning, Ending, Point

# Where a PNG file has its width and height, four bytes each. Source: PNG (RFC 2083), section 4.1.1.
_SIZES = (slice(16, 20), slice(20, 24))
_RGBA = 4


class TensorBoardTracker:
    """Writes `trackers/tensorboard`, a file for each start of the run; a step that comes again replaces the first."""

    _writer: Any

    def begin(self, beginning: Beginning) -> str:
        """Open a new file in the directory of the run, which is all that there is to know of it."""
        directory = RunLayout(Path(beginning.directory)).trackers / "tensorboard"
        self._writer = EventFileWriter(str(directory))
        self.go_back(beginning.first_step)
        self._write(0, hparams_pb(dict(beginning.settings), trial_id=beginning.run_id))
        self._writer.flush()
        return "event-files"

    def add(self, points: Sequence[Point]) -> None:
        """Write and flush."""
        for point in points:
            self._write(point.step, _scalars(point.values), point.time)
        self._writer.flush()

    def go_back(self, step: int) -> None:
        """Say that the steps behind this one are void, as a program does that was started again."""
        begun = SessionLog(status=SessionLog.START)
        self._writer.add_event(Event(wall_time=time.time(), step=step + 1, session_log=begun))

    def end(self, ending: Ending) -> None:
        """Write scores, pictures as they are, and a table of places."""
        self._write(ending.step, _scalars(ending.scores))
        for path in map(Path, ending.pictures):
            self._write(ending.step, Summary(value=[_picture(path)]))
        self._write(ending.step, Summary(value=[_table({"status": ending.status, **ending.facts})]))
        self._writer.close()

    def _write(self, step: int, summary: Any, seconds: float | None = None) -> None:
        self._writer.add_event(Event(wall_time=seconds or time.time(), step=step, summary=summary))


def _scalars(values: Any) -> Any:
    return Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items()])


def _picture(path: Path) -> Any:
    content = path.read_bytes()
    width, height = (int.from_bytes(content[place], "big") for place in _SIZES)
    image = Summary.Image(width=width, height=height, colorspace=_RGBA, encoded_image_string=content)
    return Summary.Value(tag=f"pictures/{path.stem}", image=image)


def _table(facts: dict[str, str]) -> Any:
    rows = [f"| {name} | `{fact.replace('|', '/')}` |" for name, fact in facts.items()]
    text = "\n".join(["| what | |", "|---|---|", *rows])
    about = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return Summary.Value(
        tag="run/text_summary", metadata=about, tensor=TensorProto(dtype="DT_STRING", string_val=[text.encode()])
    )

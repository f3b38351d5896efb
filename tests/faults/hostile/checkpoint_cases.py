"""Checkpoints whose seal is right and whose content is not."""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.faults.hostile.arena import Place
from tests.faults.hostile.case import EITHER, Case

NEWEST = r"step-00000004"


def sealed(checkpoint: Path, state: str | None = None, files: Mapping[str, Any] | None = None, **metadata: Any) -> None:
    """Write the manifest of a checkpoint anew, with right digests of whatever stands there."""
    if state is not None:
        (checkpoint / "state.json").write_text(state)
    body = json.loads((checkpoint / "manifest.json").read_text())
    del body["sha256"]
    for name in body["files"]:
        content = (checkpoint / name).read_bytes()
        body["files"][name] = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    body["files"].update(files or {})
    body["metadata"].update(metadata)
    digest = hashlib.sha256(json.dumps(body).encode("ascii")).hexdigest()
    (checkpoint / "manifest.json").write_text(json.dumps({**body, "sha256": digest}, indent=1) + "\n")


def state_of(checkpoint: Path) -> dict[str, Any]:
    """Read what a checkpoint holds beside tensors."""
    state: dict[str, Any] = json.loads((checkpoint / "state.json").read_text())
    return state


def progress_of(state: dict[str, Any]) -> dict[str, Any]:
    """Find where a run stands, at whatever depth it is kept."""
    extra = state["extra"]
    progress: dict[str, Any] = extra["progress"]
    return progress


def with_state(place: Place, change: Callable[[dict[str, Any]], object]) -> Sequence[str]:
    """Change the state of the newest checkpoint and seal it anew."""
    checkpoint = place.newest()
    state = state_of(checkpoint)
    change(state)
    sealed(checkpoint, json.dumps(state))
    return ("resume", "run")


def with_text(place: Place, text: str) -> Sequence[str]:
    """Replace the state of the newest checkpoint and seal it anew."""
    sealed(place.newest(), text)
    return ("resume", "run")


def with_metadata(place: Place, **metadata: Any) -> Sequence[str]:
    """Change what the newest checkpoint says of itself and seal it anew."""
    sealed(place.newest(), **metadata)
    return ("resume", "run")


def with_files(place: Place, files: Mapping[str, Any]) -> Sequence[str]:
    """Let the manifest name files that are not there."""
    sealed(place.newest(), files=files)
    return ("resume", "run")


def swapped(place: Place, source: str, target: str) -> Sequence[str]:
    """Put the tensors of one part in the place of another's and seal anew."""
    checkpoint = place.newest()
    shutil.copy(checkpoint / source, checkpoint / target)
    sealed(checkpoint)
    return ("resume", "run")


def entry(place: Place, make: Callable[[Path], object]) -> Sequence[str]:
    """Do something to the newest checkpoint."""
    make(place.newest())
    return ("resume", "run")


def _drop(part: str) -> Callable[[dict[str, Any]], object]:
    return lambda state: state.pop(part)


def _put(part: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda state: state.__setitem__(part, value)


def _extra(part: str, value: Any) -> Callable[[dict[str, Any]], object]:
    return lambda state: state["extra"].__setitem__(part, value)


def _progress(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda state: progress_of(state).update(values)


def _lost(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda state: progress_of(state).pop(name)


STATES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no extra": _drop("extra"),
    "no optimizer": _drop("optimizer"),
    "a part that leads out": _put("../../x", {}),
    "a model that is a list": _put("model", [1, 2]),
    "an optimizer that is a text": _put("optimizer", "x"),
    "extra of nothing": _put("extra", {}),
    "progress of nothing": _extra("progress", {}),
    "settings that are a list": _extra("settings", []),
    "no patience": _lost("early_stopping"),
    "an unknown key of progress": _progress(evil=1),
    "a text as its step": _progress(step="x"),
    "a step below zero": _progress(step=-5),
    "a step of 400 digits": _progress(step=10**400),
    "a list as its patience": _progress(early_stopping=[1]),
    "no rows in a micro-batch": _progress(micro_batch_size=0),
    "metrics that are a list": _progress(best_metrics=[1]),
    "tuples of nothing": _put("optimizer", {"$tuple": 7}),
    "a tensor that is not there": _put("model", {"a": {"$tensor": "nowhere"}}),
}
# Nobody has to notice what nobody reads.
HARMLESS = ("a part that leads out",)


def states() -> Iterator[Case]:
    """A state that cannot be this run's: it is passed over with a word, or the run is refused."""
    for name, change in STATES.items():
        says = () if name in HARMLESS else (NEWEST,)
        yield Case(f"checkpoint: {name}", functools.partial(with_state, change=change), EITHER, says, draws=False)


def _to_fifo(checkpoint: Path) -> None:
    (checkpoint / "state.json").unlink()
    os.mkfifo(checkpoint / "state.json")


def _to_link(checkpoint: Path) -> None:
    """Move the tensors outside and leave a link; the bytes are right."""
    outside = checkpoint.parents[3] / "outside" / "moved.safetensors"
    shutil.move(checkpoint / "model.safetensors", outside)
    (checkpoint / "model.safetensors").symlink_to(outside)


def _to_zeros(checkpoint: Path) -> None:
    (checkpoint / "optimizer.safetensors").unlink()
    (checkpoint / "optimizer.safetensors").symlink_to("/dev/zero")


def _to_file(checkpoint: Path) -> None:
    shutil.rmtree(checkpoint)
    checkpoint.write_text("no directory")


TEXTS = {
    "a list": "[]",
    "null": "null",
    "deep": '{"model":' + "[" * 100_000 + "]" * 100_000 + "}",
    "a number of 6,000 digits": '{"model": ' + "9" * 6000 + "}",
    "NaN": '{"model": NaN, "extra": Infinity}',
}
METADATA: dict[str, dict[str, Any]] = {
    "a text as its step": {"step": "x"},
    "a step of 400 digits": {"step": 10**400},
    "a text as its score": {"metric_value": "x"},
    "another name": {"name": "../../outside"},
    "an unknown key": {"evil": 1},
    "escapes as its metric": {"metric_name": "\x1b[31m\u202e"},
}
FILES: dict[str, dict[str, Any]] = {
    "a file outside": {"../../../../outside/precious": {"size_bytes": 9, "sha256": "0"}},
    "an absolute file": {"/etc/passwd": {"size_bytes": 1, "sha256": "0"}},
    "facts that are a text": {"state.json": "x"},
    "facts without a digest": {"state.json": {}},
}
ENTRIES: dict[str, Callable[[Path], object]] = {
    "its state is a fifo": _to_fifo,
    "its tensors are a link to the same bytes outside": _to_link,
    "its optimizer is endless zeros": _to_zeros,
    "it is a file": _to_file,
    "a fifo has its name": lambda checkpoint: os.mkfifo(checkpoint.parent / "step-99999999"),
    "a link has its name": lambda checkpoint: (checkpoint.parent / "step-99999999").symlink_to("/etc"),
    "its manifest is deep": lambda checkpoint: (checkpoint / "manifest.json").write_text("[" * 100_000),
    "its manifest is a list": lambda checkpoint: (checkpoint / "manifest.json").write_text("[]"),
    "its manifest is a number": lambda checkpoint: (checkpoint / "manifest.json").write_text("9" * 6000),
    "its manifest is empty": lambda checkpoint: (checkpoint / "manifest.json").write_text(""),
}

CASES = [
    *states(),
    *(Case(f"checkpoint: its state is {name}", functools.partial(with_text, text=t), EITHER, (NEWEST,),
           draws=False)
      for name, t in TEXTS.items()),
    *(Case(f"checkpoint: a manifest with {name}", functools.partial(with_metadata, **m), EITHER, draws=False)
      for name, m in METADATA.items()),
    *(Case(f"checkpoint: a manifest that names {name}", functools.partial(with_files, files=f), EITHER,
           (NEWEST,), draws=False)
      for name, f in FILES.items()),
    *(Case(f"checkpoint: {source} in the place of {target}", functools.partial(swapped, source=source, target=target),
           EITHER, (NEWEST,), draws=False)
      for source, target in (("optimizer.safetensors", "model.safetensors"),
                             ("model.safetensors", "optimizer.safetensors"))),
    *(Case(f"checkpoint: {name}", functools.partial(entry, make=make), EITHER, draws=False)
      for name, make in ENTRIES.items()),
]  # fmt: skip

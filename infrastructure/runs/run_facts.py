"""What a run leaves that another run of the same request must leave too."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from domain.run_layout import LOCK, SUMMARY, RunLayout
from infrastructure.files import STAGING_PREFIX, sha256_of
from infrastructure.runs.run_summary import read_summary

# They measure time or memory, or say where the run stands.
OF_THE_MACHINE = frozenset(
    ("tokens_per_second", "samples_per_second", "memory_bytes", "evaluation_seconds", "train_seconds")
)
OF_THE_PLACE = frozenset(("run_id", "run_dir", "model_path", "metrics_file", "training_time", "throughput"))


def facts_of(directory: Path) -> Mapping[str, Any]:
    """Give facts by name: a digest for each file of the model, each metric, each value of the summary, leftovers.

    Raises: OSError, ValueError, KeyError for a run that is not whole.
    """
    layout = RunLayout(directory)
    model = layout.model
    files = {
        f"model/{file.relative_to(model)}": f"sha256 {sha256_of(file)[:16]}"
        for file in sorted(model.rglob("*"))
        if file.is_file()
    }
    leftovers = {
        str(path.relative_to(directory)): "left over"
        for path in directory.rglob("*")
        if path.name.startswith(STAGING_PREFIX) or path.name == LOCK
    }
    summary = {name: value for name, value in read_summary(directory).items() if name not in OF_THE_PLACE}
    return {**files, **dict(_metrics(layout.metrics)), **dict(_flat(SUMMARY, summary)), **leftovers}


def _metrics(path: Path) -> Iterator[tuple[str, Any]]:
    """Name each entry by metric and step; one that was logged twice has a number, and so is a fact too many."""
    seen: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        name = f"{path.name} {entry['name']} at step {entry['step']}"
        seen[name] += 1
        again = f" ({seen[name]})" if seen[name] > 1 else ""
        yield f"{name}{again}", None if entry["name"] in OF_THE_MACHINE else entry["value"]


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(f"{name} {key}", item)
    else:
        yield name, value

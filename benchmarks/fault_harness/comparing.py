"""What two runs of one request must have in common, and what they have not."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# They measure time or memory, which no two runs share.
MEASURED = ("seconds", "per_second", "memory_bytes")
# Of a summary: where the run is, how long it took, what was said on the way.
ABOUT_THE_WAY = ("run_id", "run_dir", "model_path", "metrics_file", "training_time", "throughput", "warnings", "errors")


@dataclass(frozen=True)
class Facts:
    """A finished run: SHA-256 of every file of `model/`, metrics, summary, names of the pictures, and leftovers."""

    model: Mapping[str, str]
    metrics: tuple[tuple[Any, ...], ...]
    summary: Mapping[str, Any]
    pictures: tuple[str, ...]
    leftovers: tuple[str, ...]


def facts_of(run: Path) -> Facts:
    """Read a run; what is missing or cannot be read is empty."""
    model = {
        str(path.relative_to(run)): digest_of(path) for path in sorted((run / "model").rglob("*")) if path.is_file()
    }
    summary = _json_of(run / "summary.json")
    return Facts(
        model=model,
        metrics=tuple(_metrics_of(run / "metrics.jsonl")),
        summary={name: value for name, value in summary.items() if name not in ABOUT_THE_WAY},
        pictures=tuple(sorted(path.name for path in run.glob("*.png"))),
        leftovers=tuple(sorted(str(p.relative_to(run)) for p in (*run.rglob(".staging-*"), *run.glob("run.lock")))),
    )


def differences(wanted: Facts, got: Facts, ignoring: Iterable[str] = ()) -> list[str]:
    """Name what differs; `ignoring` are names of facts that the case changes on purpose."""
    found = []
    if "model" not in ignoring:
        names = sorted({*wanted.model, *got.model})
        found += [name for name in names if wanted.model.get(name) != got.model.get(name)]
    if "metrics" not in ignoring and wanted.metrics != got.metrics:
        lost, more = set(wanted.metrics) - set(got.metrics), set(got.metrics) - set(wanted.metrics)
        twice = len(got.metrics) - len(set(got.metrics))
        found.append(f"metrics.jsonl ({len(lost)} lost, {len(more)} others, {twice} twice)")
    if "summary" not in ignoring:
        names = sorted({*wanted.summary, *got.summary})
        found += [f"summary {name}" for name in names if wanted.summary.get(name) != got.summary.get(name)]
    if "pictures" not in ignoring and wanted.pictures != got.pictures:
        found.append("pictures")
    if "leftovers" not in ignoring and got.leftovers:
        found.append(f"left behind: {', '.join(got.leftovers)}")
    return found


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _metrics_of(path: Path) -> Iterable[tuple[Any, ...]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        try:
            entry = json.loads(line)
            measured = entry["name"].endswith(MEASURED)
            yield entry["name"], entry["step"], entry["epoch"], None if measured else str(entry["value"])
        except (ValueError, KeyError, TypeError, AttributeError):
            yield "damaged", line


def _json_of(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}

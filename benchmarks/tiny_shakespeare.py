"""Loss on tiny Shakespeare with the budget of nanoGPT's published recipe for a CPU, over the whole validation part.

    python benchmarks/tiny_shakespeare.py [--data FILE] [--set KEY=VALUE] [--output DIR] [--json]

The recipe stands in configs/tiny_shakespeare.yaml, so that `train --config` repeats the run. `val_loss` (nats a
character) is that of the model the run keeps, over every character of the last tenth but the first; `train_seconds`
are spent in training steps alone, without evaluation and saving. Needs the shared data, or --data.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CONFIG = ROOT / "configs/tiny_shakespeare.yaml"
DATA = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/lm/tinyshakespeare.txt"


def main() -> None:
    """Train by the recipe and print the loss."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(DATA), help="a text file")
    parser.add_argument("--set", action="append", default=[], help="a setting to try instead of the recipe's")
    parser.add_argument("--output", help="keep the run here")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from benchmarks.sides import machine

    with tempfile.TemporaryDirectory() as scratch:
        run = options.output or f"{scratch}/run"
        result = train({**settings_of(options.set), "dataset_path": options.data, "output_dir": run})
    result |= {"settings": options.set, **machine()}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def train(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Train by the recipe with some settings changed; gives the loss and the seconds of its steps."""
    from infrastructure.container import Container
    from presentation.cli.watching import watched

    container = Container()
    request = container.runs().read_request(str(CONFIG)).changed(**settings)
    with watched() as monitor:
        response = container.train_model().execute(request, monitor)
    if not response.success:
        raise SystemExit("\n".join(response.errors))
    evaluated = evaluations(Path(str(response.run_dir)))
    return {
        "val_loss": response.final_metrics["loss"],
        "train_seconds": round(evaluated[-1].train_seconds, 2),
        "steps": evaluated[-1].step,
        "bits_per_byte": response.final_metrics["bits_per_byte"],
        "parameters": response.num_parameters,
        "tokens_per_second": round(response.throughput["tokens_per_second"]),
    }


@dataclass(frozen=True)
class Scored:
    """One evaluation of a run: the steps done, the seconds spent in them, and the loss."""

    step: int
    train_seconds: float
    loss: float


def evaluations(run: Path) -> list[Scored]:
    """Read the evaluations of a run in their order."""
    by_step: dict[int, dict[str, float]] = {}
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["name"] in ("eval_loss", "train_seconds"):
            by_step.setdefault(entry["step"], {})[entry["name"]] = entry["value"]
    return [Scored(step, values["train_seconds"], values["eval_loss"]) for step, values in sorted(by_step.items())]


def settings_of(words: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE as the command line does: JSON where it is JSON, else text."""
    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise SystemExit(f"--set {word!r} is not KEY=VALUE. Write, for example, --set seed=1.")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


if __name__ == "__main__":
    main()

"""Texts whose label only one word decides, and marks that show it."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from application.training_request import TrainModelRequest

DECIDES = {"calm": ("still", "quiet", "soft", "slow"), "loud": ("bang", "crash", "shout", "roar")}
_WORDS = (*DECIDES["calm"], *DECIDES["loud"])
_FILLING = ("one", "two", "three", "four", "five", "six", "seven", "eight")
MARK = "cause"


def row(draw: random.Random, length: int = 14) -> dict[str, Any]:
    """Give words of both kinds, of which the first behind "because" and what fills up after it decides the label."""
    label = draw.choice(tuple(DECIDES))
    words = [draw.choice((*_WORDS, *_FILLING)) for _ in range(length)]
    gap = draw.randrange(2, 5)
    at = draw.randrange(gap, length)
    words[at - gap : at + 1] = [
        "because",
        *(draw.choice(_FILLING) for _ in range(gap - 1)),
        draw.choice(DECIDES[label]),
    ]
    start = len(" ".join(words[:at])) + 1
    return {"text": " ".join(words), "label": label, "marks": [[start, start + len(words[at]), MARK]]}


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Draw some of them."""
    draw = random.Random(seed)
    return [row(draw) for _ in range(count)]


def file_of(path: Path, some: Sequence[dict[str, Any]]) -> Path:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(one) + "\n" for one in some), encoding="utf-8")
    return path


def request(tmp: Path, name: str = "run", count: int = 120, seed: int = 0, **changes: Any) -> TrainModelRequest:
    """Ask for the smallest encoder on such rows, scored on others."""
    settings: dict[str, Any] = {
        "model_name": "encoder-tiny", "vocab_size": 400, "max_length": 32, "precision": "fp32", "epochs": 30,
        "batch_size": 32, "learning_rate": 3e-3, "word_dropout": 0.0, "linear_start": False, "average_decay": 0.0,
        "early_stopping_patience": 0, "eval_steps": 1_000, "seed": seed,
    }  # fmt: skip
    return TrainModelRequest(
        task="text_classification",
        dataset_path=str(file_of(tmp / f"train-{seed}.jsonl", rows(count, seed))),
        eval_dataset=str(file_of(tmp / f"eval-{seed}.jsonl", rows(200, 1_000 + seed))),
        output_dir=str(tmp / name),
        **{**settings, **changes},
    )

"""Models and rows that train in a second."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from application.training_request import TrainModelRequest
from infrastructure.models.presets import EncoderSize, encoder_config
from infrastructure.models.tokenizer import train_tokenizer

LABELS = ("calm", "loud")
WORDS = {"calm": ("still", "quiet", "soft", "slow"), "loud": ("bang", "crash", "shout", "roar")}


def rows(count: int = 64) -> list[dict[str, str]]:
    """Alternate both labels in texts of 2 to 12 words."""
    made = []
    for number in range(count):
        label = LABELS[number % 2]
        words = [WORDS[label][(number * 7 + k * 3) % 4] + str(number % (5 + k)) for k in range(2 + number % 11)]
        made.append({"text": " ".join(words) + f" no{number}", "label": label})
    return made


def file_of_rows(path: Path, count: int = 64) -> Path:
    """Write rows as JSON."""
    path.write_text(json.dumps(rows(count)), encoding="utf-8")
    return path


def request(tmp: Path, name: str, **changes: Any) -> TrainModelRequest:
    """Ask for the smallest encoder on 96 rows, in a run of that name."""
    return TrainModelRequest(
        task="text_classification",
        dataset_path=str(file_of_rows(tmp / "rows.json", 96)),
        model_name="encoder-tiny",
        vocab_size=400,
        epochs=3,
        batch_size=4,
        gradient_accumulation_steps=2,
        save_steps=5,
        eval_steps=7,
        logging_steps=3,
        output_dir=str(tmp / name),
        **changes,
    )


def tokenizer() -> PreTrainedTokenizerFast:
    """Learn a small tokenizer from the rows."""
    return train_tokenizer([row["text"] for row in rows()], 400, lowercase=True, seed=0)


def model(tokens: PreTrainedTokenizerFast, dropout: float = 0.0, seed: int = 0, **changes: Any) -> PreTrainedModel:
    """Build a two-layer encoder of width 64."""
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    config = encoder_config(EncoderSize(64, 2, 96), tokens, LABELS, 64)
    config.embedding_dropout = config.mlp_dropout = config.classifier_dropout = dropout
    for name, value in changes.items():
        setattr(config, name, value)
    made: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    return made

"""What the result of a training follows from, as values that can be kept and compared."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import nn

from domain.config import WITHOUT_EFFECT, TrainingConfig
from domain.strict_json import strict_json
from infrastructure.data.tokens.tokenization import fingerprint as fingerprint_of_tokenizer
from infrastructure.models.bundle import ModelBundle

TRAINING_ROWS, EVALUATION_ROWS = "training rows", "evaluation rows"
TOKENIZER, ARCHITECTURE = "tokenizer", "architecture"
FROZEN_WEIGHTS = "frozen weights"
# Of a config in the library's form: which program wrote it, which does not decide what the model computes.
_OF_THE_WRITER = ("transformers_version", "torch_dtype", "dtype")


def settings_of_loop(config: TrainingConfig) -> dict[str, Any]:
    """Give the settings of the loop that its result follows from."""
    return {name: value for name, value in asdict(config).items() if name not in WITHOUT_EFFECT}


def data_of(bundle: ModelBundle, training: Any, evaluation: Any) -> dict[str, str]:
    """Give what rows, tokenizer and architecture are known by, and the weights that states do not hold."""
    known = {TRAINING_ROWS: fingerprint_of(training), ARCHITECTURE: _fingerprint_of_model(bundle.model)}
    if evaluation is not None:
        known[EVALUATION_ROWS] = fingerprint_of(evaluation)
    if bundle.tokenizer is not None:
        known[TOKENIZER] = fingerprint_of_tokenizer(bundle.tokenizer)
    if bundle.base is not None:
        known[FROZEN_WEIGHTS] = bundle.base.digest
    return known


def fingerprint_of(dataset: Any) -> str:
    """Give what a data set is known by: its `fingerprint` where it has one, else its length."""
    return f"{len(dataset)} {getattr(dataset, 'fingerprint', '')}".strip()


def _fingerprint_of_model(model: nn.Module) -> str:
    config = getattr(model, "config", None)
    described = repr(model) if config is None else strict_json(_plain(config.to_dict()), sort_keys=True, default=str)
    return hashlib.sha256(f"{type(model).__name__} {described}".encode(errors="replace")).hexdigest()


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what names a place or a program: such keys begin with an underscore."""
    return {
        str(name): _plain(value) if isinstance(value, Mapping) else value
        for name, value in config.items()
        if not str(name).startswith("_") and name not in _OF_THE_WRITER
    }

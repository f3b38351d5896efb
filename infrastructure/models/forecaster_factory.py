"""Builds the forecaster that a request names: from a preset, or from the directory of a finished one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from application.training_request import TrainModelRequest
from domain.exceptions import ModelError
from infrastructure.data.forecast_data import SplitSeries
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.first_line import start_from_least_squares
from infrastructure.models.forecaster import Forecaster, ForecasterConfig
from infrastructure.models.presets import FORECASTERS

# What a model and the data it goes on with must agree in.
_SHAPE = (
    "num_classes",
    "context_length",
    "patch_length",
    "num_inputs",
    "num_targets",
    "num_calendar",
    "horizons",
    "quantiles",
    "instance_norm",
)
# What no setting says by itself.
_SAID_BY = {
    "num_classes": "Name a model of this task",
    "num_inputs": "Give as many columns (columns, volatility_window)",
    "num_targets": "Forecast as many columns (target_columns)",
    "num_calendar": "Choose the same calendar",
}


def build_forecaster(
    request: TrainModelRequest, dataset: SplitSeries, quantiles: Sequence[float] = (), num_classes: int = 0
) -> ModelBundle:
    """Build what `request.model_name` names for some series; the same seed and data give the same weights.

    Raises: ModelError.
    """
    recipe = dataset.recipe
    shape: dict[str, Any] = {
        "context_length": recipe.context_length,
        "num_inputs": len(recipe.names),
        "num_targets": recipe.num_targets,
        "num_calendar": recipe.calendar.width,
        "horizons": recipe.horizons,
        "quantiles": tuple(quantiles),
        "num_classes": num_classes,
        "patch_length": request.patch_length,
        "instance_norm": request.instance_norm,
    }
    name = request.model_name or "forecaster-mini"
    torch.manual_seed(request.seed)
    if request.gradient_checkpointing:
        raise ModelError(
            f"model {name} does not support gradient_checkpointing.", remedy="Leave it out, or lower batch_size."
        )
    if name in FORECASTERS:
        model = Forecaster(ForecasterConfig(**vars(FORECASTERS[name]), **shape))
        if quantiles:
            start_from_least_squares(model, dataset.train)
    else:
        model = _from_directory(name, shape)
    return ModelBundle(model, card={"task": request.task, "model_name": name})


def open_forecaster(directory: Path) -> Forecaster:
    """Open the directory of a finished forecaster. Raises: ModelError."""
    try:
        model: Forecaster = Forecaster.from_pretrained(directory, use_safetensors=True)
    except Exception as error:  # the library raises a dozen kinds, from OSError to those of its parsers
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise ModelError(f"{directory} cannot be opened: {reason}.", remedy="Restore it or train again.") from error
    return model


def _from_directory(name: str, shape: dict[str, Any]) -> Forecaster:
    directory = Path(name)
    if not (directory / "config.json").is_file():
        within = directory / "model"
        suggested = f", such as {within}" if (within / "config.json").is_file() else ""
        raise ModelError(
            f"model {name!r} is no preset of this task ({', '.join(FORECASTERS)}) and no directory of a forecaster.",
            remedy=f"Name a preset, or the model directory of a finished run of this task{suggested}.",
        )
    try:
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(
            f"model {name} cannot be opened: its config.json is not JSON.", remedy="Restore it, or begin from a preset."
        ) from error
    config = config if isinstance(config, dict) else {}
    if config.get("model_type") != ForecasterConfig.model_type:
        raise ModelError(
            f"model {name} is of the type {config.get('model_type')!r} and no forecaster.",
            remedy=f"Name a preset ({', '.join(FORECASTERS)}) or the model directory of a finished forecaster.",
        )
    model = open_forecaster(directory)
    for setting in _SHAPE:
        there, wanted = getattr(model.config, setting), shape[setting]
        wanted = list(wanted) if isinstance(wanted, tuple) else wanted
        if there != wanted:
            raise ModelError(
                f"model {name} has {setting} {there}, but the data and settings of this run want {wanted}.",
                remedy=f"{_SAID_BY.get(setting, f'Set {setting} as the model has it')}, or begin from a preset.",
            )
    return model

"""Builds the forecaster that a request names: from a preset, or from the directory of a finished one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from application.phases import phase
from application.training import SeriesTraining
from domain.exceptions import ModelError
from domain.run_layout import RunLayout
from infrastructure.data.series.shape import shape_of_covariates
from infrastructure.data.series.windows import Windows
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.model_files.model_directory import CONFIG, settings_of
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import checkpoint_gradients, whole
from infrastructure.models.first_line import start_from_least_squares
from infrastructure.models.forecaster import Forecaster, ForecasterConfig
from infrastructure.models.presets import FORECASTERS
from infrastructure.models.pretrained import open_model
from infrastructure.models.series_inputs import model_inputs

# Thin histories among the training windows, looked at evenly, from which on a model can learn what follows them.
OFTEN = 0.05
WINDOWS_LOOKED_AT = 2048
WINDOWS_AT_ONCE = 256
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
    *(
        "covariates",
        "ratio_targets",
        "num_known",
        "category_sizes",
        "num_known_categories",
        "num_static",
        "static_sizes",
    ),
)
# What no setting says by itself.
_SAID_BY = {
    "num_classes": "Name a model of this task",
    "num_inputs": "Give as many columns (columns, volatility_window)",
    "num_targets": "Forecast as many columns (target_columns)",
    "num_calendar": "Choose the same calendar",
    "covariates": "Name series_column and known_columns where the model had them, and nowhere else",
    "num_known": "Name as many known_columns that hold numbers",
    "num_known_categories": "Name as many known_columns that hold categories",
    "category_sizes": "Give as many columns of categories, with the same categories",
    "num_static": "Name as many static_columns that hold numbers",
    "static_sizes": "Give as many static_columns of categories, with the same categories",
}


def build_forecaster(
    request: SeriesTraining, dataset: SplitSeries, quantiles: Sequence[float] = (), num_classes: int = 0
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
        **shape_of_covariates(recipe),
    }
    name = request.model_name or "forecaster-mini"
    torch.manual_seed(request.seed)
    with phase(f"building the model {name}"):
        model = _made(name, shape, dataset, quantiles)
    if request.gradient_checkpointing:
        checkpoint_gradients(model, name)
    return ModelBundle(model, card={"task": request.task, "model_name": name})


def _made(name: str, shape: dict[str, Any], dataset: SplitSeries, quantiles: Sequence[float]) -> Forecaster:
    if name in FORECASTERS:
        model = Forecaster(ForecasterConfig(**vars(FORECASTERS[name]), **shape))
        if quantiles and model.profile is None:  # what a profile leaves for a line is not known before it is learnt
            start_from_least_squares(model, dataset.train)
    else:
        model = _from_directory(name, shape)
    if quantiles:
        known = zip(model.config.thin_targets, _often_thin(model, dataset.train), strict=True)
        model.config.thin_targets = [before or now for before, now in known]
    return model


def open_forecaster(directory: Path) -> Forecaster:
    """Open the directory of a finished forecaster. Raises: ModelError."""
    _refuse_other_type(str(directory), directory)
    model, loading = open_model(directory, Forecaster)
    return cast("Forecaster", whole(directory, model, loading))


@torch.no_grad()
def _often_thin(model: Forecaster, train: Windows) -> list[bool]:
    """Tell of which targets training sees thin histories often enough to learn what follows them."""
    anchors = train.anchors[np.unique(np.linspace(0, len(train) - 1, WINDOWS_LOOKED_AT).astype(np.int64))]
    num_thin, num_scored = np.zeros((2, model.config.num_targets))
    for start in range(0, len(anchors), WINDOWS_AT_ONCE):
        window = train.cut(anchors[start : start + WINDOWS_AT_ONCE])
        history = model.history(**model_inputs(window))
        is_thin = history.is_thin[:, : model.config.num_targets, 0].numpy()  # [B, T]
        is_scored = np.isfinite(window["target"]).any(axis=-1)  # [B, T]
        num_thin += (is_thin & is_scored).sum(axis=0)
        num_scored += is_scored.sum(axis=0)
    return [bool(thin >= OFTEN * max(scored, 1)) for thin, scored in zip(num_thin, num_scored, strict=True)]


def _from_directory(name: str, shape: dict[str, Any]) -> Forecaster:
    directory = Path(name)
    if not (directory / "config.json").is_file():
        within = RunLayout(directory).model
        suggested = f", such as {within}" if (within / "config.json").is_file() else ""
        raise ModelError(
            f"model {name!r} is no preset of this task ({', '.join(FORECASTERS)}) and no directory of a forecaster.",
            remedy=f"Name a preset, or the model directory of a finished run of this task{suggested}.",
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


def _refuse_other_type(name: str, directory: Path) -> None:
    found = settings_of(directory / CONFIG).get("model_type")
    if found != ForecasterConfig.model_type:
        raise ModelError(
            f"model {name} is of the type {found!r} and no forecaster.",
            remedy=f"Name a preset ({', '.join(FORECASTERS)}) or the model directory of a finished forecaster.",
        )

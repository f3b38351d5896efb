"""What a caller of the trainer gave, checked."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from torch import nn
from transformers.modeling_utils import PreTrainedModel

from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.market import DIRECTIONS
from infrastructure.models.forecaster import Forecaster
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.causal_lm import CausalLanguageModeling
from infrastructure.tasks.direction import DirectionClassification
from infrastructure.tasks.forecast_readers import Scores
from infrastructure.tasks.plain_module import LossFunction, PlainModule
from infrastructure.tasks.quantile_forecast import QuantileForecast
from infrastructure.tasks.seq2seq import SequenceToSequence
from infrastructure.tasks.sequence_classification import SequenceClassification


def config_of(settings: Mapping[str, Any]) -> TrainingConfig:
    """Make the settings of the loop. Raises: ConfigurationError naming the nearest one for a name it does not know."""
    known = TrainingConfig.__dataclass_fields__
    unknown = [name for name in settings if name not in known]
    if unknown:
        nearest = get_close_matches(unknown[0], known, n=1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Known settings: {', '.join(known)}."
        raise ConfigurationError(f"setting {unknown[0]!r} is not known.", remedy=hint)
    return TrainingConfig(**settings)


def with_rows(dataset: Any) -> Any:
    """Give the data set back. Raises: DatasetError when it is empty."""
    if not len(dataset):
        raise DatasetError("the training dataset is empty.", remedy="Give at least one row.")
    return dataset


def task_for(model: nn.Module, loss_function: LossFunction | None, dataset: Any) -> TaskAdapter:
    """Choose how to train a model by what it is. Raises: ConfigurationError for a module without a loss."""
    if loss_function is not None:
        return PlainModule(loss_function)
    if isinstance(model, Forecaster):
        return _forecast_of(model, dataset)
    config = getattr(model, "config", None)
    if config is None:
        raise ConfigurationError(
            f"{type(model).__name__} is a plain module, which does not say its loss.",
            remedy="Give AdvancedTrainer a loss_function(output, target).",
        )
    pad_token_id = getattr(config, "pad_token_id", None) or 0
    if getattr(config, "is_encoder_decoder", False):
        return SequenceToSequence(pad_token_id, _start_of(model))
    if isinstance(model, PreTrainedModel) and model.can_generate():
        return CausalLanguageModeling(pad_token_id, bos_token_id=getattr(dataset, "document_start_id", None))
    names = getattr(dataset, "label_names", ()) or tuple(str(config.id2label[i]) for i in range(config.num_labels))
    return SequenceClassification(names, pad_token_id=pad_token_id)


def _forecast_of(model: Forecaster, dataset: Any) -> TaskAdapter:
    """Train a forecaster for what it gives: directions, or quantiles scored in the units of the windows' table.

    Raises: ConfigurationError for rows that are no windows.
    """
    recipe = getattr(getattr(dataset, "series", None), "recipe", None)
    if recipe is None:
        raise ConfigurationError(
            f"{type(model).__name__} learns from windows of a table, but the dataset is a {type(dataset).__name__}.",
            remedy='Load it with DatasetLoader(path, task="quantile_forecasting").',
        )
    if model.config.num_classes:
        return DirectionClassification(DIRECTIONS)
    quantiles = tuple(model.config.quantiles)
    return QuantileForecast(quantiles, recipe.horizons, lambda: Scores(recipe, quantiles, None))


def _start_of(model: Any) -> int:
    """Give the token with which an encoder-decoder begins to write. Raises: ConfigurationError when it has none."""
    named = (model.generation_config.decoder_start_token_id, model.generation_config.bos_token_id)
    for token in named:
        if token is not None:
            return int(token)
    raise ConfigurationError(
        f"{type(model).__name__} does not say with which token it begins to write.",
        remedy="Set model.generation_config.decoder_start_token_id.",
    )


def metric_of(name: str, task: TaskAdapter) -> str:
    """Give the metric as the task calls it, without `eval_`. Raises: ConfigurationError when it has none such."""
    metric = name.removeprefix("eval_")
    if metric not in task.metric_names:
        nearest = get_close_matches(metric, task.metric_names, n=1)
        hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Choose one of {', '.join(task.metric_names)}."
        raise ConfigurationError(f"metric_name {name!r} is not known.", remedy=hint)
    return metric

"""Which task a model trains on where nobody has named one, as users of the library do not."""

from typing import Any

from torch import nn
from transformers.modeling_utils import PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from application.groups.text import DEFAULT_LENGTH
from domain.exceptions import ConfigurationError
from infrastructure.data.series.market_features import DIRECTIONS
from infrastructure.models.flow.model import FlowClassifier
from infrastructure.models.forecaster import Forecaster
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.flow.adapter import FlowClassification
from infrastructure.tasks.flow.rows import FlowRows
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.masked.adapter import MaskedLanguageModeling
from infrastructure.tasks.plain_module import LossFunction, PlainModule
from infrastructure.tasks.series.direction_adapter import DirectionClassification
from infrastructure.tasks.series.quantile_adapter import QuantileForecast
from infrastructure.tasks.series.scoring.readers import Scores
from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling
from infrastructure.tasks.writing.encoder_decoder_adapter import SequenceToSequence


def task_for(model: nn.Module, loss_function: LossFunction | None, dataset: Any) -> TaskAdapter:
    """Choose how to train a model by what it is. Raises: ConfigurationError for a module without a loss."""
    if loss_function is not None:
        return PlainModule(loss_function)
    if isinstance(model, Forecaster):
        return _forecast_of(model, dataset)
    if isinstance(model, FlowClassifier):
        return _reading_of(model, dataset)
    config = getattr(model, "config", None)
    if config is None:
        raise ConfigurationError(
            f"{type(model).__name__} is a plain module, which does not say its loss.",
            remedy="Give AdvancedTrainer a loss_function(output, target).",
        )
    pad_token_id = getattr(config, "pad_token_id", None) or 0
    if getattr(config, "is_encoder_decoder", False):
        return SequenceToSequence(pad_token_id, _start_of(model))
    if type(model).__name__ in MODEL_FOR_MASKED_LM_MAPPING_NAMES.values():
        return _masking_of(model, dataset, pad_token_id)
    if isinstance(model, PreTrainedModel) and model.can_generate():
        return CausalLanguageModeling(pad_token_id, bos_token_id=getattr(dataset, "document_start_id", None))
    names = getattr(dataset, "label_names", ()) or tuple(str(config.id2label[i]) for i in range(config.num_labels))
    return SequenceClassification(names, pad_token_id=pad_token_id)


def _reading_of(model: FlowClassifier, dataset: Any) -> TaskAdapter:
    """Train a reader of code for the labels of its rows. Raises: ConfigurationError for rows of another kind."""
    if not isinstance(dataset, FlowRows):
        raise ConfigurationError(
            f"{type(model).__name__} learns from code with roles and links, but the dataset is a"
            f" {type(dataset).__name__}.",
            remedy="Train it with the task security_classification: athanor.train(model_name=...).",
        )
    config = model.config
    scoring = LabelScoring(dataset.label_names, negative_label=dataset.label_names[config.negative_label])
    return FlowClassification.of(config, scoring, DEFAULT_LENGTH)


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
        return DirectionClassification(LabelScoring(DIRECTIONS))
    quantiles = tuple(model.config.quantiles)
    return QuantileForecast(quantiles, recipe.horizons, lambda: Scores(recipe, quantiles, None), recipe=recipe)


def _masking_of(model: nn.Module, dataset: Any, pad_token_id: int) -> MaskedLanguageModeling:
    """Train a model for filling gaps, with the signs of the tokenizer that the data set was made with.

    Raises: ConfigurationError for rows that do not know them.
    """
    mask: int | None = getattr(dataset, "mask_token_id", None)
    if mask is None:
        raise ConfigurationError(
            f"{type(model).__name__} learns by filling gaps, but the dataset, a {type(dataset).__name__}, names no"
            " mask_token_id.",
            remedy='Load it with DatasetLoader(path, tokenizer, task="masked_language_modeling").',
        )
    return MaskedLanguageModeling(mask, getattr(dataset, "special_token_ids", ()), pad_token_id)


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

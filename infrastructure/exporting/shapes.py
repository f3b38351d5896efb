"""Which graphs a finished model has."""

from domain.exceptions import ModelError
from infrastructure.exporting.following import reader_of_code
from infrastructure.exporting.graph import AS_IT_IS, Shape, Tensors
from infrastructure.exporting.made_rows import windows_of
from infrastructure.exporting.opened import Opened
from infrastructure.exporting.reading import classifier, encoder, forecaster
from infrastructure.exporting.writing import decoder, encoder_decoder
from infrastructure.models.flow.model import FlowClassifier
from infrastructure.models.forecaster import Forecaster
from infrastructure.tasks.labels.finished import FinishedClassifier
from infrastructure.tasks.masked.finished import FinishedFiller


def shape_of(opened: Opened, windows: Tensors | None) -> Shape:
    """Give the shape of a finished model; `windows` are some that a forecaster is given, None where there are none.

    Raises: ModelError for a model that has none.
    """
    task, model, tokenizer = opened.task, opened.model, opened.tokenizer
    if isinstance(task, FinishedClassifier):
        return classifier(model)
    if isinstance(model, FlowClassifier):
        return reader_of_code(model)
    if isinstance(task, FinishedFiller):
        return encoder(model)
    if isinstance(model, Forecaster):
        return forecaster(model, windows_of(model) if windows is None else windows)
    if tokenizer is not None and opened.can_write:
        return (encoder_decoder if model.config.is_encoder_decoder else decoder)(model, tokenizer)
    raise ModelError(f"a model of task {opened.card.task} of this making has no graphs.", remedy=AS_IT_IS)

"""Which graphs a finished model has."""

from domain.exceptions import ModelError
from infrastructure.exporting.graph import Shape
from infrastructure.exporting.opened import Opened
from infrastructure.exporting.reading import classifier, encoder
from infrastructure.tasks.labels.finished import FinishedClassifier
from infrastructure.tasks.masked.finished import FinishedFiller


def shape_of(opened: Opened) -> Shape:
    """Give the shape of a finished model. Raises: ModelError for one that has none."""
    if isinstance(opened.task, FinishedClassifier):
        return classifier(opened.model)
    if isinstance(opened.task, FinishedFiller):
        return encoder(opened.model)
    raise ModelError(
        f"a model of task {opened.card.task} of this making has no graphs.", remedy="Use --format safetensors."
    )

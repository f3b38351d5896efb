"""Opens exported models, each by the kind of its task."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from domain.exceptions import ModelError
from domain.task import task_named
from infrastructure.exported.model import ExportedModel, ExportedTask
from infrastructure.model_files.card import RESTORE, ModelCard, require_files, typed_card
from infrastructure.model_files.exports import Export, ExportedCard
from infrastructure.model_files.model_directory import is_own_name
from infrastructure.tasks.kind import Card

HERE = "infrastructure.exported"
FLOW = "a reader that follows values"  # a kind of its own, which shares its task
# Which class of which module opens what was exported of a kind: no module is loaded that is not needed.
HOMES = {
    "sequence_classification": "labels:ExportedClassifier",
    FLOW: "flow:ExportedFlow",
    "masked_language_modeling": "embeddings:ExportedEncoder",
    "language_modeling": "writing.finished:ExportedWriter",
    "code_generation": "writing.finished:ExportedWriter",
    "instruction_tuning": "writing.finished:ExportedWriter",
    "sequence_to_sequence": "writing.finished:ExportedWriter",
    "quantile_forecasting": "forecasts:ExportedForecaster",
    "market_direction": "forecasts:ExportedDirection",
}

Open = Callable[[Path, Card, Export, str], ExportedTask]


def open_exported(directory: Path, card: Card, known: ModelCard, device: str, place: str) -> ExportedModel:
    """Open an exported model by its card; `device` says where it is computed.

    Raises: ModelError, ConfigurationError for a package or a device that is not there.
    """
    export = typed_card(ExportedCard, card, directory).export
    for graph in (*export.graphs.values(), *filter(None, [export.judging])):
        if not is_own_name(graph):
            raise ModelError(f"{directory} names a graph outside of itself: {graph!r:.60}.", remedy=RESTORE)
    require_files(known, directory)  # first: a graph that was changed is not to be computed
    kind = FLOW if export.judging else task_named(known.task).kind
    module, _, name = HOMES[kind].partition(":")
    home: Any = getattr(import_module(f"{HERE}.{module}"), name)
    open_task: Open = home.open
    try:
        return ExportedModel(open_task(directory, card, export, device), known, place)
    except KeyError as error:
        raise ModelError(f"{directory} has no graph {error}.", remedy=RESTORE) from error

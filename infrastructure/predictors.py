"""Opens finished models of any task: those that torch computes, and those that were exported and need none."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.foreign import foreign_faults
from application.training import training_of
from application.training_request import FIELD_SETTINGS, field_settings
from domain.exceptions import ConfigurationError, ModelError
from domain.reading import Reading
from domain.run_layout import RunLayout
from domain.task import task_named
from infrastructure.answering import AnsweringModel
from infrastructure.model_files.card import ModelCard, read_card, typed_card
from infrastructure.model_files.exports import runs_without_torch

if TYPE_CHECKING:
    from infrastructure.prediction import FinishedModel


class PredictorSource:
    """Opens run directories, model directories and exported models."""

    def open(self, path: str, device: str = "auto", reading: Mapping[str, Any] | None = None) -> AnsweringModel:
        """Open a finished model of any task; `reading` replaces how it reads files.

        Raises: ModelError, ConfigurationError.
        """
        directory = Path(path)
        if not directory.is_dir():
            raise ModelError(f"{path} is no directory.", remedy="Name a run directory; see `runs list`.")
        within = RunLayout(directory).model
        directory = within if within.is_dir() else directory
        given = _given(reading or {})
        card = {**read_card(directory), **given}
        known = typed_card(ModelCard, card, directory)
        _refuse_foreign(known, given)
        if runs_without_torch(card, directory):
            from infrastructure.exported.opening import open_exported

            return open_exported(directory, card, known, device, path)
        from infrastructure.prediction import open_finished_model  # loads torch, which takes seconds

        return open_finished_model(directory, card, known, device, path)


def opened_by_torch(path: str, device: str = "auto", reading: Mapping[str, Any] | None = None) -> "FinishedModel":
    """Open a finished model for what asks more of it than answers. Raises: ModelError, also for an exported one."""
    from infrastructure.prediction import FinishedModel

    model = PredictorSource().open(path, device, reading)
    if not isinstance(model, FinishedModel):
        raise ModelError(
            f"{path} was exported, and can be asked and evaluated alone.", remedy="Name the run it is from."
        )
    return model


def _refuse_foreign(card: ModelCard, given: Mapping[str, Any]) -> None:
    """Refuse settings that mean nothing to the task of a model. Raises: ConfigurationError."""
    task = task_named(card.task)
    fields = [name for name in FIELD_SETTINGS if name in training_of(task).model_fields]
    remedy = f"Use {' or '.join(fields)}." if fields else "Leave it out: a table is read."
    faults = [f"{name} means nothing to task {task.name}. {remedy}" for name in card.named_fields if name not in fields]
    reading = (name for name in Reading.__dataclass_fields__ if given.get(name) is not None)
    faults += foreign_faults(task, reading)
    if faults:
        raise ConfigurationError.of(faults)


def _given(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check what replaces the settings of a card: how files are read, and where rows hold what."""
    fields = {name: value for name, value in settings.items() if name in FIELD_SETTINGS}
    reading = Reading.given({name: value for name, value in settings.items() if name not in fields}, FIELD_SETTINGS)
    named = {name: value for name, value in field_settings(fields).items() if value is not None}
    return {**reading, **named, "named_fields": list(named)}

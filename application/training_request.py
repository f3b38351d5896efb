"""What a caller may ask of a training, and how that becomes one with everything decided."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from pydantic import ValidationError

from application.foreign import foreign_faults, says_something
from application.groups.data import DataSettings, RowSettings, RunSettings
from application.groups.known import NAMES
from application.groups.loop import AUTO, KeepingSettings, LoopSettings, MachineSettings, ModelSettings
from application.groups.panel import ManySeriesSettings, PanelSettings
from application.groups.setting import names_columns
from application.groups.table import DirectionSettings, QuantileSettings, TableSettings, WindowSettings
from application.groups.text import (
    CaseSettings,
    ChatSettings,
    ClassSettings,
    DocumentSettings,
    LabelSettings,
    MaskingSettings,
    PackingSettings,
    PairSettings,
    TargetSettings,
    TextSettings,
    TokenSettings,
    WritingSettings,
)
from application.groups.tracking import TrackingSettings
from application.groups.tuning import TuningSettings
from application.groups.values import ValueSettings
from application.training import Training, training_of
from domain.config import ROWS_OF_BATCH
from domain.exceptions import ConfigurationError
from domain.former_names import by_todays_names
from domain.showing import shown
from domain.step_size import measured_once
from domain.task import Task, task_named

# Settings that name columns of rows; predict and evaluate take them too.
FIELD_SETTINGS = ("text_field", "label_field", "source_field", "target_field", "messages_field")
QUICK_STEPS = 6
# Of a file that is no run file at all, a screen of faults says enough.
MAX_FAULTS = 20
LONGEST_NAME = 40


class TrainModelRequest(
    # Pydantic lists the settings of the last group first.
    MachineSettings,
    TrackingSettings,
    WritingSettings,
    KeepingSettings,
    TargetSettings,
    ClassSettings,
    LoopSettings,
    TuningSettings,
    ModelSettings,
    DirectionSettings,
    ValueSettings,
    QuantileSettings,
    PanelSettings,
    ManySeriesSettings,
    WindowSettings,
    TableSettings,
    TokenSettings,
    PackingSettings,
    CaseSettings,
    MaskingSettings,
    DocumentSettings,
    ChatSettings,
    PairSettings,
    LabelSettings,
    TextSettings,
    RowSettings,
    DataSettings,
    RunSettings,
):
    """One training as it is asked for; the same settings stand in a run file.

    A setting that is not given, or is None, takes the default of its task where the task has one. Lengths are tokens,
    fractions lie in (0, 1).
    Raises: ConfigurationError naming every unknown setting and every value of a wrong type.
    """

    _warnings: tuple[str, ...] = ()

    def __init__(self, **values: Any) -> None:
        values, word = by_todays_names(values)
        _refuse_unknown(values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError.of(_sentences(error.errors())) from error
        self._warnings = (word,) if word else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know of how it was asked."""
        return self._warnings

    def changed(self, **values: Any) -> "TrainModelRequest":
        """Copy with some settings replaced, checked again; what was left unsaid stays so."""
        copy = TrainModelRequest(**{**self.model_dump(exclude_unset=True), **values})
        copy._warnings = self._warnings
        return copy

    def leaves_open(self, name: str) -> bool:
        """Tell whether it was left to the program what a setting is: nothing was said of it, or `auto`."""
        if name == "batch_size" and self.batch_tokens is not None:
            return False
        return name not in self.model_fields_set or getattr(self, name) is None or self.is_measured(name)

    def is_measured(self, name: str) -> bool:
        """Tell whether a setting is to be found by measuring."""
        return name == "batch_size" and self.batch_size == AUTO

    def resolved(self) -> Training:
        """Fill in what the task decides, so that the result reproduces the run even when defaults change later.

        Raises: ConfigurationError naming every rule that a value breaks, and every setting that means nothing to the
        task.
        """
        task = task_named(self.task)
        if self.validation_split is not None and "split" in task.settings:
            return self._split_by_share().resolved()
        decided = self._decided_by(task)
        values = {**self.model_dump(), **decided}
        if self.quick and self.max_steps is None:
            values |= {"max_steps": QUICK_STEPS, "eval_steps": QUICK_STEPS // 2, "warmup_steps": 1}
        faults = list(measured_once(self.batch_size, self.batch_tokens))
        if faults:
            values["batch_size"] = None
        kind = training_of(task)
        own = {name: value for name, value in values.items() if name in kind.model_fields and value is not None}
        faults += foreign_faults(task, dict.fromkeys((*self._said(), *decided)))
        if left_open := list(_left_open(task, kind, own)):
            raise ConfigurationError.of([*faults, *left_open])
        training = kind(**own)
        faults += islice(training.broken_rules(task), MAX_FAULTS)
        if faults:
            raise ConfigurationError.of(faults)
        return training

    def _decided_by(self, task: Task) -> dict[str, Any]:
        """Give what a task decides where nothing was said."""
        own = {"dataset_path": task.default_dataset, "metric_name": task.metric_name, "batch_size": ROWS_OF_BATCH}
        settings = {**own, **task.settings_for(self.model_name, self.adapter, self.freeze)}
        if self.quick and self.leaves_open("dataset_path") and task.quick_dataset is not None:
            settings["dataset_path"] = task.quick_dataset
        elif task.default_eval_dataset is not None and self._leaves_data_to(task):
            settings["eval_dataset"] = task.default_eval_dataset
        if not (self.leaves_open("epochs") and self.leaves_open("time_budget")):
            settings.pop("max_steps", None)  # somebody has said how long it lasts
        elif self.leaves_open("max_steps") and self._takes_data_of(task):
            settings |= task.settings_of_shipped
        return {name: value for name, value in settings.items() if self.leaves_open(name)}

    def _leaves_data_to(self, task: Task) -> bool:
        """Tell whether the data of a task are taken, and their split is left to it."""
        return self._takes_data_of(task) and self.leaves_open("validation_split")

    def _takes_data_of(self, task: Task) -> bool:
        return self.leaves_open("dataset_path") or self.dataset_path == task.default_dataset

    def _said(self) -> Iterator[str]:
        for name in NAMES:
            if says_something(name, getattr(self, name), TrainModelRequest.model_fields[name].default):
                yield name

    def _split_by_share(self) -> "TrainModelRequest":
        """Say `validation_split` as the split in time that it means: the latest rows, and no test part."""
        share = self.validation_split or 0.0
        if self.split is not None:
            fault = f"validation_split is {share} and split {list(self.split)}, but a table is split once. Drop one."
            raise ConfigurationError.of([fault])
        if not 0.0 < share < 1.0:
            fault = f"validation_split is {share}, but must lie between 0 and 1. Use 0.1 for a tenth."
            raise ConfigurationError.of([fault])
        return self.changed(split=(1.0 - share, share), validation_split=None)


def field_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Check settings that name fields of rows; several names stand in a list. Raises: ConfigurationError."""
    request = TrainModelRequest(**values)
    given = {name: getattr(request, name) for name in values}
    faults = [fault for name, value in given.items() for fault in names_columns(name, value)]
    if faults:
        raise ConfigurationError.of(faults)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def nearest_setting(name: str, only_same_word: bool = False) -> str | None:
    """Give the setting that a wrong name comes nearest to, one of the same first word before any other."""
    name = name[:LONGEST_NAME]  # comparing takes time that grows with the square of the length
    same_word = [known for known in NAMES if known.partition("_")[0] == name.partition("_")[0]]
    nearest = get_close_matches(name, same_word, n=1, cutoff=0.5)
    if not nearest and not only_same_word:
        nearest = get_close_matches(name, NAMES, n=1, cutoff=0.5)
    return nearest[0] if nearest else None


def _left_open(task: Task, kind: type[Training], values: Mapping[str, Any]) -> Iterator[str]:
    """Say what must be decided and was left open by request and task."""
    for name, about in kind.model_fields.items():
        if about.is_required() and name not in values:
            yield f"{name} is not given, and task {task.name} has no default for it. Give {name}."


def _refuse_unknown(values: Mapping[str, Any]) -> None:
    faults = []
    for name in values:
        if name not in TrainModelRequest.model_fields:
            nearest = nearest_setting(name)
            hint = f"Did you mean {nearest!r}?" if nearest else f"Known settings: {', '.join(NAMES)}."
            faults.append(f"setting {shown(name)} is not known. {hint}")
            if len(faults) == MAX_FAULTS:
                break
    if faults:
        raise ConfigurationError.of(faults)


def _sentences(faults: Iterable[Any]) -> list[str]:
    """Make a sentence of each fault; a field that may be of several kinds has one fault for all of them."""
    told: dict[tuple[Any, ...], tuple[str, Any, list[str]]] = {}
    for fault in faults:
        if len(told) == MAX_FAULTS:
            break
        name = str(fault["loc"][0]) if fault["loc"] else "request"
        rule = fault["msg"].lower().removeprefix("value error, ").partition(", unable to parse")[0]
        rule = rule.replace("a valid tuple", "a list, such as [a,b]")
        is_choice = len(fault["loc"]) > 1 and not isinstance(fault["loc"][1], int)
        place = fault["loc"][:1] if is_choice else fault["loc"]
        _, _, rules = told.setdefault(place, (name, fault["input"], []))
        rules.append(rule if not rules else rule.removeprefix("input should be "))
    return [
        f"{name} is {shown(value)}, but: {', or '.join(rules)}. Correct the value of {name}."
        for name, value, rules in told.values()
    ]

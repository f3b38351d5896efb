"""What a caller may ask of a training, with every default in one place."""

from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from domain import forecast
from domain.config import WITHOUT_EFFECT, TrainingConfig
from domain.exceptions import ConfigurationError
from domain.reading import MAX_ROW_MIB, Reading
from domain.rules import between, whole
from domain.showing import shown
from domain.task import Task, task_named

_LOOP = TrainingConfig()

# Fields of the request whose names differ from those of the loop.
_RENAMED = {"epochs": "num_epochs"}

# Fields that change no result, with the reason: a run may be resumed with others. Everything else decides it.
CANNOT_MATTER: Mapping[str, str] = {
    **WITHOUT_EFFECT,
    "dataset_path": "the rows are known by their content",
    "eval_dataset": "the rows are known by their content",
    "output_dir": "where a run lives changes nothing of it",
    "keep_checkpoints": "it is heeded when the result is there",
    "max_row_mib": "it refuses rows and changes none",
    "max_unpacked_mib": "it refuses files and changes none",
}

# Fields of the request that name columns of rows; predict and evaluate take them too.
FIELD_SETTINGS = ("text_field", "label_field", "source_field", "target_field")
QUICK_STEPS = 6
MAX_LENGTH_LIMIT = 131_072
# Of a file that is no run file at all, a screen of faults says enough.
MAX_FAULTS = 20
LONGEST_NAME = 40


class TrainModelRequest(BaseModel):
    """One training, completely described; the same fields stand in a run file.

    A field that is not given, or is None, takes the default of its task where the task has one. Lengths are tokens,
    fractions lie in (0, 1).
    Raises: ConfigurationError naming every unknown field and every value of a wrong type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, protected_namespaces=())

    task: str = "security_classification"
    dataset_path: str | None = None
    eval_dataset: str | None = None
    text_field: str | tuple[str, ...] | None = None
    source_field: str | tuple[str, ...] | None = None
    target_field: str | tuple[str, ...] | None = None
    label_field: str | None = None
    group_field: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    quoting: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    max_row_mib: int = MAX_ROW_MIB
    max_unpacked_mib: int | None = None
    validation_split: float | None = None

    time_column: str | None = None
    time_format: str | None = None
    time_zone: str | None = None
    columns: tuple[str, ...] | None = None
    target_columns: tuple[str, ...] | None = None
    price_column: str | None = None
    split: tuple[float | str, ...] | None = None
    unsorted_stamps: Literal["refuse", "sort"] = "refuse"
    duplicate_stamps: Literal["refuse", "first", "last", "mean"] = "refuse"
    gaps: Literal["keep", "fill", "refuse"] = "keep"
    missing_values: Literal["mask", "refuse"] = "mask"
    context_length: int = 96
    horizons: int | tuple[int, ...] = forecast.HORIZONS
    quantiles: tuple[float, ...] = forecast.QUANTILES
    window_stride: int = 1
    patch_length: int = 24
    calendar: Literal["auto"] | tuple[str, ...] = "auto"
    volatility_window: int | None = None
    instance_norm: bool = True
    calibration: bool = False
    sharpness_weight: float = 0.0
    crossing_weight: float = 0.0
    dead_band: float = 0.5

    model_name: str | None = None
    num_labels: int | None = None
    vocab_size: int | None = None
    lowercase: bool | None = None
    tokenizer: Literal["bpe", "char"] | None = None
    max_length: int = 512

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    use_mixed_precision: bool = _LOOP.use_mixed_precision
    precision: str = _LOOP.precision
    gradient_accumulation_steps: int = _LOOP.gradient_accumulation_steps
    early_stopping_patience: int = _LOOP.early_stopping_patience
    early_stopping_min_delta: float = _LOOP.early_stopping_min_delta
    warmup_steps: int | None = _LOOP.warmup_steps
    optimizer: str = _LOOP.optimizer
    weight_decay: float = _LOOP.weight_decay
    scheduler: str = _LOOP.scheduler
    t_0: int | None = _LOOP.t_0
    t_mult: int = _LOOP.t_mult
    eta_min: float = _LOOP.eta_min
    gamma: float | None = _LOOP.gamma
    plateau_factor: float = _LOOP.plateau_factor
    plateau_patience: int = _LOOP.plateau_patience
    max_grad_norm: float = _LOOP.max_grad_norm
    average_decay: float | None = None
    gradient_checkpointing: bool = _LOOP.gradient_checkpointing
    max_steps: int | None = _LOOP.max_steps
    eval_steps: int | None = _LOOP.eval_steps
    save_steps: int | None = _LOOP.save_steps
    logging_steps: int = _LOOP.logging_steps
    max_checkpoints: int = _LOOP.max_checkpoints
    keep_best: int = _LOOP.keep_best
    max_bad_steps: int = _LOOP.max_bad_steps
    max_rollbacks: int = _LOOP.max_rollbacks
    metric_name: str | None = None
    device: str = _LOOP.device
    data_parallel: bool = _LOOP.data_parallel
    seed: int = _LOOP.seed

    label_smoothing: float = 0.0
    class_weights: Literal["balanced", "none"] | dict[str, float] | None = None
    word_dropout: float | None = None
    packing: bool = False
    sample_rows: int = 0
    max_new_tokens: int = 128
    num_beams: int = 1
    max_repeats: int = 0

    output_dir: str | None = None
    keep_checkpoints: bool = False
    quick: bool = False

    def __init__(self, **values: Any) -> None:
        _refuse_unknown(values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigurationError.of(_sentences(error.errors())) from error

    @field_validator("text_field", "source_field", "target_field", "label_field", mode="before")
    @classmethod
    def _fields(cls, value: Any) -> Any:
        """Take `[a,b]` as several names that hold a text together; a comma alone may be part of a name."""
        if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
            value = _parts(value)
        if isinstance(value, list | tuple):
            return tuple(str(part) if type(part) is int else part for part in value)
        return str(value) if type(value) is int else value  # YAML reads the name 0 as a number

    @field_validator("class_weights", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        """Take the labels that YAML reads as numbers and truth values for their names."""
        if isinstance(value, Mapping):
            return {str(label) if isinstance(label, int | float) else label: weight for label, weight in value.items()}
        return value

    @field_validator("columns", "target_columns", "calendar", "horizons", "quantiles", "split", mode="before")
    @classmethod
    def _listed(cls, value: Any, info: ValidationInfo) -> Any:
        """Take `a,b` and `[a,b]` as lists: a shell eats the quotes that JSON wants around names."""
        if isinstance(value, str) and value != forecast.AUTO:
            value = _parts(value)
        if isinstance(value, int | float) and info.field_name not in ("calendar", "horizons"):
            value = [value]
        if isinstance(value, list | tuple) and info.field_name in ("columns", "target_columns"):
            value = [str(part) if type(part) is int else part for part in value]  # YAML reads the name 0 as a number
        if isinstance(value, list | tuple) and info.field_name == "split":
            value = [_number_or_date(part) for part in value]
        return value

    def changed(self, **values: Any) -> "TrainModelRequest":
        """Copy with some fields replaced, checked again; what was left unsaid stays so."""
        return TrainModelRequest(**{**self.model_dump(exclude_unset=True), **values})

    def resolved(self) -> "TrainModelRequest":
        """Fill in what the task decides, so that the result reproduces the run even when defaults change later.

        Raises: ConfigurationError naming every rule that a value breaks.
        """
        task = task_named(self.task)
        if self.validation_split is not None and "split" in task.settings:
            return self._split_by_share().resolved()
        settings = task.settings_for(self.model_name)
        request = self.changed(
            **{name: value for name, value in settings.items() if self._leaves_open(name)},
            dataset_path=task.default_dataset if self.dataset_path is None else self.dataset_path,
            metric_name=self.metric_name or task.metric_name,
        )
        if request.quick and request.max_steps is None:
            request = request.changed(max_steps=QUICK_STEPS, eval_steps=QUICK_STEPS // 2, warmup_steps=1)
        request._check(task)
        return request

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

    def _leaves_open(self, name: str) -> bool:
        return name not in self.model_fields_set or getattr(self, name) is None

    def training_config(self) -> TrainingConfig:
        """Give the loop its settings. Raises: ConfigurationError naming every rule that is broken."""
        names = TrainingConfig.__dataclass_fields__
        renamed = {_RENAMED.get(name, name): value for name, value in self.model_dump().items()}
        return TrainingConfig(**{name: value for name, value in renamed.items() if name in names and value is not None})

    def decisive(self) -> dict[str, Any]:
        """Give the fields that the result follows from, as plain values."""
        return self.model_dump(mode="json", exclude=set(CANNOT_MATTER))

    @property
    def reading(self) -> Reading:
        """How data files are read."""
        return Reading(**{name: getattr(self, name) for name in Reading.__dataclass_fields__})

    def _check(self, task: Task) -> None:
        faults: list[str] = []
        try:
            self.training_config()
        except ConfigurationError as error:
            faults.extend(error.messages)
        faults.extend(islice(self._faults(task), MAX_FAULTS))
        if faults:
            raise ConfigurationError.of(faults)

    def _faults(self, task: Task) -> Iterable[str]:
        for name, low, high in (("max_length", 4, MAX_LENGTH_LIMIT), ("vocab_size", 300, 1_000_000)):
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                yield f"{name} is {value}, but must lie between {low} and {high}. Choose another value."
        if self.validation_split is not None and not 0.0 < self.validation_split < 1.0:
            yield f"validation_split is {self.validation_split}, but must lie between 0 and 1. Use 0.1 for a tenth."
        for name in ("label_smoothing", "word_dropout"):
            value = getattr(self, name)
            if value is not None and not 0.0 <= value < 1.0:
                yield f"{name} is {value}, but must be at least 0 and below 1. Choose another value."
        yield from self.reading.faults()
        yield from self._field_faults()
        yield from self._forecast_faults()
        for name, remedy in task.meaningless.items():
            if getattr(self, name) not in (None, TrainModelRequest.model_fields[name].default):
                yield f"{name} means nothing to task {task.name}. {remedy}"
        for name in ("sample_rows", "max_repeats"):
            yield from whole(name, getattr(self, name), at_least=0)
        for name in ("max_new_tokens", "num_beams"):
            yield from whole(name, getattr(self, name), at_least=1)
        if self.num_labels is not None and self.num_labels < 2:
            yield f"num_labels is {self.num_labels}, but a classifier needs at least 2. Drop num_labels to count them."
        if self.num_labels is not None and task.labels and self.num_labels != len(task.labels):
            yield (
                f"num_labels is {self.num_labels}, but task {task.name} has {len(task.labels)} labels"
                f" ({', '.join(task.labels)}). Drop num_labels or use --task text_classification."
            )
        if isinstance(self.class_weights, dict):
            for label, weight in self.class_weights.items():
                if not 0.0 < weight <= 1e6:
                    yield f"class_weights has {weight} for {shown(label)}, but must lie between 0 and 1e6. Change it."
        for name in ("dataset_path", "model_name", "output_dir"):
            if getattr(self, name) == "":
                yield f"{name} is empty. Give a value or leave it out."

    def _field_faults(self) -> Iterable[str]:
        for name in FIELD_SETTINGS:
            value = getattr(self, name)
            if value is not None and not (value and all(value)):
                yield f"{name} is {shown(value)}, but must name a column. Give a name or leave it out."
            elif isinstance(value, tuple) and len(set(value)) < len(value):
                yield f"{name} is {shown(list(value))}, but names a column twice. Name each once."

    def _forecast_faults(self) -> Iterable[str]:
        yield from forecast.horizon_faults(self.horizons)
        yield from forecast.quantile_faults(self.quantiles)
        yield from forecast.window_faults(self.context_length, self.window_stride, self.patch_length)
        yield from forecast.calendar_faults(self.calendar)
        if self.split is not None:
            yield from forecast.split_faults(self.split)
        if self.volatility_window is not None:
            yield from whole("volatility_window", self.volatility_window, at_least=2)
        for name in ("sharpness_weight", "crossing_weight", "dead_band"):
            yield from between(name, getattr(self, name), 0.0, 1e6)


def field_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Check settings that name fields of rows; several names stand in a list. Raises: ConfigurationError."""
    request = TrainModelRequest(**values)
    faults = list(request._field_faults())
    if faults:
        raise ConfigurationError.of(faults)
    given = {name: getattr(request, name) for name in values}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _parts(value: str) -> list[str]:
    parts = value.strip().removeprefix("[").removesuffix("]").split(",")
    return [part.strip().strip("\"'") for part in parts if part.strip()]


def _number_or_date(part: Any) -> Any:
    """Take the dates that YAML reads as such for texts, and the numbers of a shell for numbers."""
    if isinstance(part, date):
        return part.isoformat()
    try:
        return float(part) if isinstance(part, str) else part
    except ValueError:
        return part


def _refuse_unknown(values: Mapping[str, Any]) -> None:
    known = tuple(TrainModelRequest.model_fields)
    faults = []
    for name in values:
        if name not in known:
            # Cut, because comparing takes time that grows with the square of the length.
            nearest = get_close_matches(name[:LONGEST_NAME], known, n=1, cutoff=0.5)
            hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Known settings: {', '.join(known)}."
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
        rule = fault["msg"].lower().replace("a valid tuple", "a list, such as [a,b]")
        is_choice = len(fault["loc"]) > 1 and not isinstance(fault["loc"][1], int)
        place = fault["loc"][:1] if is_choice else fault["loc"]
        _, _, rules = told.setdefault(place, (name, fault["input"], []))
        rules.append(rule if not rules else rule.removeprefix("input should be "))
    return [
        f"{name} is {shown(value)}, but: {', or '.join(rules)}. Correct the value of {name}."
        for name, value, rules in told.values()
    ]

"""What a caller may ask of a training, with every default in one place."""

from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from itertools import islice
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from domain import forecast
from domain.config import OPTIMIZERS, PRECISIONS, WITHOUT_EFFECT, TrainingConfig
from domain.exceptions import ConfigurationError
from domain.reading import MAX_ROW_MIB, Reading
from domain.rules import between, whole
from domain.schedule import SCHEDULERS
from domain.showing import shown
from domain.task import TASKS, Task, task_named

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


def _setting(default: Any, description: str, unit: str = "", choices: Iterable[str] = ()) -> Any:
    """Declare a setting in one place: its default, a line about it, its unit, its values where no type says them."""
    extra: dict[str, Any] = {"unit": unit} if unit else {}
    if choices:
        extra["enum"] = list(choices)
    return Field(default, description=description, json_schema_extra=extra)


class TrainModelRequest(BaseModel):
    """One training, completely described; the same fields stand in a run file.

    A field that is not given, or is None, takes the default of its task where the task has one. Lengths are tokens,
    fractions lie in (0, 1).
    Raises: ConfigurationError naming every unknown field and every value of a wrong type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, protected_namespaces=())

    task: str = _setting("security_classification", "What to train.", choices=TASKS)
    dataset_path: str | None = _setting(None, "Rows to learn from: a file or a directory.")
    eval_dataset: str | None = _setting(
        None, "Rows to score on, where data come split already; validation_split then counts for nothing."
    )
    text_field: str | tuple[str, ...] | None = _setting(
        None, "Field or column that holds the text; else the first known name that the rows have."
    )
    source_field: str | tuple[str, ...] | None = _setting(
        None, "Field of a pair that is read; else the first known name that the rows have."
    )
    target_field: str | tuple[str, ...] | None = _setting(
        None, "Field of a pair that is to be written; else the first known name that the rows have."
    )
    label_field: str | None = _setting(None, "Field or column that holds the label; else found by its name.")
    group_field: str | None = _setting(
        None, "Rows with an equal value here stay on one side of the split; else `family` where it exists."
    )
    delimiter: str | None = _setting(None, "What stands between the cells of a text file; else found from the file.")
    encoding: str | None = _setting(None, "How letters are written as bytes; else found from the file.")
    quoting: str | None = _setting(
        None, "double: a cell may stand between quotes; none: a quote is a letter; else found from the file."
    )
    decimal: str | None = _setting(None, "The sign before the tenths, a point or a comma; else found from the file.")
    sheet: str | None = _setting(None, "Sheet of a workbook to read; else the only one.")
    max_row_mib: int = _setting(MAX_ROW_MIB, "A longer row, line or cell is refused.", unit="MiB")
    max_unpacked_mib: int | None = _setting(
        None, "A compressed file that unpacks to more is refused; else 1 GiB or 200 times its size.", unit="MiB"
    )
    validation_split: float | None = _setting(
        None, "Share of the rows that is scored and never learnt from.", unit="share"
    )

    time_column: str | None = _setting(
        None, "Column that holds the time of a row; else found by its name or its first cell."
    )
    time_format: str | None = _setting(None, "How stamps are written, as in strptime; else found from the column.")
    time_zone: str | None = _setting(None, "Zone of stamps that name none, such as Europe/Berlin.")
    columns: tuple[str, ...] | None = _setting(None, "Columns of numbers to read; else all but the time.")
    target_columns: tuple[str, ...] | None = _setting(None, "Columns to forecast; else all that are read.")
    price_column: str | None = _setting(
        None, "Column whose direction is forecast; else the one that is named like a close."
    )
    split: tuple[float | str, ...] | None = _setting(
        None, "Training, validation and test part in the order of time: shares, numbers of rows, or dates."
    )
    unsorted_stamps: Literal["refuse", "sort"] = _setting(
        "refuse", "What is done with rows that are not in the order of time."
    )
    duplicate_stamps: Literal["refuse", "first", "last", "mean"] = _setting(
        "refuse", "What is done with rows of one time: refuse them, or keep one or their mean."
    )
    gaps: Literal["keep", "fill", "refuse"] = _setting(
        "keep", "What is done where rows are missing; filled ones count as missing values."
    )
    missing_values: Literal["mask", "refuse"] = _setting(
        "mask", "What is done with cells that hold no number; masked ones are neither seen nor scored."
    )
    context_length: int = _setting(96, "How far back the model sees.", unit="rows")
    horizons: int | tuple[int, ...] = _setting(
        forecast.HORIZONS, "How far ahead it forecasts; one number stands for all up to it.", unit="rows"
    )
    quantiles: tuple[float, ...] = _setting(
        forecast.QUANTILES, "Quantiles to forecast, ascending, each between 0 and 1."
    )
    window_stride: int = _setting(
        1, "From one training window to the next; every other part takes all windows.", unit="rows"
    )
    patch_length: int = _setting(24, "How much of a table makes one token.", unit="rows")
    calendar: Literal["auto"] | tuple[str, ...] = _setting(
        "auto", "Cycles of the clock that the model is told; auto takes those that the training part shows."
    )
    volatility_window: int | None = _setting(
        None, "Over how much the volatility of a target is measured, as a further input.", unit="rows"
    )
    instance_norm: bool = _setting(True, "Put each window on its own level and scale.")
    calibration: bool = _setting(False, "Make the quantiles cover on the validation part what they should.")
    sharpness_weight: float = _setting(
        0.0, "Above 0, wide bands cost: they become narrower, and are not honest without calibration."
    )
    crossing_weight: float = _setting(0.0, "Above 0, quantiles that cross cost; those of the presets cannot.")
    dead_band: float = _setting(
        0.5, "Flat is what moves less than so many standard deviations.", unit="standard deviations"
    )

    model_name: str | None = _setting(None, "A preset to train from scratch, a local directory, or a hub id.")
    num_labels: int | None = _setting(None, "Refuse data with another number of labels.")
    vocab_size: int | None = _setting(
        None,
        "At most so many in the tokenizer that a preset learns; else what suits the amount of text.",
        unit="tokens",
    )
    lowercase: bool | None = _setting(None, "Let that tokenizer make no difference between upper and lower case.")
    tokenizer: Literal["bpe", "char"] | None = _setting(
        None, "What that tokenizer cuts text into: pieces of words or characters."
    )
    max_length: int = _setting(
        512, "Longer rows are cut, and the run says how many; of running text, the length of a block.", unit="tokens"
    )

    epochs: int | None = _setting(None, "How often the training part is gone through.")
    batch_size: int | None = _setting(None, "Rows that go through the model at once.", unit="rows")
    learning_rate: float | None = _setting(None, "The rate at its peak, behind the warm-up.")
    use_mixed_precision: bool = _setting(_LOOP.use_mixed_precision, "Whether precision auto may choose bf16 or fp16.")
    precision: str = _setting(
        _LOOP.precision,
        "Number format of the computation; auto takes what this machine runs faster.",
        choices=PRECISIONS,
    )
    gradient_accumulation_steps: int = _setting(
        _LOOP.gradient_accumulation_steps, "Batches that one optimizer step sees.", unit="batches"
    )
    early_stopping_patience: int = _setting(
        _LOOP.early_stopping_patience, "Without a gain for so long the run ends; 0 never ends it.", unit="evaluations"
    )
    early_stopping_min_delta: float = _setting(
        _LOOP.early_stopping_min_delta, "A smaller change of the metric is no gain."
    )
    warmup_steps: int | None = _setting(
        _LOOP.warmup_steps, "How long the learning rate rises; else 6 % of the run.", unit="steps"
    )
    optimizer: str = _setting(_LOOP.optimizer, "What turns gradients into an update.", choices=OPTIMIZERS)
    weight_decay: float = _setting(
        _LOOP.weight_decay, "Pull of matrices to zero; never of biases, norms and embeddings."
    )
    scheduler: str = _setting(_LOOP.scheduler, "How the learning rate goes on behind the warm-up.", choices=SCHEDULERS)
    t_0: int | None = _setting(
        _LOOP.t_0, "Length of the first cycle of cosine_with_restarts; else three cycles fill the run.", unit="steps"
    )
    t_mult: int = _setting(_LOOP.t_mult, "Each of these cycles is so many times as long as the one before.")
    eta_min: float = _setting(_LOOP.eta_min, "The least learning rate behind the warm-up.")
    gamma: float | None = _setting(
        _LOOP.gamma, "Factor of the exponential scheduler for each step; else it falls to a hundredth."
    )
    plateau_factor: float = _setting(
        _LOOP.plateau_factor, "What the plateau scheduler multiplies the learning rate by."
    )
    plateau_patience: int = _setting(
        _LOOP.plateau_patience, "How long the plateau scheduler waits for a gain.", unit="evaluations"
    )
    max_grad_norm: float = _setting(_LOOP.max_grad_norm, "A longer gradient is shortened to this norm.")
    average_decay: float | None = _setting(
        None, "The model kept is a moving average of the weights with this decay; 0 keeps those of one step."
    )
    gradient_checkpointing: bool = _setting(
        _LOOP.gradient_checkpointing, "Compute activations a second time: less memory for more time."
    )
    max_steps: int | None = _setting(_LOOP.max_steps, "End after so many, whatever epochs says.", unit="steps")
    eval_steps: int | None = _setting(
        _LOOP.eval_steps, "From one evaluation to the next; else one after each epoch.", unit="steps"
    )
    save_steps: int | None = _setting(
        _LOOP.save_steps, "From one checkpoint to the next; else one with each evaluation.", unit="steps"
    )
    logging_steps: int = _setting(_LOOP.logging_steps, "From one line of progress to the next.", unit="steps")
    max_checkpoints: int = _setting(_LOOP.max_checkpoints, "Checkpoints that are kept in all, the best among them.")
    keep_best: int = _setting(_LOOP.keep_best, "Of the checkpoints, the best so many stay, and the newest.")
    max_bad_steps: int = _setting(
        _LOOP.max_bad_steps,
        "After so many steps in a row without a finite loss the run goes back to its checkpoint.",
        unit="steps",
    )
    max_rollbacks: int = _setting(_LOOP.max_rollbacks, "How often it may go back before it ends.")
    metric_name: str | None = _setting(None, "The metric that decides which model is the best.")
    device: str = _setting(_LOOP.device, "Where to compute: auto, cpu, cuda, cuda:N or mps.")
    data_parallel: bool = _setting(_LOOP.data_parallel, "Use every GPU that this process sees.")
    seed: int = _setting(
        _LOOP.seed, "Decides the split, the tokenizer's sample, the weights, the order and the dropout."
    )

    label_smoothing: float = _setting(0.0, "Share of each target that is spread over all classes.", unit="share")
    class_weights: Literal["balanced", "none"] | dict[str, float] | None = _setting(
        None, "balanced lets rare labels count more; or a weight for each label."
    )
    word_dropout: float | None = _setting(
        None, "Share of the tokens that each training step hides from a row.", unit="share"
    )
    packing: bool = _setting(False, "Let short rows share a row of the batch: less padding, the same result.")
    sample_rows: int = _setting(0, "Rows that each evaluation writes out; 0 for none.", unit="rows")
    max_new_tokens: int = _setting(128, "The longest text that is written.", unit="tokens")
    num_beams: int = _setting(1, "Above 1, search among so many texts for a likelier one.")
    max_repeats: int = _setting(0, "End a text that repeats its last tokens more often; 0 never does.")

    output_dir: str | None = _setting(None, "The run directory; else runs/<task>-<time>-<id>.")
    keep_checkpoints: bool = _setting(False, "Keep the checkpoints of a finished run.")
    quick: bool = _setting(False, "Prove the whole pipeline on a few batches.")

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

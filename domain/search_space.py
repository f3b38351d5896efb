"""What a tuning searches: for each of some settings a range or a choice, that of a task or one that a person wrote."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any

from domain.showing import shown
from domain.task import SIZES, architecture_of

# What changes how a model learns and leaves alone what it is scored on.
TUNABLE = (
    "model_name",
    "learning_rate",
    "weight_decay",
    "batch_size",
    "batch_tokens",
    "gradient_accumulation_steps",
    "epochs",
    "max_steps",
    "optimizer",
    "scheduler",
    "warmup_steps",
    "eta_min",
    "t_0",
    "t_mult",
    "gamma",
    "plateau_factor",
    "plateau_patience",
    "max_grad_norm",
    "average_decay",
    "layer_decay",
    "freeze",
    "adapter",
    "adapter_rank",
    "adapter_alpha",
    "adapter_dropout",
    "word_dropout",
    "linear_start",
    "mark_weight",
    "findings",
    "label_smoothing",
    "class_weights",
    "vocab_size",
    "max_length",
    "lowercase",
    "packing",
)
# These change what a loss means: two losses under two of their values are no match for each other.
OF_THE_LOSS = ("label_smoothing", "class_weights", "mark_weight", "vocab_size", "max_length", "lowercase", "findings")
LOSSES = ("loss", "perplexity")
_WORDS = ("low", "high", "log")
MOST_VALUES = 100
DIGITS = 3
_MOST_ENUMERATED = 10_000
_FORM = "Write a list such as [16, 32], or low, high and, where wanted, log: true."

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both among them; with `log` each factor is as likely as any other."""

    low: float
    high: float
    log: bool = False
    is_whole: bool = False

    def holds(self, value: Any) -> bool:
        """Tell whether a value lies within."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high and (not self.is_whole or value == int(value))

    def rounded(self, value: float) -> float:
        """Give a value as it is tried: three digits say enough of a rate, and a person can type them."""
        if self.is_whole:
            return int(value)
        return min(self.high, max(self.low, float(f"{value:.{DIGITS}g}")))

    @property
    def size(self) -> float:
        """Count the values."""
        return self.high - self.low + 1 if self.is_whole else math.inf

    @property
    def told(self) -> str:
        """Write it as a person would."""
        return f"{self.low:g} to {self.high:g}{', log' if self.log else ''}"


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Tell whether a value is one of them: True is no 1."""
        return any(type(known) is type(value) and known == value for known in self.values)

    @property
    def size(self) -> float:
        """Count the values."""
        return len(self.values)

    @property
    def told(self) -> str:
        """Write it as a person would."""
        return ", ".join("none" if value is None else str(value) for value in self.values)


Dimension = Range | Choice
Space = Mapping[str, Dimension]


def size_of(space: Space) -> float:
    """Count the combinations, infinite where a range has no steps."""
    return math.prod(dimension.size for dimension in space.values())


def is_within(values: Values, space: Space) -> bool:
    """Tell whether each setting of a space has one of its values."""
    return all(name in values and dimension.holds(values[name]) for name, dimension in space.items())


def combinations_of(space: Space) -> Iterator[dict[str, Any]]:
    """Give every combination of a space in which they can be counted out; none of a larger one."""
    if size_of(space) > _MOST_ENUMERATED:
        return
    for values in product(*map(_all_of, space.values())):
        yield dict(zip(space, values, strict=True))


def _all_of(dimension: Dimension) -> Sequence[Any]:
    if isinstance(dimension, Choice):
        return dimension.values
    return range(int(dimension.low), int(dimension.high) + 1)


def default_space(settings: Values) -> dict[str, Dimension]:
    """Give what is searched where nobody says it, around the values that a task decides.

    Only settings that a training has, and that mean something beside the others, are among them: where `max_steps` or
    `time_budget` says how long it lasts, epochs do not.
    """
    found: dict[str, Dimension] = {}
    model = str(settings.get("model_name") or "")
    if architecture := architecture_of(model):
        # The largest preset takes many times as long: who wants it writes a space.
        small = tuple(f"{architecture}-{size}" for size in SIZES if size != "base")
        found["model_name"] = Choice(small if model in small else (*small, model))
    rate = settings["learning_rate"]
    found["learning_rate"] = Range(_neat(rate / 8), _neat(rate * 4), log=True)
    found["weight_decay"] = Range(1e-4, 0.3, log=True)
    for name in ("batch_size", "batch_tokens"):
        if isinstance(rows := settings.get(name), int):
            found[name] = Choice(tuple(dict.fromkeys((max(1, rows // 2), rows, rows * 2))))
    if settings.get("max_steps") is None and settings.get("time_budget") is None:
        epochs = settings["epochs"]
        found["epochs"] = Range(max(1, epochs // 2), epochs + max(1, epochs // 2), is_whole=True)
    if "word_dropout" in settings:
        found["word_dropout"] = Range(0.0, 0.7)
    if settings.get("adapter", "none") != "none":
        found["adapter_rank"] = Choice((4, 8, 16, 32))
        found["adapter_dropout"] = Range(0.0, 0.2)
    return found


def _neat(value: float) -> float:
    return float(f"{value:.2g}")


def written_space(
    written: Any, every: Sequence[str], known: Collection[str], whole: Collection[str], metric: str
) -> tuple[dict[str, Dimension], list[str]]:
    """Read a space as a person wrote it: of `every` setting `known` ones mean something to the task, in their order.

    `whole` ones are no fractions. Gives with it what is wrong, all of it; the space is of use only where nothing is.
    """
    if not isinstance(written, Mapping) or not written:
        return {}, [
            "the space names no settings. Write, for example, learning_rate: {low: 1e-4, high: 1e-2, log: true}."
        ]
    space: dict[str, Dimension] = {}
    faults: list[str] = []
    for name, value in written.items():
        if fault := _fault_of_name(str(name), every, known, metric):
            faults.append(fault)
            continue
        dimension, found = _dimension(str(name), value, str(name) in whole)
        faults += found
        if dimension is not None:
            space[str(name)] = dimension
    return space, faults


def _fault_of_name(name: str, every: Sequence[str], known: Collection[str], metric: str) -> str:
    able = [each for each in TUNABLE if each in known]
    if name == "seed":
        return (
            "seed is luck, and no setting to be found. Leave it out: --seeds says over how many the best are trained."
        )
    if name in able:
        if name in OF_THE_LOSS and metric.removeprefix("eval_") in LOSSES:
            return f"{name} changes what the {metric} means, by which trials are compared. Leave it out."
        return ""
    if name in every and name not in known:
        return f"{name} means nothing to this task. Leave it out."
    if name in known:
        return (
            f"{name} cannot be tuned: it says what is read, scored or kept, and not how a model learns. Leave it out."
        )
    nearest = get_close_matches(name[:40], able, n=1)
    hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Settings that can be tuned: {', '.join(able)}."
    return f"setting {shown(name)} is not known. {hint}"


def _dimension(name: str, written: Any, is_whole: bool) -> tuple[Dimension | None, list[str]]:
    if isinstance(written, list | tuple):
        return _choice(name, written)
    if isinstance(written, Mapping):
        return _range(name, written, is_whole)
    told = f"{name} is {shown(written)}, which leaves nothing to choose. {_FORM} To fix it, use --set {name}=VALUE."
    return None, [told]


def _choice(name: str, written: Sequence[Any]) -> tuple[Dimension | None, list[str]]:
    if any(isinstance(value, list | tuple | Mapping) for value in written):
        return None, [f"{name} has a value that is a list or a mapping. {_FORM}"]
    # 1 and 1.0 are one number, and true is none.
    distinct = {(type(value), value) if (number := _number(value)) is None else number for value in written}
    if len(distinct) < len(written):
        return None, [f"{name} names a value twice. Name each once."]
    if not 2 <= len(written) <= MOST_VALUES:
        return None, [f"{name} has {len(written)} values to choose from. Give from 2 to {MOST_VALUES}."]
    return Choice(tuple(written)), []


def _range(name: str, written: Mapping[Any, Any], is_whole: bool) -> tuple[Dimension | None, list[str]]:
    faults = []
    for word in written:
        if word not in _WORDS:
            nearest = get_close_matches(str(word)[:40], _WORDS, n=1)
            hint = f"Did you mean {nearest[0]!r}?" if nearest else _FORM
            faults.append(f"{name} has {shown(word)}, which is not known. {hint}")
    log = written.get("log", False)
    if not isinstance(log, bool):
        faults.append(f"log of {name} is {shown(log)}, but must be true or false.")
    ends = []
    for word in ("low", "high"):
        value = _number(written.get(word))
        if word not in written:
            faults.append(f"{name} has no {word}. {_FORM}")
        elif value is None:
            faults.append(f"{word} of {name} is {shown(written[word])}, which is no number.")
        elif is_whole and value != int(value):
            faults.append(f"{word} of {name} is {value:g}, but {name} is a whole number.")
        else:
            ends.append(value)
    if len(ends) == 2:
        low, high = ends
        if low >= high:
            faults.append(f"low of {name} is {low:g}, which is not below its high, {high:g}. Exchange them.")
        elif log is True and low <= 0:
            faults.append(f"low of {name} is {low:g}, but a log range lies above 0. Raise it, or leave log out.")
    if faults:
        return None, faults
    low, high = map(int, ends) if is_whole else ends
    return Range(low, high, log, is_whole), []


def _number(value: Any) -> float | None:
    """Read a number; YAML takes 1e-4, which has no point, for a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None

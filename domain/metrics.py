"""A metric as it happens, what is known of it so far, and which direction is better."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LOSS = "loss"
MAX_NAMES_TOLD = 5

# Every metric whose name holds one of these words is better when larger; the others when smaller.
_LARGER_IS_BETTER = (
    "accuracy",
    "f1",
    "precision",
    "recall",
    "auc",
    "bleu",
    "chrf",
    "match",
    "parses",
    "pass@",
    "youden",
    "tpr",
    "per_second",
    "cosine",
)


@dataclass(frozen=True)
class MetricEntry:
    """One value of one metric; `step` counts optimizer updates, `epoch` starts at 0, `timestamp` is Unix seconds."""

    name: str
    value: float
    step: int | None
    epoch: int | None
    timestamp: float


@dataclass(frozen=True)
class MetricStatistics:
    """Summary of the finite values of one metric; `std` is that of the population."""

    count: int
    mean: float
    std: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "MetricStatistics":
        """Summarise; NaN and infinities are left out, nothing left gives a count of 0 and NaN elsewhere."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return cls(0, math.nan, math.nan, math.nan, math.nan)
        # Divided before they are summed, and multiplied rather than raised: an exploded loss gives inf, no error.
        mean = sum(value / len(finite) for value in finite)
        variance = sum((value - mean) * (value - mean) / len(finite) for value in finite)
        return cls(len(finite), mean, math.sqrt(variance), min(finite), max(finite))


def is_undefined(value: Any) -> bool:
    """Tell whether a metric could not be computed: None and NaN are no values, an infinity is one."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def undefined_told(metrics: Mapping[str, Any], part: str) -> str:
    """Say which metrics could not be computed on a part of the data, and why where that is known; empty for none.

    A loss that is NaN leaves nothing else to tell, so nothing is told of it here.
    """
    names = [name for name, value in metrics.items() if is_undefined(value)]
    if not names or LOSS in names:
        return ""
    more = f" and {len(names) - MAX_NAMES_TOLD} more" if len(names) > MAX_NAMES_TOLD else ""
    classes = [name for name, scores in metrics.get("per_class", {}).items() if scores["support"]]
    why = f", which has only the label {classes[0]!r}" if len(classes) == 1 else ""
    return f"{', '.join(names[:MAX_NAMES_TOLD])}{more} cannot be computed on {part}{why}."


def direction_of(name: str) -> str:
    """Say whether a metric is better as "max" or "min", by its name."""
    return "max" if any(word in name.lower() for word in _LARGER_IS_BETTER) else "min"


def is_better(value: float, than: float | None, direction: str, min_delta: float = 0.0) -> bool:
    """Compare two values of a metric; what is not finite is never better, any other is better than None."""
    if not math.isfinite(value):
        return False
    if than is None:
        return True
    return value > than + min_delta if direction == "max" else value < than - min_delta

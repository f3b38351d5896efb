"""What values of a target can be: bounds, and whole numbers alone; and the scale on which they are learnt."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from domain.exceptions import ConfigurationError
from domain.showing import shown

AUTO, NONE = "auto", "none"
PLAIN, LOG, ASINH = "plain", "log", "asinh"
# A training part that never lies below 0 may do so next winter, as degrees do. Where so many of its values are 0
# itself, they end there.
LEAST_ZEROS = 0.01


def for_each(name: str, value: Any, targets: Sequence[str]) -> tuple[Any, ...]:
    """Give what a setting says of each target: one value stands for all. Raises: ConfigurationError."""
    if not isinstance(value, tuple):
        return (value,) * len(targets)
    if len(value) == len(targets):
        return value
    are = "target is" if len(targets) == 1 else "targets are"
    raise ConfigurationError(
        f"{name} has {len(value)} values, but {len(targets)} {are} forecast ({', '.join(targets[:6])}).",
        remedy="Give one value for all, or one for each in the order of target_columns.",
    )


def bound_faults(floor: Any, ceiling: Any) -> Iterator[str]:
    """Want bounds that are numbers, the lower one below the upper one, for each target."""
    for name, value in (("floor", floor), ("ceiling", ceiling)):
        for bound in value if isinstance(value, tuple) else (value,):
            if isinstance(bound, float) and not isfinite(bound):
                yield f"{name} is {shown(bound)}, but must be a number. Use {NONE} where there is no bound."
        if value == ():
            yield f"{name} is empty. Give a number, or {NONE} where there is no bound."
    lows, highs = (value if isinstance(value, tuple) else (value,) for value in (floor, ceiling))
    count = max(len(lows), len(highs))
    for low, high in zip(*(of * count if len(of) == 1 else of for of in (lows, highs)), strict=False):
        if isinstance(low, float) and isinstance(high, float) and low >= high:
            yield f"ceiling is {high:.10g}, but must lie above the floor {low:.10g}. Raise the one or lower the other."

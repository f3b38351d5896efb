"""Rules that settings share: each yields a sentence for a value that breaks it, and nothing for one that holds."""

from collections.abc import Iterator

from domain.showing import shown

LARGEST = 2**62  # what still fits the 64-bit integers of files and tensors


def whole(name: str, value: object, at_least: int) -> Iterator[str]:
    """Want a whole number; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= LARGEST:
        yield f"{name} is {shown(value)}, but must be a whole number of at least {at_least}. Choose another value."


def between(name: str, value: object, low: float, high: float, above: bool = False) -> Iterator[str]:
    """Want a number from `low`, or with `above` greater than `low`, to `high`; NaN is none."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    inside = low < number <= high if above else low <= number <= high
    if not inside:
        rule = f"above {low:g}" if above else f"at least {low:g}"
        yield f"{name} is {shown(value)}, but must be {rule} and at most {high:g}. Choose another value."


def one_of(name: str, value: object, choices: tuple[str, ...]) -> Iterator[str]:
    """Want one of the names."""
    if value not in choices:
        yield f"{name} {shown(value)} is not known. Choose one of {', '.join(choices)}."

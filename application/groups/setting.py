"""How a setting is declared, and what settings share that are typed by hand."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from domain.showing import shown
from domain.task import Task


def setting(default: Any, description: str, unit: str = "", choices: Iterable[str] = ()) -> Any:
    """Declare a setting in one place: its default, a line about it, its unit, its values where no type says them."""
    extra: dict[str, Any] = {"unit": unit} if unit else {}
    if choices:
        extra["enum"] = list(choices)
    return Field(default, description=description, json_schema_extra=extra)


class Settings(BaseModel):
    """Settings that belong together; `title` heads them where they are listed."""

    # Thirty classes share these bases: built when they are first used, they cost a command that asks nothing no time.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, protected_namespaces=(), defer_build=True)

    title: ClassVar[str]

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, value: Any, about: ValidationInfo) -> Any:
        """Let the `no` and `yes` of YAML be neither 0 and 1 nor numbers of anything."""
        if not isinstance(value, bool) or about.field_name is None:
            return value
        known = _types_in(cls.model_fields[about.field_name].annotation)
        return shown(value) if known & {int, float} and not known & {bool, str} else value

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break, for a task."""
        yield from ()


def _types_in(annotation: Any) -> set[Any]:
    """Name the types that a value may have, whatever they stand in."""
    return {annotation}.union(*(_types_in(part) for part in get_args(annotation) if not isinstance(part, str)))


def not_empty(name: str, value: str | None) -> Iterator[str]:
    """Want a text that says something, or None."""
    if value == "":
        yield f"{name} is empty. Give a value or leave it out."


def within(name: str, value: int | None, low: int, high: int) -> Iterator[str]:
    """Want a number from `low` to `high`, or None."""
    if value is not None and not low <= value <= high:
        yield f"{name} is {value}, but must lie between {low} and {high}. Choose another value."


def share_below_one(name: str, value: float | None) -> Iterator[str]:
    """Want a share that leaves something over, or None."""
    if value is not None and not 0.0 <= value < 1.0:
        yield f"{name} is {value}, but must be at least 0 and below 1. Choose another value."


def names_columns(name: str, value: str | tuple[str, ...] | None) -> Iterator[str]:
    """Want the name of a column, several that differ, or None."""
    if value is None:
        return
    if not (value and all(value)):
        yield f"{name} is {shown(value)}, but must name a column. Give a name or leave it out."
    elif isinstance(value, tuple) and len(set(value)) < len(value):
        yield f"{name} is {shown(list(value))}, but names a column twice. Name each once."


def one_or_several_names(value: Any) -> Any:
    """Take `[a,b]` as several names that hold a text together; a comma alone may be part of a name."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        value = _parts(value)
    return _names(value) if isinstance(value, list | tuple) else _name(value)


def listed(value: Any) -> Any:
    """Take `a,b` and `[a,b]` as lists: a shell eats the quotes that JSON wants around names."""
    return _parts(value) if isinstance(value, str) else value


def listed_names(value: Any) -> Any:
    """Take what may be typed for a list of names."""
    several = listed([value] if isinstance(value, int | float) else value)
    return _names(several) if isinstance(several, list | tuple) else several


def listed_numbers(value: Any) -> Any:
    """Take what may be typed for a list of numbers or dates."""
    several = listed([value] if isinstance(value, int | float) else value)
    return [_number_or_date(part) for part in several] if isinstance(several, list | tuple) else several


def _parts(value: str) -> list[str]:
    parts = value.strip().removeprefix("[").removesuffix("]").split(",")
    return [part.strip().strip("\"'") for part in parts if part.strip()]


def _names(values: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_name(value) for value in values)


def _name(value: Any) -> Any:
    return str(value) if type(value) is int else value  # YAML reads the name 0 as a number


def _number_or_date(part: Any) -> Any:
    """Take the dates that YAML reads as such for texts, and the numbers of a shell for numbers."""
    if isinstance(part, date):
        return part.isoformat()
    try:
        return float(part) if isinstance(part, str) else part
    except ValueError:
        return part

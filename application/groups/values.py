"""Settings of what the values of a target can be."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from application.groups.setting import Settings, listed, setting
from domain.task import Task
from domain.values import bound_faults


def _one_or_listed(value: Any) -> Any:
    return listed(value) if isinstance(value, str) and ("," in value or value.startswith("[")) else value


Floor = float | Literal["auto", "none"]
Ceiling = float | Literal["none"]
Integers = bool | Literal["auto"]
Scale = Literal["plain", "log", "asinh", "auto"]
_Several = BeforeValidator(_one_or_listed)


class ValueSettings(Settings):
    """What values can be, of all targets alike or of each: forecasts keep to it."""

    title: ClassVar[str] = "Values that can be"

    floor: Annotated[Floor | tuple[Floor, ...], _Several] = setting(
        "auto", "What no value lies below; auto: 0, where the training part ends there. A list has one for each target."
    )
    ceiling: Annotated[Ceiling | tuple[Ceiling, ...], _Several] = setting("none", "What no value lies above.")
    integers: Annotated[Integers | tuple[Integers, ...], _Several] = setting(
        "auto", "Values are whole numbers; auto: where those of the training part are."
    )
    value_scale: Annotated[Scale | tuple[Scale, ...], _Several] = setting(
        "plain",
        "Scale on which values are learnt: log of what varies by factors, asinh where it changes sign; auto finds log.",
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from bound_faults(self.floor, self.ceiling)

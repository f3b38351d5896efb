"""The fields of a card that say which clock a forecaster learnt from, each with its type and bounds."""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from infrastructure.data.clock.clocks import WEEK
from infrastructure.data.clock.stamps import DAY, FIRST, LAST
from infrastructure.data.clock.time_zones import known_zone

MOST_PLACES = 1_000_000
MOST_MONTHS = 12_000


class _Fields(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class _ClockFields(_Fields):
    zone: str | None = None

    @field_validator("zone")
    @classmethod
    def _know(cls, zone: str | None) -> str | None:
        if zone is not None and not known_zone(zone):
            raise ValueError(f"zone {zone!r} is not in the tz database")
        return zone


class EvenFields(_ClockFields):
    """Places as far apart as each other."""

    kind: Literal["even"]
    origin: int = Field(ge=FIRST, le=LAST)
    step: int = Field(ge=1, le=LAST)


class WeeklyFields(_ClockFields):
    """Runs of places that come again each week."""

    kind: Literal["weekly"]
    step: int = Field(ge=1, le=WEEK)
    runs: list[Annotated[list[int], Field(min_length=2, max_length=2)]] = Field(min_length=1)

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if not all(start >= 0 and count >= 1 for start, count in self.runs):
            raise ValueError("runs must have a start of 0 or more and a count of 1 or more")
        if sum(count for _, count in self.runs) > MOST_PLACES:
            raise ValueError(f"runs must have at most {MOST_PLACES} places")
        ends = [(start, start + (count - 1) * self.step) for start, count in self.runs]
        if ends[-1][1] >= WEEK or any(before[1] >= after[0] for before, after in pairwise(ends)):
            raise ValueError("runs must ascend and end within the week")
        return self


class MonthDayFields(_Fields):
    """A day of the month."""

    number: int = Field(ge=-31, le=31)
    weekdays: list[Annotated[int, Field(ge=0, le=6)]] = Field(min_length=1, max_length=7)

    @field_validator("number")
    @classmethod
    def _count(cls, number: int) -> int:
        if number == 0:
            raise ValueError("days of a month are counted from 1, or from -1 at its end")
        return number


class MonthlyFields(_ClockFields):
    """Days that come again each month, or every few months."""

    kind: Literal["monthly"]
    months: int = Field(ge=1, le=MOST_MONTHS)
    phase: int = Field(ge=0, le=MOST_MONTHS)
    days: list[MonthDayFields] = Field(min_length=1, max_length=31)
    time: int = Field(ge=0, lt=DAY)


ClockFields = Annotated[EvenFields | WeeklyFields | MonthlyFields, Field(discriminator="kind")]

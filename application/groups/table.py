"""Settings of tables of numbers: how they are read and cut in time, and what is forecast of them."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from application.groups.setting import Settings, listed, listed_names, listed_numbers, setting
from domain import forecast
from domain.rules import between, whole
from domain.task import Task

Columns = Annotated[tuple[str, ...] | None, BeforeValidator(listed_names)]
Split = tuple[float | str, ...]
Horizons = Annotated[int | tuple[int, ...], BeforeValidator(listed)]
Quantiles = Annotated[tuple[float, ...], BeforeValidator(listed_numbers)]
Cycles = Annotated[
    Literal["auto"] | tuple[str, ...], BeforeValidator(lambda value: value if value == forecast.AUTO else listed(value))
]


def _places(value: Any) -> Any:
    """Take what may be typed for a list of places."""
    several = listed_names([value] if isinstance(value, bool) else value)
    if not isinstance(several, list | tuple):
        return several
    return [forecast.NO if place is False else place for place in several]


Places = Annotated[tuple[str, ...] | None, BeforeValidator(_places)]


def _calibration(value: Any) -> Any:
    """Take the truth values that this setting once had."""
    return {True: forecast.GUARDED, False: forecast.NO_CALIBRATION}[value] if isinstance(value, bool) else value


CalibrationOf = Annotated[Literal["guarded", "adaptive", "none"], BeforeValidator(_calibration)]


class TableSettings(Settings):
    """How a table is read, and cut in the order of time."""

    title: ClassVar[str] = "Table"

    time_column: str | None = setting(
        None, "Column that holds the time of a row; else found by its name or its first cell."
    )
    time_format: str | None = setting(None, "How stamps are written, as in strptime; else found from the column.")
    time_zone: str | None = setting(None, "Zone of stamps that name none, such as Europe/Berlin.")
    decimal: str | None = setting(None, "The sign before the tenths, a point or a comma; else found from the file.")
    columns: Columns = setting(None, "Columns of numbers to read; else all but the time.")
    split: Annotated[Split | None, BeforeValidator(listed_numbers)] = setting(
        None, "Training, validation and test part in the order of time: shares, numbers of rows, or dates."
    )
    unsorted_stamps: Literal["refuse", "sort"] = setting(
        "refuse", "What is done with rows that are not in the order of time."
    )
    duplicate_stamps: Literal["refuse", "first", "last", "mean"] = setting(
        "refuse", "What is done with rows of one time: refuse them, or keep one or their mean."
    )
    gaps: Literal["keep", "fill", "refuse"] = setting(
        "keep",
        "What is done where rows are missing; fill adds rows of missing values, unasked where a season is found.",
    )
    missing_values: Literal["mask", "refuse"] = setting(
        "mask", "What is done with cells that hold no number; masked ones are neither seen nor scored."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        if self.split is not None:
            yield from forecast.split_faults(self.split)


class SettledTable(TableSettings):
    """A table whose parts are decided."""

    split: Split


class WindowSettings(Settings):
    """What a model sees of a table, and how far ahead it looks."""

    title: ClassVar[str] = "Forecast"

    context_length: int = setting(
        forecast.CONTEXT_LENGTH,
        "How far back the model sees; else fits the season of values, two of them where they are not too long.",
        unit="rows",
    )
    horizons: Horizons = setting(
        forecast.HORIZONS, "How far ahead it forecasts; one number stands for all up to it.", unit="rows"
    )
    window_stride: int = setting(
        1, "From one training window to the next; every other part takes all windows.", unit="rows"
    )
    patch_length: int = setting(
        forecast.PATCH_LENGTH,
        "How much of a table makes one token; else one season of values, where it has 4 to 48 rows.",
        unit="rows",
    )
    calendar: Cycles = setting(
        "auto", "Cycles of the clock that the model is told; auto takes those that the training part shows."
    )
    holidays: Places = setting(
        None, "Countries, or parts of them such as DE-BY, whose public holidays the model is told, ahead too."
    )
    volatility_window: int | None = setting(
        None, "Over how much the volatility of a target is measured, as a further input.", unit="rows"
    )
    instance_norm: bool = setting(True, "Put each window on its own level and scale.")

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from forecast.horizon_faults(self.horizons)
        yield from forecast.window_faults(self.context_length, self.window_stride, self.patch_length)
        yield from forecast.calendar_faults(self.calendar)
        yield from forecast.holiday_faults(self.holidays or ())
        if self.volatility_window is not None:
            yield from whole("volatility_window", self.volatility_window, at_least=2)


class QuantileSettings(Settings):
    """Values that are forecast, as quantiles."""

    title: ClassVar[str] = "Forecast of values"

    target_columns: Columns = setting(None, "Columns to forecast; else all that are read.")
    quantiles: Quantiles = setting(forecast.QUANTILES, "Quantiles to forecast, ascending, each between 0 and 1.")
    calibration: CalibrationOf = setting(
        forecast.NO_CALIBRATION,
        "Make the quantiles cover on the validation part what they should, as far as that helps; adaptive ones follow"
        " what comes later too.",
    )
    sharpness_weight: float = setting(
        0.0, "Above 0, wide bands cost: they become narrower, and are not honest without calibration."
    )
    crossing_weight: float = setting(0.0, "Above 0, quantiles that cross cost; those of the presets cannot.")

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from forecast.quantile_faults(self.quantiles)
        for name in ("sharpness_weight", "crossing_weight"):
            yield from between(name, getattr(self, name), 0.0, 1e6)


class DirectionSettings(Settings):
    """A price whose direction is forecast."""

    title: ClassVar[str] = "Forecast of a direction"

    price_column: str | None = setting(
        None, "Column whose direction is forecast; else the one that is named like a close."
    )
    dead_band: float = setting(
        0.5, "Flat is what moves less than so many standard deviations.", unit="standard deviations"
    )
    session_gaps: Literal["count", "cut"] = setting(
        "count",
        "What is done where prices stop overnight: a horizon counts rows through it, or none reaches beyond a session.",
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from between("dead_band", self.dead_band, 0.0, 1e6)

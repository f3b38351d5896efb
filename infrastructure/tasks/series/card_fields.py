"""The fields of a forecaster's card, each with its type and bounds."""

from itertools import pairwise
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.forecast import CALENDAR, holiday_faults
from infrastructure.data.windowed.loading import VOLATILITY
from infrastructure.model_files.card import ModelCard
from infrastructure.tasks.series.clock_fields import ClockFields

MOST_ROWS_AHEAD = 1_000_000


class _Fields(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class SchemaFields(_Fields):
    """How a table is read."""

    time_column: str | None
    columns: list[str] = Field(min_length=1)
    needed: list[str]
    unsorted_stamps: Literal["refuse", "sort"]
    duplicate_stamps: Literal["refuse", "first", "last", "mean"]
    gaps: Literal["keep", "fill", "refuse"]
    missing_values: Literal["mask", "refuse"]
    settled: bool
    usual_format: str | None = None


class ScalerFields(_Fields):
    """Means and standard deviations of the columns."""

    mean: list[float]
    scale: list[float]


class HolidayFields(_Fields):
    """Which public holidays the model was told, and by which version of the package."""

    places: list[str] = Field(min_length=1)
    version: str
    first: int
    last: int
    digest: str

    @model_validator(mode="after")
    def _fit(self) -> Self:
        for place in self.places:
            for fault in holiday_faults([place]):
                raise ValueError(fault)
        return self


class CalendarFields(_Fields):
    """Features of the clock."""

    names: list[Literal[CALENDAR]]  # type: ignore[valid-type]  # the names stand in the domain
    session_open: int = Field(ge=0)
    session_length: int = Field(ge=1)
    holidays: HolidayFields | None = None


class CovariateFields(_Fields):
    """Which columns say more than the past does, and how they are read."""

    known: list[str]
    ratios: list[str]
    categories: list[str]
    num_known: int = Field(ge=0)
    static: list[str]
    static_scaler: ScalerFields
    static_categories: list[str]
    shared: list[str] = []
    vocabulary: list[list[str]]
    ratio_targets: list[bool]

    @model_validator(mode="after")
    def _fit(self) -> Self:
        columns = (*self.categories, *self.static_categories, *self.shared)
        if len(self.vocabulary) != len(columns):
            raise ValueError(f"covariates.vocabulary must have a list for each of the {len(columns)} categories")
        if self.num_known > len(self.categories) or not {*self.ratios} <= {*self.known}:
            raise ValueError("covariates.num_known and covariates.ratios must be of columns that are there")
        if not len(self.static_scaler.mean) == len(self.static_scaler.scale) == len(self.static):
            raise ValueError("covariates.static_scaler must have a mean and a scale for each of covariates.static")
        if any(scale <= 0.0 for scale in self.static_scaler.scale):
            raise ValueError("covariates.static_scaler.scale must be above 0")
        if any(len({*texts}) < len(texts) for texts in self.vocabulary):
            raise ValueError("covariates.vocabulary must name each category once")
        return self


class TargetValuesFields(_Fields):
    """What values of a target can be."""

    floor: float | None = None
    ceiling: float | None = None
    integers: bool = False

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.floor is not None and self.ceiling is not None and self.floor > self.ceiling:
            raise ValueError("floor must not lie above ceiling")
        return self


class ValueScaleFields(_Fields):
    """On which scale a target is learnt."""

    kind: Literal["plain", "log", "asinh"]
    centre: float
    width: float = Field(gt=0.0)
    mean: float
    deviation: float = Field(gt=0.0)


class RecipeFields(_Fields):
    """What turns a table into the inputs of the model."""

    names: list[str] = Field(min_length=1)
    num_targets: int = Field(ge=0)  # directions have classes and no targets
    scaler: ScalerFields
    calendar: CalendarFields
    context_length: int = Field(ge=1, le=MOST_ROWS_AHEAD)
    horizons: list[int] = Field(min_length=1)
    covariates: CovariateFields | None = None
    values: list[TargetValuesFields] = []
    scales: list[ValueScaleFields] = []

    @model_validator(mode="after")
    def _fit(self) -> Self:
        count = len(self.names)
        known = self.covariates.known if self.covariates is not None else []
        if known != self.names[count - len(known) :]:
            raise ValueError("covariates.known must be the last of the names")
        if self.num_targets > count:
            raise ValueError(f"num_targets is {self.num_targets}, but there are {count} names")
        if len(self.scaler.mean) != count or len(self.scaler.scale) != count:
            raise ValueError(f"scaler must have a mean and a scale for each of the {count} names")
        if any(scale <= 0.0 for scale in self.scaler.scale):
            raise ValueError("scaler.scale must be above 0")
        for name, of_each in (("values", self.values), ("scales", self.scales)):
            if len(of_each) not in (0, self.num_targets):
                raise ValueError(f"{name} must be empty or have one entry for each of the {self.num_targets} targets")
        if not _ascend([0, *self.horizons]) or self.horizons[-1] > MOST_ROWS_AHEAD:
            raise ValueError(f"horizons must ascend from 1 to {MOST_ROWS_AHEAD} at most")
        return self


class DriftFields(_Fields):
    """How far bands have followed what came."""

    widths: list[float]
    num_blocks: float = Field(ge=0.0)
    until: int | None


class CalibrationFields(_Fields):
    """Factors by which quantiles are moved."""

    quantiles: list[float]
    factors: list[float]
    by_target: list[float] = []
    by_step: list[float] = []
    told: str = ""
    drift: DriftFields | None = None

    def require(self, num_targets: int, num_horizons: int) -> None:
        """Want factors that can be applied. Raises: ValueError naming the rule."""
        for name, count in (("by_target", num_targets), ("by_step", num_horizons)):
            if len(getattr(self, name)) not in (0, count):
                raise ValueError(f"calibration.{name} must be empty or have {count} factors")
        for name in ("factors", "by_target", "by_step"):
            if any(factor < 0.0 for factor in getattr(self, name)):
                raise ValueError(f"calibration.{name} must not be negative")
        widths = self.drift.widths if self.drift else [1.0] * num_targets
        if len(widths) != num_targets or any(width <= 0.0 for width in widths):
            raise ValueError(f"calibration.drift.widths must have {num_targets} numbers above 0")


class SeasonFields(_Fields):
    """After how many steps of the clock the training part came again."""

    length: int = Field(ge=2, le=MOST_ROWS_AHEAD)
    rows: int = Field(ge=1, le=MOST_ROWS_AHEAD)
    cycle: str


class SeriesFields(_Fields):
    """What `SeriesCard.to_json` gives below `series`."""

    task: str
    schema_: SchemaFields = Field(alias="schema")
    recipe: RecipeFields
    quantiles: list[float]
    step: int | None = Field(ge=1)
    volatility_window: int | None = Field(ge=1)
    dead_band: float = Field(ge=0.0)
    price_column: str | None
    calibration: CalibrationFields | None
    clock: ClockFields | None = None
    clock_doubt: str = ""
    zone: str = ""
    season: SeasonFields | None = None
    naive_errors: list[float | None] = []
    series_columns: list[str] | None = None
    session_gaps: Literal["count", "cut"] = "count"

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if not _ascend([0.0, *self.quantiles, 1.0]):
            raise ValueError("quantiles must ascend between 0 and 1")
        if self.calibration is not None:
            if self.calibration.quantiles != self.quantiles or len(self.calibration.factors) != len(self.quantiles):
                raise ValueError("calibration must have a factor for each of the quantiles")
            self.calibration.require(self.recipe.num_targets, len(self.recipe.horizons))
        return self


class ForecastCard(ModelCard):
    """What the card of a forecaster says."""

    series: SeriesFields


class QuantileCard(ForecastCard):
    """What the card of a model of quantiles says: its inputs are the columns of the table, the targets first."""

    @model_validator(mode="after")
    def _name_the_columns(self) -> Self:
        recipe, columns = self.series.recipe, self.series.schema_.columns
        if (self.series.series_columns is None) != (recipe.covariates is None):
            raise ValueError("series_columns and recipe.covariates are those of a table of many series, or both null")
        targets = recipe.names[: recipe.num_targets]
        categories = recipe.covariates.categories if recipe.covariates is not None else []
        wanted = [*targets, *(name for name in columns if name not in (*targets, *categories))]
        if self.series.volatility_window is not None:
            wanted += [f"{VOLATILITY}{target}" for target in targets]
        if not targets or not set(targets) <= set(columns) or recipe.names != wanted:
            raise ValueError(
                "series.recipe.names must be the targets, the other columns of series.schema but categories, and with a"
                " volatility_window that of each target"
            )
        return self


class ScoringFields(_Fields):
    """How directions are scored."""

    label_smoothing: float = Field(ge=0.0, lt=1.0)
    class_weights: list[float] | None = Field(min_length=3, max_length=3)
    majority: int = Field(ge=0, le=2)


class DirectionCard(ForecastCard):
    """What the card of a model of directions says."""

    labels: tuple[Literal["down"], Literal["flat"], Literal["up"]] = Field(strict=False)
    scoring: ScoringFields

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.series.volatility_window is None:
            raise ValueError("series.volatility_window must be a whole number")
        return self


def _ascend(values: list[float] | list[int]) -> bool:
    return all(before < after for before, after in pairwise(values))

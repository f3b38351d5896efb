"""What must travel with a model that forecasts: how to read a table, and how to read what the model gives."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from application.training import SeriesTraining
from domain.exceptions import DatasetError, ModelError
from domain.reading import AS_FOUND, Reading
from domain.run_layout import CARD
from domain.values import PLAIN
from infrastructure.data.clock.clock_json import clock_json, clock_of
from infrastructure.data.clock.clocks import Clock
from infrastructure.data.clock.finding import FoundClock
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.panel import open_panel
from infrastructure.data.panel.schema import PanelSchema
from infrastructure.data.series.covariates import CovariateRecipe
from infrastructure.data.series.season import Season
from infrastructure.data.series.series import SeriesRecipe
from infrastructure.data.series.shape import shape_of_covariates
from infrastructure.data.table.choice import TableSchema
from infrastructure.data.table.table import Table, open_table
from infrastructure.data.windowed.loading import table_schema
from infrastructure.data.windowed.panel_series import Vocabulary
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.model_files.card import RESTORE, typed_card
from infrastructure.model_files.model_directory import CONFIG, settings_of
from infrastructure.tasks.series.card_fields import CovariateFields, ForecastCard, ValueScaleFields
from infrastructure.tasks.series.scoring.calibration import Calibration, Drift

# Two clocks agree when their steps differ by less than this share: months have different lengths.
STEP_SHARE = 0.2


@dataclass(frozen=True)
class SeriesCard:
    """How a finished forecaster reads tables.

    `step` is the distance of rows in microseconds and `clock` what they followed in training, None without a clock;
    `clock_doubt` says why it may not be the true one. `season` is that of the training part, and `naive_errors` [T] are
    what targets changed over it, None where that is not known. `series_columns` tell the series of a long table apart;
    None of a table of one series. `session_gaps` says of a market whether horizons reach beyond sessions.
    """

    task: str
    schema: TableSchema
    recipe: SeriesRecipe
    quantiles: tuple[float, ...]
    step: int | None
    volatility_window: int | None
    dead_band: float
    price_column: str | None
    calibration: Calibration | None = None
    clock: Clock | None = None
    clock_doubt: str = ""
    zone: str = ""
    season: Season | None = None
    naive_errors: tuple[float | None, ...] = ()
    series_columns: tuple[str, ...] | None = None
    session_gaps: str = "count"
    reading: Reading = AS_FOUND

    @classmethod
    def of(
        cls,
        request: SeriesTraining,
        dataset: SplitSeries,
        quantiles: tuple[float, ...] = (),
        dead_band: float = 0.0,
        price_column: str | None = None,
        session_gaps: str = "count",
    ) -> "SeriesCard":
        """Describe a run. A table is to have the columns of training, and its clock or none."""
        table = dataset.table
        clock = table.time_column or "none"
        schema = replace(
            table_schema(request),
            columns=_columns_read(dataset),
            needed=(),
            time_column=clock,
            settled=True,
            usual_format=table.usual_format,
        )
        return cls(
            task=request.task,
            schema=schema,
            recipe=dataset.recipe,
            quantiles=quantiles,
            step=table.step,
            volatility_window=request.volatility_window,
            dead_band=dead_band,
            price_column=price_column,
            clock=table.clock.clock if table.clock else None,
            clock_doubt=table.clock.doubt if table.clock else "",
            zone=table.zone,
            season=dataset.season,
            naive_errors=tuple(error if isfinite(error) else None for error in dataset.naive_errors),
            series_columns=table.series.series_columns if isinstance(table, LongTable) else None,
            session_gaps=session_gaps,
            reading=request.reading,
        )

    @property
    def found_clock(self) -> FoundClock | None:
        """The clock of training, as it was found."""
        return None if self.clock is None else FoundClock(self.clock, doubt=self.clock_doubt)

    def calibrated(self, calibration: Calibration) -> "SeriesCard":
        """Copy with a calibration."""
        return replace(self, calibration=calibration)

    def drifted(self, drift: Drift) -> "SeriesCard":
        """Copy with bands that follow what comes, from there on."""
        assert self.calibration is not None
        return replace(self, calibration=replace(self.calibration, drift=drift))

    def open_table(self, path: str) -> Table:
        """Open a table to be forecast or scored. Raises: DatasetError, also when its rows lie otherwise in time."""
        table = self._opened(path).in_zone(self.reading.time_zone or self.zone)
        if self.step and table.step and abs(table.step - self.step) > STEP_SHARE * self.step:
            raise DatasetError(
                f"the rows of {table.path.name} are {table.step / 1e6:,.0f} s apart, but the model learnt from rows"
                f" {self.step / 1e6:,.0f} s apart.",
                remedy="Bring the table to the same step, or train on it.",
            )
        holidays = self.recipe.calendar.holidays
        told = holidays.told() if holidays else ""
        return replace(table, warnings=(*table.warnings, told)) if told else table

    def _opened(self, path: str) -> Table:
        beside = self.recipe.covariates or CovariateRecipe()
        if self.series_columns is None:
            return open_table(path, self.schema, self.reading)
        named = zip((*beside.categories, *beside.static_categories), beside.vocabulary, strict=False)
        schema = PanelSchema(
            replace(self.schema, needed=self.recipe.target_names),
            self.series_columns,
            static_columns=(*beside.static, *beside.static_categories),
            known_columns=(*beside.known, *beside.categories[len(beside.categories) - beside.num_known :]),
            categories=tuple(named),
        )
        return LongTable.of(open_panel(path, schema, self.reading))

    def require_shape(self, config: Any, directory: Path) -> None:
        """Compare what is said here with the shape of the model. Raises: ModelError."""
        recipe = self.recipe
        said = {
            "context_length": recipe.context_length,
            "num_inputs": len(recipe.names),
            "num_targets": recipe.num_targets,
            "num_calendar": recipe.calendar.width,
            "horizons": list(recipe.horizons),
            **shape_of_covariates(recipe),
        }
        if not config.num_classes:
            said["quantiles"] = list(self.quantiles)
        for name, value in said.items():
            there = getattr(config, name)
            if there != (list(value) if isinstance(value, tuple) else value):
                raise ModelError(
                    f"{directory / CARD} says {name} {value}, but the model in {CONFIG} has {there}.", remedy=RESTORE
                )

    def to_json(self) -> dict[str, Any]:
        """Give plain values; `reading` stands with those of every card."""
        values = {**asdict(self), "recipe": self.recipe.to_json(), "clock": self.clock and clock_json(self.clock)}
        del values["reading"]
        return {"series": values}

    @classmethod
    def read(cls, card: Mapping[str, Any], directory: Path, kind: type[ForecastCard]) -> "SeriesCard":
        """Read what `to_json` gave, once it has been through a file. Raises: ModelError naming field and rule."""
        known = typed_card(kind, card, directory)
        values = known.series.model_dump(by_alias=True)
        schema = {**values["schema"], "columns": tuple(values["schema"]["columns"]), "needed": ()}
        calibration, clock, season = values["calibration"], values["clock"], values["season"]
        return cls(
            **{
                **values,
                "schema": TableSchema(**schema),
                "recipe": SeriesRecipe.from_json(values["recipe"]),
                "quantiles": tuple(values["quantiles"]),
                "calibration": Calibration(**calibration) if calibration else None,
                "clock": clock_of(clock) if clock else None,
                "season": Season(**season) if season else None,
                "naive_errors": tuple(values["naive_errors"]),
                "series_columns": None if (told := values["series_columns"]) is None else tuple(told),
                "reading": known.reading,
            }
        )


def vocabulary_of(directory: Path) -> Vocabulary:
    """Give the categories that the model in a directory knows, none where there is none to read."""
    card = settings_of(directory / CARD) if (directory / CARD).is_file() else {}
    try:
        beside = CovariateFields.model_validate(card["series"]["recipe"]["covariates"])
    except (KeyError, TypeError, ValidationError):
        return {}
    columns = (*beside.categories, *beside.static_categories, *beside.shared)
    return dict(zip(columns, beside.vocabulary, strict=True))


def require_scales(directory: Path, recipe: SeriesRecipe) -> None:
    """Want a model that is gone on with to have learnt on the scales of these targets. Raises: ModelError."""
    card = settings_of(directory / CARD) if (directory / CARD).is_file() else {}
    try:
        kinds = [ValueScaleFields.model_validate(scale).kind for scale in card["series"]["recipe"]["scales"]]
    except (KeyError, TypeError, ValidationError):
        kinds = []
    plain = [PLAIN] * recipe.num_targets
    learnt, wanted = kinds or plain, [scale.kind for scale in recipe.scales] or plain
    if learnt != wanted:
        of_all = learnt[0] if len({*learnt}) == 1 else f"[{','.join(learnt)}]"
        raise ModelError(
            f"model {directory} has learnt on the scales {', '.join(learnt)}, but value_scale asks for"
            f" {', '.join(wanted)}.",
            remedy=f"Set value_scale={of_all}, or begin from a preset.",
        )


def _columns_read(dataset: SplitSeries) -> tuple[str, ...]:
    """Name the columns that a later table must have: of many series those of numbers, unless categories are inputs."""
    table = dataset.table
    if not isinstance(table, LongTable) or dataset.recipe.covariates is not None:
        return table.names
    return tuple(name for name in table.names if name not in table.series.categories)

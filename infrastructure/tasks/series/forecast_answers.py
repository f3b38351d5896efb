"""Answers of a forecaster to a table, and its scores on one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from domain.exceptions import DatasetError
from domain.interval import Interval
from domain.showing import counted
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.windows import Windows
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.loading import value_inputs
from infrastructure.data.windowed.panels import all_windows_of_panel
from infrastructure.data.windowed.parts import Inputs
from infrastructure.data.windowed.tables import all_windows
from infrastructure.data.windowed.values import beyond_told
from infrastructure.tasks.kind import Examined, Note
from infrastructure.tasks.scored import Outcomes, Scored
from infrastructure.tasks.series import digits
from infrastructure.tasks.series.asking import AnswersToTables, Ask, last_history
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.drift import came_to, follows, newer
from infrastructure.tasks.series.page.sections import forecast_sections
from infrastructure.tasks.series.page.seen import Seen
from infrastructure.tasks.series.panel_answers import forecasts_of_series
from infrastructure.tasks.series.scoring.by_series import SeriesNames
from infrastructure.tasks.series.scoring.following import followed
from infrastructure.tasks.series.scoring.forecasts import ForecastReader
from infrastructure.tasks.series.scoring.intervals import intervals_of_forecasts
from infrastructure.tasks.series.scoring.passing import ForecastPass, read
from infrastructure.tasks.series.scoring.readers import FORECASTS, Examining, Scores
from infrastructure.tasks.series.scoring.rivals import RivalScores
from infrastructure.tasks.series.start import require_history, start_told
from infrastructure.tasks.series.times import times_ahead


def reader_of(card: SeriesCard, table: Table | None = None) -> Callable[[], ForecastReader]:
    """Give what makes a reader of forecasts of a table: its scores, the bands following what comes if they do."""
    named = None
    if isinstance(table, LongTable) and table.series.series_columns:
        named = SeriesNames(table.series.series_columns, table.series.ids, card.recipe.target_names)

    def reader() -> ForecastReader:
        scores = Scores(card.recipe, card.quantiles, card.calibration)
        return followed(Examining(scores, named), card.calibration)

    return reader


def rivals_of(card: SeriesCard) -> RivalScores:
    """Give what scores the forecasts that need no model."""
    return RivalScores(card.recipe, card.quantiles, card.season.rows if card.season else None)


def pass_over(card: SeriesCard, table: Table | None = None) -> ForecastPass:
    """Begin a pass over windows of a table, rivals beside it."""
    return ForecastPass(reader_of(card, table)(), rivals_of(card), card.recipe)


def scores_of(scored: Scored) -> Outcomes:
    """Give the scores of windows, without the forecasts that were kept to be looked at."""
    return {name: values for name, values in scored.outcomes.items() if name != FORECASTS}


@dataclass(frozen=True)
class ForecastAnswers(AnswersToTables):
    """Forecasts what follows the last row of a table, with the settings that travel with a model.

    Whatever computes the model, it is asked by arrays.
    """

    card: SeriesCard
    gives_table: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ()

    def windows_of(self, table: Table) -> Windows:
        """Cut every window of a table. Raises: DatasetError."""
        card = self.card
        if isinstance(table, LongTable):
            return all_windows_of_panel(table, card.recipe, card.season)
        return all_windows(table, self._inputs(table), card.recipe, card.season, card.naive_errors)

    def intervals(self, dataset: Windows, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are; windows that share targets are no rows of their own."""
        return intervals_of_forecasts(scores_of(scored), dataset.overlap)

    def examined(self, dataset: Windows, scored: Scored, num_windows: int | None = None) -> Examined:
        """Look at the scores of each window, and show forecasts; `num_windows` are all that there are."""
        card, kept = self.card, scored.outcomes[FORECASTS]
        seen = Seen.of(dataset, card.recipe, card.quantiles, card.calibration, kept)
        sections = forecast_sections(seen, scored.metrics, num_windows or len(dataset))
        return Examined(dataset, scores_of(scored), sections)

    def told(self, ask: Ask, inputs: Sequence[str], note: Note) -> Iterator[Mapping[str, Any]]:
        """Give a row for each target and horizon: its time, and the quantiles in the unit of the target."""
        for path in inputs:
            table = self.card.open_table(path)
            for found in table.warnings:
                note(found, usual=True)
            for found in self._beyond(table):
                note(found)
            yield from self._followed(ask, table, note)._of_table(ask, table, note)

    def _followed(self, ask: Ask, table: Table, note: Note) -> Self:
        """Let bands follow what has come since the training, as far as the table holds it."""
        if not follows(self.card.calibration):
            return self
        try:
            windows = newer(self.windows_of(table), self.card)
        except DatasetError:  # no row follows a history
            return self
        if not len(windows):
            return self
        card = self.card.drifted(came_to(read(ask, windows, pass_over(self.card)).metrics(), windows))
        assert card.calibration is not None
        assert card.calibration.drift is not None
        note(
            f"the calibration {card.calibration.drift.told}, behind {counted(len(windows), 'newer window')}.",
            usual=True,
        )
        return replace(self, card=card)

    def _of_table(self, ask: Ask, table: Table, note: Note) -> Iterator[Mapping[str, Any]]:
        if isinstance(table, LongTable):
            return forecasts_of_series(self.card, ask, table, note)
        return self._rows(table, self._forecast(ask, table, note), note)

    def _beyond(self, table: Table) -> Iterator[str]:
        """Say where a table holds what forecasts cannot."""
        recipe = self.card.recipe
        columns = table.values[:, [table.names.index(name) for name in recipe.target_names]]
        return beyond_told(table, recipe.target_names, columns, recipe.values)

    def _inputs(self, table: Table) -> Inputs:
        recipe = self.card.recipe
        return value_inputs(table, recipe.target_names, self.card.volatility_window)

    def _forecast(self, ask: Ask, table: Table, note: Note) -> np.ndarray:
        """Forecast from the last row: [T, H, Q] in the units of the targets. Raises: DatasetError without a history."""
        recipe = self.card.recipe
        series = recipe.series(self._inputs(table).columns, table.wall)
        place = table, series.observed[:, : recipe.num_targets], recipe.target_names, recipe.context_length
        require_history(*place)
        said = ask(last_history(series, recipe.context_length))
        forecast, assumed = recipe.on_plain_scale(said["forecast"])[0], said["assumed"][0]
        told, is_usual = start_told(*place, assumed.tolist())
        note(told, usual=is_usual)
        if self.card.calibration is not None:
            forecast = self.card.calibration.applied(forecast, assumed)
        return recipe.in_own_units(forecast)

    def _rows(self, table: Table, forecast: np.ndarray, note: Note) -> Iterator[Mapping[str, Any]]:
        recipe, last = self.card.recipe, len(table.values)
        times: list[Any] = [last + step for step in recipe.horizons]
        name = "row"
        levels = [f"q{level:g}" for level in self.card.quantiles]
        if table.stamps is not None and self.card.step is not None:
            times = times_ahead(table, self.card.found_clock, self.card.step, recipe.horizons, note)
            clock = table.time_column or "time"
            name = "time" if clock in ("target", "horizon", *levels) else clock
        of_each = zip(recipe.target_names, recipe.target_scales, recipe.target_values, forecast, strict=True)
        for target, scale, values, of_target in of_each:
            quantiles_at = zip(recipe.horizons, times, digits.told(of_target, scale, values), strict=True)
            for step, time, quantiles in quantiles_at:
                yield {name: time, "target": target, "horizon": step, **dict(zip(levels, quantiles, strict=True))}

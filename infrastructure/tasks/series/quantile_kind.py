"""Quantiles of what comes next in a table, from the data to the answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from application.training import QuantileTraining
from domain.bands import BandVerdict, judged_band
from domain.exceptions import DatasetError, ModelError
from domain.forecast import ADAPTIVE, NO_CALIBRATION
from domain.interval import Interval
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from domain.showing import counted
from domain.task import is_preset
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.windows import Windows
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.data.sources.inputs import Asked, Source
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.loading import load_series, value_inputs
from infrastructure.data.windowed.panels import all_windows_of_panel
from infrastructure.data.windowed.parts import Inputs, SplitSeries
from infrastructure.data.windowed.tables import all_windows
from infrastructure.data.windowed.values import beyond_told
from infrastructure.model_files.card import RESTORE, ModelCard, add_to_card, plain_numbers
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.forecaster_factory import build_forecaster, open_forecaster
from infrastructure.tasks.adapter import Outcomes, Scored
from infrastructure.tasks.kind import Card, Examined, Findings, Note, OnText, Prepared, Score, Trained
from infrastructure.tasks.series import digits
from infrastructure.tasks.series.batches import last_history
from infrastructure.tasks.series.beside_rivals import beside_rivals
from infrastructure.tasks.series.card import SeriesCard, require_scales, vocabulary_of
from infrastructure.tasks.series.card_fields import QuantileCard
from infrastructure.tasks.series.drift import came_to, follows, newer, read
from infrastructure.tasks.series.page.sections import forecast_sections
from infrastructure.tasks.series.page.seen import Seen
from infrastructure.tasks.series.panel_answers import forecasts_of_series
from infrastructure.tasks.series.quantile_adapter import QuantileForecast
from infrastructure.tasks.series.report import draw_coverage, draw_forecasts, write_series
from infrastructure.tasks.series.scoring.by_series import PER_SERIES, SeriesNames
from infrastructure.tasks.series.scoring.calibration import Calibration, Drift
from infrastructure.tasks.series.scoring.following import followed
from infrastructure.tasks.series.scoring.forecasts import ForecastReader
from infrastructure.tasks.series.scoring.intervals import intervals_of_forecasts
from infrastructure.tasks.series.scoring.readers import FORECASTS, Examining, Fitting, Scores
from infrastructure.tasks.series.scoring.rivals import RIVALS, RivalScores
from infrastructure.tasks.series.start import require_history, start_told
from infrastructure.tasks.series.times import times_ahead

WINDOWS_COMPARED = 4096  # before a training, which is not to wait for more
NOT_CALIBRATED_ANEW = (
    "There is no test part: the scores are those before calibration, on the rows that chose the best step. Calibrated"
    " forecasts would be scored on what they were fitted to; give split a third part."
)


class QuantileForecasting:
    """Several quantiles of each target at each horizon."""

    card_type: type[ModelCard] = QuantileCard

    def load(self, request: QuantileTraining) -> SplitSeries:
        """Read, check and split a table. Raises: DatasetError with every fault of the file."""
        return load_series(request, vocabulary_of(Path(request.model_name or "")))

    def build(self, request: QuantileTraining, dataset: SplitSeries, kept_tokenizer: Path) -> ModelBundle:
        """Build a forecaster for the columns of the table. Raises: ModelError."""
        bundle = build_forecaster(request, dataset, quantiles=request.quantiles)
        if not is_preset(request.model_name or ""):
            require_scales(Path(request.model_name or ""), dataset.recipe)
        # A line by least squares, or what an earlier run has learnt, is there already: steps may make it worse.
        bundle.answers_untrained = True
        return bundle

    def prepare(self, request: QuantileTraining, bundle: ModelBundle, dataset: SplitSeries) -> Prepared:
        """Put both parts and the task together."""
        card = SeriesCard.of(request, dataset, request.quantiles)
        adapter = QuantileForecast(
            card.quantiles,
            card.recipe.horizons,
            lambda: Scores(card.recipe, card.quantiles, None),
            request.sharpness_weight,
            request.crossing_weight,
            lambda: _rivals(card),
            card.recipe,
        )
        return Prepared(dataset.train, dataset.evaluation, adapter, card.to_json())

    def report(
        self,
        request: QuantileTraining,
        dataset: SplitSeries,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Calibrate on the validation part, score the test part, draw `reliability.png` and `forecasts.png`."""
        card = SeriesCard.of(request, dataset, request.quantiles)
        evaluation, judged = dataset.evaluation, dataset.judged
        if request.quick:
            evaluation, judged = evaluation.few(QUICK_ROWS), judged.few(QUICK_ROWS)
        if request.calibration != NO_CALIBRATION:
            overlap = evaluation.overlap
            fitting = _reading(card, lambda: Fitting(card.quantiles, card.recipe.horizons, overlap))
            found = trained.score(evaluation, fitting)
            card = card.calibrated(found["calibration"])
            if request.calibration == ADAPTIVE:
                card = card.drifted(Drift((1.0,) * card.recipe.num_targets))
                if dataset.test is not None:
                    card = card.drifted(came_to(trained.score(evaluation, _scoring(card)), evaluation))
        scored = trained.score_rows(judged, _scoring(card, dataset.table))
        if request.calibration == ADAPTIVE:
            card = card.drifted(came_to(scored.metrics, judged))
        finished = FinishedForecaster(card)
        intervals = finished.intervals(judged, scored)
        verdict = judged_band(scored.metrics, intervals)
        metrics = {**scored.metrics, **_told(card.calibration, verdict)}
        if of_each := metrics.pop(PER_SERIES, None):  # those of all series would fill a summary
            write_series(run.series, of_each)
        test_metrics = {} if dataset.test is None else metrics
        add_to_card(trained.directory, {**card.to_json(), "test_metrics": plain_numbers(test_metrics)})
        draw_coverage(card, metrics, run.reliability)
        draw_forecasts(card, dataset.table, judged, scored.outcomes["mae"], trained, run.forecasts)
        beside = _of_rivals(metrics)
        warnings = (NOT_CALIBRATED_ANEW,) if card.calibration is not None and dataset.test is None else ()
        if verdict is not None and verdict.is_false:
            warnings = (*warnings, f"{verdict.told[:1].upper()}{verdict.told[1:]}.")
        warnings = (*warnings, *beside_rivals(request, dataset, metrics, scored.outcomes, judged.overlap))
        report = Report(beside, test_metrics=test_metrics, warnings=warnings, intervals=intervals)
        return Findings(report, finished.examined(judged, scored, len(dataset.judged)))

    def baselines(self, request: QuantileTraining, dataset: SplitSeries, score: Score) -> Report:
        """Score what needs no model on windows of the part that a report tells of."""
        card = SeriesCard.of(request, dataset, request.quantiles)
        metrics = score(dataset.judged.few(QUICK_ROWS if request.quick else WINDOWS_COMPARED), _scoring(card))
        return Report(_of_rivals(metrics))

    def open(self, directory: Path, card: Card) -> "tuple[nn.Module, FinishedForecaster]":
        """Open a finished forecaster. Raises: ModelError."""
        known = SeriesCard.read(card, directory, QuantileCard)
        model = open_forecaster(directory)
        if model.config.num_classes:
            raise ModelError(f"the model in {directory} gives classes and no quantiles.", remedy=RESTORE)
        known.require_shape(model.config, directory)
        return model, FinishedForecaster(known)


def _told(calibration: Calibration | None, verdict: BandVerdict | None) -> dict[str, str]:
    told = {"calibration": calibration.rests_on if calibration else "", "bands": verdict.told if verdict else ""}
    return {name: sentence for name, sentence in told.items() if sentence}


def _reading(card: SeriesCard, reader: Callable[[], ForecastReader]) -> QuantileForecast:
    return QuantileForecast(card.quantiles, card.recipe.horizons, reader, recipe=card.recipe)


def _scoring(card: SeriesCard, table: Table | None = None) -> QuantileForecast:
    named = None
    if isinstance(table, LongTable) and table.series.series_columns:
        named = SeriesNames(table.series.series_columns, table.series.ids, card.recipe.target_names)

    def reader() -> ForecastReader:
        scores = Scores(card.recipe, card.quantiles, card.calibration)
        return followed(Examining(scores, named), card.calibration)

    recipe = card.recipe
    return QuantileForecast(card.quantiles, recipe.horizons, reader, rivals=lambda: _rivals(card), recipe=recipe)


def _rivals(card: SeriesCard) -> RivalScores:
    season_rows = card.season.rows if card.season else None
    return RivalScores(card.recipe, card.quantiles, season_rows)


def _of_rivals(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name.startswith(RIVALS)}


def _scores_of(scored: Scored) -> Outcomes:
    """Give the scores of windows, without the forecasts that were kept to be looked at."""
    return {name: values for name, values in scored.outcomes.items() if name != FORECASTS}


@dataclass(frozen=True)
class FinishedForecaster:
    """Forecasts what follows the last row of a table, with the settings that travel with the model."""

    card: SeriesCard
    rows_at_once: int = 1
    reads_rows: bool = False
    gives_table: bool = True
    labels: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def adapter(self) -> QuantileForecast:
        """Score windows."""
        return _scoring(self.card)

    def scored(self, dataset_path: str) -> tuple[Windows, QuantileForecast]:
        """Make every window of a table ready for evaluation. Raises: DatasetError."""
        table = self.card.open_table(dataset_path)
        return self._windows(table), _scoring(self.card, table)

    def _windows(self, table: Table) -> Windows:
        card = self.card
        if isinstance(table, LongTable):
            return all_windows_of_panel(table, card.recipe, card.season)
        return all_windows(table, self._inputs(table), card.recipe, card.season, card.naive_errors)

    def intervals(self, dataset: Windows, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are; windows that share targets are no rows of their own."""
        return intervals_of_forecasts(_scores_of(scored), dataset.overlap)

    def examined(self, dataset: Windows, scored: Scored, num_windows: int | None = None) -> Examined:
        """Look at the scores of each window, and show forecasts; `num_windows` are all that there are."""
        card, kept = self.card, scored.outcomes[FORECASTS]
        seen = Seen.of(dataset, card.recipe, card.quantiles, card.calibration, kept)
        sections = forecast_sections(seen, scored.metrics, num_windows or len(dataset))
        return Examined(dataset, _scores_of(scored), sections)

    def inputs(self, source: Source, note: Note) -> Iterator[Asked]:
        """Give the path itself: a table is one input."""
        yield Asked(source.path)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer nothing: a table is read whole or refused."""
        raise AssertionError(reason)

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give a row for each target and horizon: its time, and the quantiles in the unit of the target."""
        for path in inputs:
            table = self.card.open_table(path)
            for found in table.warnings:
                note(found, usual=True)
            for found in self._beyond(table):
                note(found)
            yield from self._followed(model, table, note)._of_table(model, table, note)

    def _followed(self, model: nn.Module, table: Table, note: Note) -> "FinishedForecaster":
        """Let bands follow what has come since the training, as far as the table holds it."""
        if not follows(self.card.calibration):
            return self
        try:
            windows = newer(self._windows(table), self.card)
        except DatasetError:  # no row follows a history
            return self
        if not len(windows):
            return self
        card = self.card.drifted(came_to(read(model, windows, _scoring(self.card)), windows))
        assert card.calibration is not None
        assert card.calibration.drift is not None
        note(
            f"the calibration {card.calibration.drift.told}, behind {counted(len(windows), 'newer window')}.",
            usual=True,
        )
        return replace(self, card=card)

    def _of_table(self, model: nn.Module, table: Table, note: Note) -> Iterator[Mapping[str, Any]]:
        if isinstance(table, LongTable):
            return forecasts_of_series(self.card, model, table, note)
        return self._rows(table, self._forecast(model, table, note), note)

    def _beyond(self, table: Table) -> Iterator[str]:
        """Say where a table holds what forecasts cannot."""
        recipe = self.card.recipe
        columns = table.values[:, [table.names.index(name) for name in recipe.target_names]]
        return beyond_told(table, recipe.target_names, columns, recipe.values)

    def _inputs(self, table: Table) -> Inputs:
        recipe = self.card.recipe
        return value_inputs(table, recipe.target_names, self.card.volatility_window)

    def _forecast(self, model: nn.Module, table: Table, note: Note) -> np.ndarray:
        """Forecast from the last row: [T, H, Q] in the units of the targets. Raises: DatasetError without a history."""
        recipe = self.card.recipe
        series = recipe.series(self._inputs(table).columns, table.wall)
        place = table, series.observed[:, : recipe.num_targets], recipe.target_names, recipe.context_length
        require_history(*place)
        output = model(**last_history(series, recipe.context_length, model))
        forecast = recipe.on_plain_scale(output["forecast"].float().cpu().numpy())[0]
        assumed = output["assumed"].cpu().numpy()[0]
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

"""Quantiles of what comes next in a table, from the data to the answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from application.training import QuantileTraining
from domain.bands import BandVerdict, judged_band
from domain.exceptions import ModelError
from domain.forecast import ADAPTIVE, NO_CALIBRATION
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from domain.task import is_preset
from infrastructure.data.series.windows import Windows
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.loading import load_series
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.model_files.card import RESTORE, ModelCard, add_to_card, plain_numbers
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.forecaster_factory import build_forecaster, open_forecaster
from infrastructure.tasks.kind import Card, Findings, Note, OnText, Prepared, Score, Trained
from infrastructure.tasks.series.batches import asking
from infrastructure.tasks.series.beside_rivals import beside_rivals
from infrastructure.tasks.series.card import SeriesCard, require_scales, vocabulary_of
from infrastructure.tasks.series.card_fields import QuantileCard
from infrastructure.tasks.series.drift import came_to
from infrastructure.tasks.series.forecast_answers import ForecastAnswers, reader_of, rivals_of
from infrastructure.tasks.series.quantile_adapter import QuantileForecast
from infrastructure.tasks.series.report import draw_coverage, draw_forecasts, write_series
from infrastructure.tasks.series.scoring.by_series import PER_SERIES
from infrastructure.tasks.series.scoring.calibration import Calibration, Drift
from infrastructure.tasks.series.scoring.forecasts import ForecastReader
from infrastructure.tasks.series.scoring.readers import Fitting, Scores
from infrastructure.tasks.series.scoring.rivals import RIVALS

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
            lambda: rivals_of(card),
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
    horizons, recipe = card.recipe.horizons, card.recipe
    return QuantileForecast(
        card.quantiles, horizons, reader_of(card, table), rivals=lambda: rivals_of(card), recipe=recipe
    )


def _of_rivals(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name.startswith(RIVALS)}


@dataclass(frozen=True)
class FinishedForecaster(ForecastAnswers):
    """The same by a model of torch."""

    @property
    def adapter(self) -> QuantileForecast:
        """Score windows."""
        return _scoring(self.card)

    def scored(self, dataset_path: str) -> tuple[Windows, QuantileForecast]:
        """Make every window of a table ready for evaluation. Raises: DatasetError."""
        table = self.card.open_table(dataset_path)
        return self.windows_of(table), _scoring(self.card, table)

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give a row for each target and horizon: its time, and the quantiles in the unit of the target."""
        return self.told(asking(model), inputs, note)

"""Down, flat or up: where a price will be, from a table of prices to the answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from application.training import DirectionTraining
from domain.exceptions import ModelError
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from infrastructure.data.series.market_features import DIRECTIONS
from infrastructure.data.series.windows import Windows
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.data.windowed.direction_rule import DirectionRule
from infrastructure.data.windowed.market import class_counts, load_market
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.model_files.card import RESTORE, ModelCard, add_to_card, plain_numbers
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.forecaster_factory import build_forecaster, open_forecaster
from infrastructure.reports.confusion import draw_confusion_matrix
from infrastructure.tasks.kind import Card, Findings, Note, OnText, Prepared, Score, Trained
from infrastructure.tasks.labels.intervals import intervals_of_labels
from infrastructure.tasks.labels.metrics import classification_metrics
from infrastructure.tasks.labels.scoring import class_weights_of
from infrastructure.tasks.series.batches import asking
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.card_fields import DirectionCard
from infrastructure.tasks.series.direction_adapter import DirectionClassification
from infrastructure.tasks.series.direction_answers import (
    DirectionAnswers,
    beside,
    labels_of,
    moves,
    rivals_of_windows,
    scores_of_rivals,
)


class MarketDirection:
    """One of three directions for each window."""

    card_type: type[ModelCard] = DirectionCard

    def load(self, request: DirectionTraining) -> SplitSeries:
        """Read, check and split a table of prices. Raises: DatasetError with every fault of the file."""
        return load_market(request)

    def build(self, request: DirectionTraining, dataset: SplitSeries, kept_tokenizer: Path) -> ModelBundle:
        """Build a forecaster with a head for classes. Raises: ModelError."""
        return build_forecaster(request, dataset, num_classes=len(DIRECTIONS))

    def prepare(self, request: DirectionTraining, bundle: ModelBundle, dataset: SplitSeries) -> Prepared:
        """Put both parts and the task together."""
        scoring = _scoring_of(request, dataset)
        rule = DirectionRule.of(request)
        series = SeriesCard.of(
            request,
            dataset,
            dead_band=rule.dead_band,
            price_column=rule.price_column,
            session_gaps=rule.session_gaps,
        )
        card = {**series.to_json(), "labels": list(DIRECTIONS), "scoring": scoring}
        counts = class_counts(dataset)
        absent = [name for name, count in counts.items() if not count]
        warnings = [f"no window of the training part goes {name}; it will never be predicted." for name in absent]
        return Prepared(dataset.train, dataset.evaluation, _adapter(scoring), card, tuple(warnings))

    def report(
        self,
        request: DirectionTraining,
        dataset: SplitSeries,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Score the test part, draw `confusion_matrix.png`, and say whether it beats those who know nothing."""
        judged = dataset.judged.few(QUICK_ROWS) if request.quick else dataset.judged
        scoring = _scoring_of(request, dataset)
        scored = trained.score_rows(judged, _adapter(scoring))
        draw_confusion_matrix(scored.metrics["confusion_matrix"], DIRECTIONS, run.confusion_matrix, "windows")
        metrics = {**scored.metrics, **moves(scored.metrics["confusion_matrix"])}
        test_metrics = {} if dataset.test is None else metrics
        add_to_card(trained.directory, {"test_metrics": plain_numbers(test_metrics)})
        found = beside(DirectionRule.of(request), judged, scored)
        intervals = intervals_of_labels(labels_of(scoring), scored.metrics, scored.outcomes, judged.overlap)
        report = replace(found, test_metrics=test_metrics, intervals={**intervals, **found.intervals})
        finished = trained.task
        assert isinstance(finished, FinishedDirection)
        return Findings(report, finished.examined(judged, scored, len(dataset.judged)))

    def baselines(self, request: DirectionTraining, dataset: SplitSeries, score: Score) -> Report:
        """Score the most frequent direction, a random walk and persistence on the part that a report tells of."""
        judged = dataset.judged.few(QUICK_ROWS) if request.quick else dataset.judged
        assert judged.labels is not None
        majority = np.full(len(judged), _scoring_of(request, dataset)["majority"])
        found = classification_metrics(np.eye(len(DIRECTIONS))[majority], judged.labels[judged.anchors], DIRECTIONS)
        scores = {f"majority_{name}": found[name] for name in ("accuracy", "macro_f1")}
        return Report({**scores, **scores_of_rivals(rivals_of_windows(DirectionRule.of(request), judged))})

    def open(self, directory: Path, card: Card) -> "tuple[nn.Module, FinishedDirection]":
        """Open a finished model. Raises: ModelError."""
        known = SeriesCard.read(card, directory, DirectionCard)
        model = open_forecaster(directory)
        if model.config.num_classes != len(DIRECTIONS):
            raise ModelError(f"the model in {directory} does not score {len(DIRECTIONS)} directions.", remedy=RESTORE)
        known.require_shape(model.config, directory)
        return model, FinishedDirection(known, card["scoring"])


def _scoring_of(request: DirectionTraining, dataset: SplitSeries) -> Card:
    """Say how answers are scored: what must travel with the model, so that it is scored alike later."""
    counts = list(class_counts(dataset).values())
    weights = class_weights_of(request.class_weights, DIRECTIONS, counts)
    return {
        "label_smoothing": request.label_smoothing,
        "class_weights": None if weights is None else weights.tolist(),
        "majority": int(np.argmax(counts)),
    }


def _adapter(scoring: Card) -> DirectionClassification:
    return DirectionClassification(labels_of(scoring))


@dataclass(frozen=True)
class FinishedDirection(DirectionAnswers):
    """The same by a model of torch."""

    @property
    def adapter(self) -> DirectionClassification:
        """Score windows."""
        return _adapter(self.scoring)

    def scored(self, dataset_path: str) -> tuple[Windows, DirectionClassification]:
        """Make every window of a table ready for evaluation. Raises: DatasetError."""
        return self.windows_of(self.card.open_table(dataset_path)), self.adapter

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the last row's `time` (or `row`), `label` and `scores` (probabilities), of each instrument."""
        return self.told(asking(model), inputs, note)

"""Down, flat or up: where a price will be, from a table of prices to the answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from application.training import DirectionTraining
from domain.exceptions import ModelError
from domain.interval import Interval
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from domain.significance import verdict
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.market_features import DIRECTIONS, DOWN, FLAT, UNKNOWN, UP
from infrastructure.data.series.windows import Windows
from infrastructure.data.some_rows import QUICK_ROWS
from infrastructure.data.sources.inputs import Asked, Source
from infrastructure.data.windowed.direction_rule import DirectionRule
from infrastructure.data.windowed.market import all_windows_of_market, class_counts, load_market
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.model_files.card import RESTORE, ModelCard, add_to_card, plain_numbers
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.forecaster_factory import build_forecaster, open_forecaster
from infrastructure.reports.confusion import draw_confusion_matrix
from infrastructure.statistics.confusions import intervals_of_confusion
from infrastructure.tasks.adapter import Scored
from infrastructure.tasks.kind import Card, Examined, Findings, Note, OnText, Prepared, Score, Trained
from infrastructure.tasks.labels.intervals import intervals_of_labels, named
from infrastructure.tasks.labels.metrics import averaged_scores, classification_metrics, confusion_matrix
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.sections import label_sections
from infrastructure.tasks.labels.scoring import LabelScoring, class_weights_of, labelled, outcome_columns
from infrastructure.tasks.series.batches import last_history
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.card_fields import DirectionCard
from infrastructure.tasks.series.direction_adapter import DirectionClassification
from infrastructure.tasks.series.instrument_answers import directions_of_instruments
from infrastructure.tasks.series.page.directions import directions_over_time
from infrastructure.tasks.series.session_end import beyond_told, reach_beyond
from infrastructure.tasks.series.start import require_history, start_told

COIN_TOSS = 0.5


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
        metrics = {**scored.metrics, **_moves(scored.metrics["confusion_matrix"])}
        test_metrics = {} if dataset.test is None else metrics
        add_to_card(trained.directory, {"test_metrics": plain_numbers(test_metrics)})
        beside = _beside(DirectionRule.of(request), judged, scored)
        intervals = intervals_of_labels(_labels_of(scoring), scored.metrics, scored.outcomes, judged.overlap)
        report = replace(beside, test_metrics=test_metrics, intervals={**intervals, **beside.intervals})
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
        return Report({**scores, **_scores_of(_rivals(DirectionRule.of(request), judged))})

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
    return DirectionClassification(_labels_of(scoring))


def _labels_of(scoring: Card) -> LabelScoring:
    weights = scoring["class_weights"]
    return LabelScoring(
        DIRECTIONS,
        label_smoothing=scoring["label_smoothing"],
        class_weights=None if weights is None else torch.tensor(weights),
        majority=scoring["majority"],
    )


def _rivals(rule: DirectionRule, windows: Windows) -> dict[str, NDArray[np.int64]]:
    """Count the answers of what needs no model, a confusion matrix each.

    A random walk expects the price to stay, persistence that it goes on as it did.
    """
    assert windows.labels is not None
    assert windows.table is not None
    labels, past = windows.labels[windows.anchors], rule.past(windows.table)[windows.anchors]
    guesses = {
        "random_walk": np.full(len(windows), FLAT),
        "persistence": np.where(past == UNKNOWN, FLAT, past),
    }
    return {name: confusion_matrix(labels, guess, len(DIRECTIONS)) for name, guess in guesses.items()}


def _beside(rule: DirectionRule, judged: Windows, scored: Scored) -> Report:
    """Set a model beside the most frequent direction, a random walk and persistence, and say whether it beats them."""
    rivals = _rivals(rule, judged)
    baselines = _scores_of(rivals)
    majority = {name: scored.metrics[name] for name in ("majority_accuracy", "majority_macro_f1")}
    intervals: dict[str, Interval] = {}
    for name, confusion in rivals.items():
        of_rival = named(name, intervals_of_confusion(confusion, overlap=judged.overlap))
        intervals |= {score: of_rival[score] for score in baselines if score in of_rival}
    known = {**majority, **baselines}
    return Report(known, warnings=_verdicts(scored.metrics, known, judged), intervals=intervals)


def _scores_of(rivals: Mapping[str, NDArray[np.int64]]) -> dict[str, float]:
    scores = {name: averaged_scores(confusion) for name, confusion in rivals.items()}
    return {f"{name}_{metric}": found[metric] for name, found in scores.items() for metric in ("accuracy", "macro_f1")}


def _moves(confusion: Sequence[Sequence[int]]) -> dict[str, float]:
    """Score up against down alone, where the market moved and the model said so.

    That the market will move at all can be told from its volatility; which way is the harder question.
    """
    right = confusion[DOWN][DOWN] + confusion[UP][UP]
    count = right + confusion[DOWN][UP] + confusion[UP][DOWN]
    return {"up_down_accuracy": right / count if count else float("nan"), "num_up_down": count}


def _verdicts(metrics: Mapping[str, Any], baselines: Mapping[str, float], judged: Windows) -> tuple[str, ...]:
    rivals = {
        name.removesuffix("_accuracy").replace("_", " "): value
        for name, value in baselines.items()
        if name.endswith("_accuracy")
    }
    sentences = [f"All three directions: {verdict(metrics['accuracy'], rivals, len(judged), judged.overlap)}"]
    moves = _moves(metrics["confusion_matrix"])
    if count := int(moves["num_up_down"]):
        coin = verdict(moves["up_down_accuracy"], {"a coin toss": COIN_TOSS}, count, judged.overlap)
        sentences.append(f"Up or down, where both the market and the forecast moved: {coin}")
    else:
        sentences.append("Up or down cannot be judged: the forecast never moved when the market did.")
    return tuple(sentences)


@dataclass(frozen=True)
class FinishedDirection:
    """Says where a price will be after the last row of a table, with the settings that travel with the model."""

    card: SeriesCard
    scoring: Card
    rows_at_once: int = 1
    reads_rows: bool = False
    gives_table: bool = False
    labels: tuple[str, ...] = DIRECTIONS
    options: tuple[str, ...] = ()

    @property
    def _rule(self) -> DirectionRule:
        assert self.card.volatility_window is not None
        return DirectionRule(
            self.card.recipe.horizons[0],
            self.card.dead_band,
            self.card.volatility_window,
            self.card.price_column,
            self.card.session_gaps,
        )

    @property
    def adapter(self) -> DirectionClassification:
        """Score windows."""
        return _adapter(self.scoring)

    def scored(self, dataset_path: str) -> tuple[Windows, DirectionClassification]:
        """Make every window of a table ready for evaluation. Raises: DatasetError."""
        table = self.card.open_table(dataset_path)
        return all_windows_of_market(table, self._rule, self.card.recipe), self.adapter

    def intervals(self, dataset: Windows, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are; windows that share what they forecast count as one."""
        return intervals_of_labels(_labels_of(self.scoring), scored.metrics, scored.outcomes, dataset.overlap)

    def rivals(self, dataset: Windows, scored: Scored) -> Report:
        """Score those who know nothing on the same windows, and say whether the model beats them."""
        return _beside(self._rule, dataset, scored)

    def examined(self, dataset: Windows, scored: Scored, num_windows: int | None = None) -> Examined:
        """Look at the answer to each window; `num_windows` are all that there are."""
        answered = Answered.of(scored.outcomes, DIRECTIONS, dataset.overlap)
        rows = RowNames(partial(_named, dataset), num_windows or len(dataset), "window")
        labels, answers = scored.outcomes["labels"], scored.outcomes["logits"].argmax(axis=1)
        over_time = directions_over_time(dataset, labels, answers, FLAT)
        sections = (over_time, *label_sections(answered, rows, scored.metrics))
        return Examined(dataset, outcome_columns(scored.outcomes, DIRECTIONS), sections)

    def inputs(self, source: Source, note: Note) -> Iterator[Asked]:
        """Give the path itself: a table is one input."""
        yield Asked(source.path)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer nothing: a table is read whole or refused."""
        raise AssertionError(reason)

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the last row's `time` (or `row`), `label` and `scores` (probabilities), of each instrument."""
        for path in inputs:
            table = self.card.open_table(path)
            for found in table.warnings:
                note(found, usual=True)
            if isinstance(table, LongTable):
                yield from directions_of_instruments(self.card, self._rule, model, table, note)
                continue
            name, known = self._rule.price(table)
            place = table, known[:, None], (name,), self.card.recipe.context_length
            require_history(*place)
            told, is_usual = start_told(*place)
            note(told, usual=is_usual)
            series = self.card.recipe.series(self._rule.inputs(table).columns, table.wall)
            logits = model(**last_history(series, self.card.recipe.context_length, model))["logits"]
            when: dict[str, Any] = {"row": len(table.values)}
            if table.stamps is not None:
                when = {"time": stamp_texts(table.stamps[-1:], table.zone, table.step)[0]}
                if reach_beyond(self.card, np.asarray(table.stamps[-1:])).any():
                    note(f"{path}: {beyond_told(self._rule.horizon)}.")
            yield from ({**when, **answer} for answer in labelled(logits, DIRECTIONS))


def _named(dataset: Windows, index: int) -> str:
    """Name a window by its instrument, if there are many, and the time of its last row, if the table has times."""
    table, anchor = dataset.table, dataset.anchors[index : index + 1]
    if table is None or table.stamps is None:
        return dataset.row_id(index)
    until = f"until {stamp_texts(table.stamps[anchor], table.zone, table.step)[0]}"
    return f"{table.series_of(int(anchor[0]))} {until}" if isinstance(table, LongTable) else until

"""Answers of a model of directions to a table of prices, its scores on one, and those of who knows nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from domain.interval import Interval
from domain.results import Report
from domain.significance import verdict
from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.series.market_features import DIRECTIONS, DOWN, FLAT, UNKNOWN, UP
from infrastructure.data.series.windows import Windows
from infrastructure.data.table.table import Table
from infrastructure.data.windowed.direction_rule import DirectionRule
from infrastructure.data.windowed.market import all_windows_of_market
from infrastructure.statistics.confusions import intervals_of_confusion
from infrastructure.tasks.kind import Card, Examined, Note
from infrastructure.tasks.labels.intervals import intervals_of_labels, named
from infrastructure.tasks.labels.metrics import averaged_scores, confusion_matrix
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.sections import label_sections
from infrastructure.tasks.labels.scoring import LabelScoring, labelled, outcome_columns
from infrastructure.tasks.scored import Scored
from infrastructure.tasks.series.asking import AnswersToTables, Ask, last_history
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.instrument_answers import directions_of_instruments
from infrastructure.tasks.series.page.directions import directions_over_time
from infrastructure.tasks.series.session_end import beyond_told, reach_beyond
from infrastructure.tasks.series.start import require_history, start_told

COIN_TOSS = 0.5


def labels_of(scoring: Card) -> LabelScoring:
    """Give how labels are scored, as it travels with a model."""
    weights = scoring["class_weights"]
    return LabelScoring(
        DIRECTIONS,
        label_smoothing=scoring["label_smoothing"],
        class_weights=None if weights is None else np.array(weights, dtype=np.float32),
        majority=scoring["majority"],
    )


def rivals_of_windows(rule: DirectionRule, windows: Windows) -> dict[str, NDArray[np.int64]]:
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


def beside(rule: DirectionRule, judged: Windows, scored: Scored) -> Report:
    """Set a model beside the most frequent direction, a random walk and persistence, and say whether it beats them."""
    rivals = rivals_of_windows(rule, judged)
    baselines = scores_of_rivals(rivals)
    majority = {name: scored.metrics[name] for name in ("majority_accuracy", "majority_macro_f1")}
    intervals: dict[str, Interval] = {}
    for name, confusion in rivals.items():
        of_rival = named(name, intervals_of_confusion(confusion, overlap=judged.overlap))
        intervals |= {score: of_rival[score] for score in baselines if score in of_rival}
    known = {**majority, **baselines}
    return Report(known, warnings=_verdicts(scored.metrics, known, judged), intervals=intervals)


def scores_of_rivals(rivals: Mapping[str, NDArray[np.int64]]) -> dict[str, float]:
    """Give accuracy and macro F1 of each."""
    scores = {name: averaged_scores(confusion) for name, confusion in rivals.items()}
    return {f"{name}_{metric}": found[metric] for name, found in scores.items() for metric in ("accuracy", "macro_f1")}


def moves(confusion: Sequence[Sequence[int]]) -> dict[str, float]:
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
    of_moves = moves(metrics["confusion_matrix"])
    if count := int(of_moves["num_up_down"]):
        coin = verdict(of_moves["up_down_accuracy"], {"a coin toss": COIN_TOSS}, count, judged.overlap)
        sentences.append(f"Up or down, where both the market and the forecast moved: {coin}")
    else:
        sentences.append("Up or down cannot be judged: the forecast never moved when the market did.")
    return tuple(sentences)


@dataclass(frozen=True)
class DirectionAnswers(AnswersToTables):
    """Says where a price will be after the last row of a table, with the settings that travel with a model.

    Whatever computes the model, it is asked by arrays.
    """

    card: SeriesCard
    scoring: Card
    gives_table: ClassVar[bool] = False
    labels: ClassVar[tuple[str, ...]] = DIRECTIONS

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

    def windows_of(self, table: Table) -> Windows:
        """Cut every window of a table. Raises: DatasetError."""
        return all_windows_of_market(table, self._rule, self.card.recipe)

    def intervals(self, dataset: Windows, scored: Scored) -> dict[str, Interval]:
        """Say how sure the scores of an evaluation are; windows that share what they forecast count as one."""
        return intervals_of_labels(labels_of(self.scoring), scored.metrics, scored.outcomes, dataset.overlap)

    def rivals(self, dataset: Windows, scored: Scored) -> Report:
        """Score those who know nothing on the same windows, and say whether the model beats them."""
        return beside(self._rule, dataset, scored)

    def examined(self, dataset: Windows, scored: Scored, num_windows: int | None = None) -> Examined:
        """Look at the answer to each window; `num_windows` are all that there are."""
        answered = Answered.of(scored.outcomes, DIRECTIONS, dataset.overlap)
        rows = RowNames(partial(_named, dataset), num_windows or len(dataset), "window")
        labels, answers = scored.outcomes["labels"], scored.outcomes["logits"].argmax(axis=1)
        over_time = directions_over_time(dataset, labels, answers, FLAT)
        sections = (over_time, *label_sections(answered, rows, scored.metrics))
        return Examined(dataset, outcome_columns(scored.outcomes, DIRECTIONS), sections)

    def told(self, ask: Ask, inputs: Sequence[str], note: Note) -> Iterator[Mapping[str, Any]]:
        """Give the last row's `time` (or `row`), `label` and `scores` (probabilities), of each instrument."""
        for path in inputs:
            table = self.card.open_table(path)
            for found in table.warnings:
                note(found, usual=True)
            if isinstance(table, LongTable):
                yield from directions_of_instruments(self.card, self._rule, ask, table, note)
                continue
            name, known = self._rule.price(table)
            place = table, known[:, None], (name,), self.card.recipe.context_length
            require_history(*place)
            told, is_usual = start_told(*place)
            note(told, usual=is_usual)
            series = self.card.recipe.series(self._rule.inputs(table).columns, table.wall)
            logits = ask(last_history(series, self.card.recipe.context_length))["logits"]
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

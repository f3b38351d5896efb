"""Answers of a model of directions to a table of many instruments: one row for each."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from infrastructure.data.clock.writing import stamp_texts
from infrastructure.data.panel.ids import named
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.panel.order import SHOWN
from infrastructure.data.series.inputs import inputs_of
from infrastructure.data.series.market_features import DIRECTIONS
from infrastructure.data.windowed.direction_rule import DirectionRule
from infrastructure.data.windowed.instruments import series_of_instruments
from infrastructure.data.windowed.panel_series import least_history
from infrastructure.tasks.kind import Note
from infrastructure.tasks.labels.scoring import labelled
from infrastructure.tasks.series.asking import Ask
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.panel_answers import SERIES_AT_ONCE, free_names, last_rows, tell_short
from infrastructure.tasks.series.session_end import beyond_told, reach_beyond

OF_AN_ANSWER = ("label", "score", "scores")


def directions_of_instruments(
    card: SeriesCard, rule: DirectionRule, ask: Ask, table: LongTable, note: Note
) -> Iterator[Mapping[str, Any]]:
    """Say where each price will be, from the last row that has one.

    Gives the columns that tell instruments apart, the `time` of that row, `label` and `scores`.
    Raises: DatasetError where no instrument has a history.
    """
    panel, recipe = table.series, card.recipe
    series = series_of_instruments(table, rule.inputs(table), recipe)
    last, seen = last_rows(panel, rule.price(table)[1])
    least = least_history(recipe.context_length)
    is_long_enough = seen >= least
    if not is_long_enough.all():
        tell_short(table, is_long_enough, least, note)
    chosen = np.flatnonzero(is_long_enough)
    _tell_old(table, last[chosen], chosen, note)
    beyond = reach_beyond(card, table.stamps_of(last[chosen]))
    if beyond.any():
        note(f"of {beyond.sum():,} of {len(chosen):,} series {beyond_told(rule.horizon)}.")
    names = free_names((*panel.series_columns, "time"), OF_AN_ANSWER)
    for start in range(0, len(chosen), SERIES_AT_ONCE):
        numbers = chosen[start : start + SERIES_AT_ONCE]
        history = series.history(last[numbers], recipe.context_length)
        logits = ask(inputs_of(history))["logits"]
        times = stamp_texts(table.stamps_of(last[numbers]), table.zone, table.step)
        for number, time, answer in zip(numbers.tolist(), times, labelled(logits, DIRECTIONS), strict=True):
            yield {**dict(zip(names, (*panel.ids[number], time), strict=True)), **answer}


def _tell_old(table: LongTable, last: np.ndarray, chosen: np.ndarray, note: Note) -> None:
    """Say which answers are of an earlier time than others: such an instrument may trade no longer."""
    panel = table.series
    times = table.stamps_of(last)
    old = np.flatnonzero(times < times.max())
    if len(old):
        shown = "; ".join(named(panel.ids[chosen[place]]) for place in old[:SHOWN])
        latest = stamp_texts(times.max()[None], table.zone, table.step)[0]
        note(
            f"{len(old):,} of {len(chosen):,} series have no price at {latest}, and are told from an earlier one, as"
            f" `time` says: {shown}{'; ...' if len(old) > SHOWN else ''}."
        )

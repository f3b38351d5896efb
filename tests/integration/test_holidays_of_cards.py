"""A finished model is told of the holidays that it learnt from, or says that it is not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infrastructure.tasks.series.card import SeriesCard
from tests.support import tiny_series


@pytest.mark.parametrize("task", tiny_series.SERIES_TASKS)
def test_a_card_keeps_places_and_version_and_says_once_that_dates_differ(task: str, tmp_path: Path) -> None:
    window = {} if task == "market_direction" else {"volatility_window": None}
    ready = tiny_series.ready(task, tmp_path, holidays=("US", "DE-BY"), **window)
    request: Any = ready.request
    assert ready.data.recipe.calendar.width == ready.test.series.calendar.shape[1] >= 6
    assert ready.model.config.num_calendar == ready.data.recipe.calendar.width
    written = json.loads(json.dumps(ready.prepared.card))["series"]["recipe"]["calendar"]["holidays"]
    assert written["places"] == ["US", "DE-BY"]
    assert not any("2024-" in str(value) for value in written.values()), "the dates themselves are not kept"

    card = SeriesCard.of(request, ready.data, getattr(request, "quantiles", ()))
    assert not any("holidays" in told for told in card.open_table(request.dataset_path).warnings)
    known = card.recipe.calendar.holidays
    assert known is not None
    calendar = replace(card.recipe.calendar, holidays=replace(known, version="0.1", digest="other"))
    other = replace(card, recipe=replace(card.recipe, calendar=calendar))
    told = [told for told in other.open_table(request.dataset_path).warnings if "holidays" in told]
    assert len(told) == 1
    assert "0.1" in told[0]

"""Forecasts that are kept to be looked at are spread over all, bounded, and the same however they are batched."""

import numpy as np
import pytest

from infrastructure.tasks.series.scoring.forecasts import Forecasts
from infrastructure.tasks.series.scoring.thinned import LEAST_WINDOWS, Thinned


def kept(count: int, batch: int, **limits: int) -> list[int | None]:
    """Give by window its number where it was kept, which is written into what is forecast for it."""
    thinned = Thinned(**limits)
    numbers = np.arange(count, dtype=np.float32)
    for start in range(0, count, batch):
        part = numbers[start : start + batch]
        forecast = np.broadcast_to(part[:, None, None, None], (len(part), 1, 2, 3))
        flags = np.zeros((len(part), 1), dtype=bool)
        thinned.add(Forecasts(forecast, forecast[..., 0], forecast[:, :, 0, 0], flags, flags))
    column = thinned.column()
    assert len(column) == count
    return [None if found is None else int(found.forecast[0, 0, 0]) for found in column]


def test_all_are_kept_where_there_is_room() -> None:
    assert kept(50, 7) == list(range(50))


@pytest.mark.parametrize("batch", [1, 3, 64, 1000])
def test_of_too_many_an_even_part_is_kept_and_the_last_one(batch: int) -> None:
    found = kept(1000, batch, max_windows=100)
    there = [number for number, what in enumerate(found) if what is not None]
    assert there == [number for number, what in enumerate(kept(1000, 10, max_windows=100)) if what is not None]
    assert all(found[number] == number for number in there)
    assert there[-1] == 999
    assert 40 <= len(there) <= 101
    assert max(np.diff(there)) < 100


def test_each_hour_of_the_day_is_among_what_is_kept() -> None:
    there = [number for number, what in enumerate(kept(20_000, 512, max_windows=1000)) if what is not None]
    assert set(np.array(there) % 24) == set(range(24))


def test_memory_is_bounded_by_the_numbers_and_a_few_are_kept_always() -> None:
    assert sum(found is not None for found in kept(1000, 10, max_numbers=6 * 40)) <= 41
    assert sum(found is not None for found in kept(1000, 10, max_numbers=1)) >= LEAST_WINDOWS / 2
    assert kept(0, 1) == []

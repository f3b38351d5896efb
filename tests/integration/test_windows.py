"""Windows: which anchors have something to see and to be scored on, and how many are cut at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.data.series.series import Series
from infrastructure.data.series.windows import Windows

ROWS, CONTEXT, HORIZONS = 30, 4, (1, 3)


def series(seed: int = 0, share: float = 0.0, rows: int = ROWS, targets: int = 1) -> Series:
    draw = np.random.default_rng(seed)
    observed = draw.random((rows, 2)) >= share
    values = np.where(observed, draw.normal(size=(rows, 2)), 0.0).astype(np.float32)
    return Series(values, observed, np.zeros((rows, 1), dtype=np.float32), targets)


def windows(of: Series, labels: np.ndarray | None = None, **changes: int) -> Windows:
    context = changes.get("context", CONTEXT)
    return Windows(of, np.arange(len(of)), context, HORIZONS, "bars.csv", "abc", labels)


@settings(max_examples=40)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([1, 2]))
def test_a_window_is_left_out_without_a_target_in_its_history_and_behind_it(
    seed: int, share: float, targets: int
) -> None:
    of = series(seed, share, targets=targets)
    seen = {
        (anchor, target): bool(of.observed[max(anchor - CONTEXT + 1, 0) : anchor + 1, target].any())
        for anchor in range(ROWS)
        for target in range(targets)
    }
    scored = {
        key: [step for step in HORIZONS if key[0] + step < ROWS and of.observed[key[0] + step, key[1]]]
        for key in seen
        if seen[key]
    }
    usable = sorted({anchor for (anchor, _), steps in scored.items() if steps})
    found = windows(of)
    assert found.anchors.tolist() == (usable if share else list(range(ROWS)))  # anchors beyond the end: the caller's
    assert len(found.left_out) == ROWS - len(found)
    for anchor, target in zip(found.anchors.tolist(), found.cut(found.anchors)["target"], strict=True):
        for number in range(targets):
            steps = [step for step, value in zip(HORIZONS, target[number], strict=True) if np.isfinite(value)]
            assert steps == scored.get((anchor, number), [])


@settings(max_examples=40)
@given(st.integers(0, 1000), st.sets(st.integers(1, 9), min_size=1))
def test_any_set_of_horizons_finds_the_same_windows_one_step_at_a_time(seed: int, steps: set[int]) -> None:
    of, anchors = series(seed, 0.8), np.arange(ROWS - 9)
    one_by_one = [Windows(of, anchors, CONTEXT, (step,)).anchors for step in steps]
    assert (
        Windows(of, anchors, CONTEXT, sorted(steps)).anchors.tolist() == np.unique(np.concatenate(one_by_one)).tolist()
    )


def test_a_window_without_a_known_class_is_left_out() -> None:
    labels = np.array([-1, 0, 2, 1] * (ROWS // 4) + [-1] * (ROWS % 4), dtype=np.int8)
    found = windows(series(), labels)
    assert found.anchors.tolist() == np.flatnonzero(labels >= 0).tolist()
    assert found.cut(found.anchors)["labels"].tolist() == labels[labels >= 0].tolist()
    assert "target" not in found.cut(found.anchors)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_windows_cut_together_are_those_cut_one_by_one(size: int) -> None:
    found = windows(series(share=0.3))
    whole = found.cut(found.anchors)
    parts = [found.cut(found.anchors[at : at + size]) for at in range(0, len(found), size)]
    for name, array in whole.items():
        assert np.concatenate([part[name] for part in parts]).tobytes() == array.tobytes(), name


def test_an_item_is_an_anchor_and_copies_nothing() -> None:
    found = windows(series())
    assert found[3].source is found
    assert [found[index].anchor for index in range(len(found))] == found.anchors.tolist()
    assert found.row_id(0) == f"bars.csv:{found.anchors[0] + 2}"
    # Memory does not multiply by the count of windows.
    assert not any(getattr(value, "nbytes", 0) > found.anchors.nbytes for value in vars(found).values())


def test_the_fingerprint_tells_data_and_windows_apart() -> None:
    base = series()
    other = Series(base.values.copy(), base.observed, base.calendar, 1)
    other.values[-1, 1] += 1e-6
    labels = np.zeros(ROWS, dtype=np.int8)
    made = [
        windows(base), windows(other), windows(base, context=5), windows(base, labels),
        Windows(base, np.arange(ROWS - 1), CONTEXT, HORIZONS, "bars.csv", "abc"),
        Windows(base, np.arange(ROWS), CONTEXT, (1, 4), "bars.csv", "abc"),
    ]  # fmt: skip
    prints = [each.fingerprint for each in made]
    assert len(set(prints)) == len(prints)
    assert windows(series()).fingerprint == prints[0]
    assert Windows(base, np.arange(len(base)), CONTEXT, HORIZONS, "bars.parquet", "def").fingerprint == prints[0]

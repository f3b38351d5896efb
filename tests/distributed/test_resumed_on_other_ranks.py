"""A run that is taken up by another number of ranks goes on as if nothing had happened."""

from itertools import chain
from pathlib import Path

import pytest

from tests.support import agreeing
from tests.support.ranks import in_ranks

STEPS = 16


def test_a_run_begun_on_four_goes_on_on_two_and_ends_on_one(tmp_path: Path) -> None:
    undisturbed = in_ranks(1, agreeing.trained, tmp_path / "0", directory=str(tmp_path / "undisturbed"))[0]
    losses: dict[str, float] = {}
    rows: list[list[int]] = []
    for size, num_steps in ((4, 5), (2, 5), (1, STEPS)):
        place = str(tmp_path / "moved")
        ranks = in_ranks(size, agreeing.stopped_before, tmp_path / str(size), directory=place, step=num_steps)
        losses |= ranks[0]["losses"]
        rows += [sorted(chain(*shares)) for shares in zip(*(rank["rows"] for rank in ranks), strict=True)]
    assert losses.keys() == undisturbed["losses"].keys()
    assert losses == pytest.approx(undisturbed["losses"], rel=1e-5)
    assert len(rows) == STEPS
    for epoch in range(4):
        seen = [row for step in rows[epoch * 4 : epoch * 4 + 4] for row in step]
        assert sorted(seen) == list(range(agreeing.NUM_ROWS)), f"epoch {epoch}"
    [moved] = [warning for warning in ranks[0]["result"]["warnings"] if "ranks 4 then, 2 now" in warning]
    assert "the last bits" in moved


def test_the_same_number_of_ranks_ends_with_the_same_bytes(tmp_path: Path) -> None:
    whole = in_ranks(2, agreeing.trained, tmp_path / "0", directory=str(tmp_path / "undisturbed"))
    in_ranks(2, agreeing.stopped_before, tmp_path / "1", directory=str(tmp_path / "stopped"), step=5)
    ended = in_ranks(2, agreeing.trained, tmp_path / "2", directory=str(tmp_path / "stopped"))
    assert [rank["weights"] for rank in ended] == [rank["weights"] for rank in whole]
    models = [(tmp_path / name / "model").rglob("*.*") for name in ("undisturbed", "stopped")]
    assert [path.read_bytes() for path in sorted(models[0])] == [path.read_bytes() for path in sorted(models[1])]

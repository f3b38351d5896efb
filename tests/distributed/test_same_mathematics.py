"""Whatever the number of ranks, a run learns the same: losses, gradients, scores and weights of every kind of task."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.support import ranked
from tests.support.once import once
from tests.support.ranks import in_ranks

FEW = ("classification", "one row left", "masked", "quantiles")
DIVIDED = (*FEW, "code generation, packed", "seq2seq, packed", "flow")
WHOLE = tuple(name for name in ranked.CASES if name != "seq2seq, packed")
CLOSE = 1e-5
SECONDS_TO_END = 600.0  # on a busy machine
Runs = Callable[..., tuple[list[Any], Path]]
# Four micro-batches: of three ranks one has two, of four each has one.
LAYOUTS = [(3, "auto"), (4, "auto"), (2, "fsdp")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Train on a number of ranks, once; gives what each of them did, and where the weights are."""

    @cache
    def of(size: int, parallel: str = "auto") -> tuple[list[Any], Path]:
        names = {1: tuple(ranked.CASES), 2: DIVIDED, 3: FEW, 4: WHOLE}[size]

        def trained(place: Path) -> list[Any]:
            given = {"names": names, "directory": str(place), "parallel": parallel}
            return in_ranks(size, ranked.trained, place, SECONDS_TO_END, **given)

        return once(tmp_path_factory, f"mathematics-{size}-{parallel}", trained)

    return of


@pytest.mark.parametrize(("size", "parallel"), LAYOUTS)
def test_each_step_and_the_weights_behind_the_last_are_those_of_one_rank(size: int, parallel: str, runs: Runs) -> None:
    (alone, of_one), (together, of_many) = runs(1), runs(size, parallel)
    for name, seen in together[0].items():
        expected = alone[0][name]
        assert len(expected["losses"]) == ranked.STEPS
        assert seen["losses"] == pytest.approx(expected["losses"], rel=CLOSE), name
        assert seen["num_tokens"] == pytest.approx(expected["num_tokens"]), name
        assert seen["norms"] == pytest.approx(expected["norms"], rel=CLOSE), name
        weights, wanted = (load_file(place / name / "weights.safetensors") for place in (of_many, of_one))
        assert weights.keys() == wanted.keys()
        assert max(float((weights[key] - wanted[key]).abs().max()) for key in wanted) < CLOSE, name


@pytest.mark.parametrize(("size", "parallel"), LAYOUTS)
def test_each_evaluation_gives_what_it_gives_on_one_rank(size: int, parallel: str, runs: Runs) -> None:
    (alone, _), (together, _) = runs(1), runs(size, parallel)
    close = CLOSE if parallel == "fsdp" else 1e-6  # its gradients are added up in another order
    for name, seen in together[0].items():
        assert seen["untrained"] == pytest.approx(alone[0][name]["untrained"], rel=1e-12), name
        assert len(seen["scores"]) >= 3, name
        for found, expected in zip(seen["scores"], alone[0][name]["scores"], strict=True):
            assert found == pytest.approx(expected, rel=close, abs=close), name


def test_all_ranks_hold_the_same_weights_in_each_step_and_end_with_the_same_result(runs: Runs) -> None:
    together, _ = runs(4, "auto")
    for name, first in together[0].items():
        assert len(set(first["weights"])) > ranked.STEPS / 2  # or nothing would have been learnt
        for other in together[1:]:
            assert other[name]["weights"] == first["weights"], name
            assert other[name]["result"] == first["result"], name
            assert other[name]["padding_share"] == first["padding_share"], name

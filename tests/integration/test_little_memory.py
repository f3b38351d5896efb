"""A graph whose batch does not fit the memory is computed in smaller parts, and gives the same."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from domain.exceptions import ModelError, TrainingError
from infrastructure.exported.graph import Graph

WIDTH = 3
ARENA = "/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void* onnxruntime::BFCArena::AllocateRawInternal"
STATUS = "Non-zero status code returned while running MatMul node. Name:'' Status Message: "
LOST = {
    "its own store": Fail(
        f"[ONNXRuntimeError] : 1 : FAIL : {STATUS}{ARENA}(size_t, bool, onnxruntime::Stream*) Failed to allocate memory"
        " for requested buffer of size 6400000000\n"
    ),
    "the processor": RuntimeException(f"[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : {STATUS}std::bad_alloc"),
    "a GPU": Fail("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; hostname=here"),
    "products on a GPU": RuntimeException(
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0"
    ),
}
# How much there is, and how many rows are asked: the difference of each to each of a row is all that takes memory.
IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np
from infrastructure.exported.graph import Graph
graph = Graph(Path(sys.argv[1]))
rows = np.random.default_rng(0).normal(size=(64, 1024)).astype(np.float32)
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + (150 << 20),) * 2)
found = graph({"rows": rows})["spread"]
assert np.allclose(found, rows.max(1) - rows.min(1)), found
print(graph._numbers_at_once // 1024)
"""


class Small:
    """A session with room for some rows."""

    def __init__(self, session: Any, most: int, lost: Exception) -> None:
        self.session, self.most, self.lost = session, most, lost
        self.asked: list[int] = []

    def run(self, outputs: Any, given: Mapping[str, np.ndarray]) -> Sequence[np.ndarray]:
        (rows,) = {len(array) for array in given.values()}
        self.asked.append(rows)
        if rows > self.most:
            raise self.lost
        found: Sequence[np.ndarray] = self.session.run(outputs, given)
        return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a graph that gives of each row how far its numbers lie apart, and its numbers in order."""
    steps = [
        helper.make_node("Unsqueeze", ["rows", "last"], ["columns"]),
        helper.make_node("Unsqueeze", ["rows", "middle"], ["lines"]),
        helper.make_node("Sub", ["columns", "lines"], ["apart"]),
        helper.make_node("ReduceMax", ["apart", "both"], ["spread"], keepdims=0),
        helper.make_node("TopK", ["rows", "two"], ["largest", "places"]),
    ]
    known = {"last": [2], "middle": [1], "both": [1, 2], "two": [2]}
    shapes: Mapping[str, list[str | int | None]] = {"rows": ["B", "L"], "spread": ["B"], "largest": ["B", 2]}
    asked, *told = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items())
    constants = [onnx.numpy_helper.from_array(np.array(value), name) for name, value in known.items()]
    graph = helper.make_graph(steps, "graph", [asked], told, constants)
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def rows_of(count: int, length: int = WIDTH) -> dict[str, np.ndarray]:
    return {"rows": np.random.default_rng(count).normal(size=(count, length)).astype(np.float32)}


def small(file: Path, most: int, lost: str = "its own store") -> tuple[Graph, Small]:
    graph = Graph(file)
    session = Small(graph._session, most, LOST[lost])
    graph._session = session
    return graph, session


@pytest.mark.parametrize("lost", LOST)
def test_a_batch_that_does_not_fit_is_computed_in_parts_and_gives_the_same(file: Path, lost: str) -> None:
    graph, session = small(file, 2, lost)
    expected, found = Graph(file)(rows_of(7)), graph(rows_of(7))
    assert found.keys() == expected.keys() == {"spread", "largest"}
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    assert session.asked == [7, 4, 2, 2, 2, 1]


def test_what_fits_is_remembered_by_the_size_of_rows(file: Path) -> None:
    graph, session = small(file, 2)
    graph(rows_of(4))
    session.asked.clear()
    graph(rows_of(4))  # as long as before
    graph(rows_of(4, 2 * WIDTH))  # twice as long
    graph(rows_of(2, WIDTH))
    assert session.asked == [2, 2, 1, 1, 1, 1, 2]


def test_a_single_row_that_does_not_fit_ends_in_a_sentence(file: Path) -> None:
    graph, _ = small(file, 0)
    with pytest.raises(
        TrainingError, match=r"^memory ran out while model\.onnx was computed with a single row at once"
    ):
        graph(rows_of(5))


def test_no_rows_are_computed_as_they_are(file: Path) -> None:
    assert Graph(file)(rows_of(0))["spread"].shape == (0,)


def test_other_errors_are_not_taken_for_it(file: Path) -> None:
    graph, session = small(file, 0)
    session.lost = Fail(f"[ONNXRuntimeError] : 1 : FAIL : {STATUS}axes do not fit")
    with pytest.raises(ModelError, match=r"model\.onnx cannot be computed: .*axes do not fit"):
        graph(rows_of(5))
    assert session.asked == [5]


def test_memory_that_is_lost_when_a_graph_is_opened_is_told_so(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any, **named: Any) -> None:
        raise LOST["the processor"]

    monkeypatch.setattr("onnxruntime.InferenceSession", full)
    with pytest.raises(TrainingError, match=r"^memory ran out when model\.onnx was opened\."):
        Graph(file)


def test_the_runtime_says_so_in_these_words_where_memory_is_really_gone(file: Path) -> None:
    command = [sys.executable, "-c", IN_LITTLE_MEMORY, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"(32|16|8|4|2|1)\n", done.stdout)

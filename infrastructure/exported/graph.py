"""A graph of operations in a file, computed by onnxruntime."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from domain.exceptions import ConfigurationError, ModelError
from domain.launch import num_cores
from infrastructure.memory import in_smaller_parts, lost_memory_told
from infrastructure.model_files.card import RESTORE

# By the name that a device has everywhere else, who computes on it.
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
ERRORS_ALONE = 3
# Of its own store of memory; of the processor; of a GPU, and of the workspace of a library of products there.
LOST = ("Failed to allocate memory", "bad_alloc", "bad allocation", "out of memory", "_STATUS_ALLOC_FAILED")
Arrays = Mapping[str, np.ndarray]


class Graph:
    """One graph; it takes arrays and gives arrays, by their names. Rows are the first axis of all of them."""

    def __init__(self, path: Path, device: str = "auto") -> None:
        """Open a file.

        Raises: ModelError, ConfigurationError for a package or a device that is not there; TrainingError when memory is
        too small.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise ConfigurationError(
                "an exported model needs the package onnxruntime.",
                remedy='Install it with: pip install "athanor[onnx]".',
            ) from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ALONE
        options.intra_op_num_threads = _threads()
        # Threads that spin for work lose it as soon as another program computes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider = _provider(device, onnxruntime.get_available_providers())
        self.path = path
        with lost_memory_told(f"when {path.name} was opened"), self._translated("opened"):
            self._session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
        self._numbers_at_once: int | None = None  # once memory ran out
        self.inputs = {told.name: _kind(told.type) for told in self._session.get_inputs()}
        self.input_shapes: dict[str, list[int | str]] = {of.name: of.shape for of in self._session.get_inputs()}
        self.outputs: Sequence[str] = [told.name for told in self._session.get_outputs()]

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Compute, fewer rows at once when memory runs out; arrays that the graph does not know are left out.

        Raises: ModelError when the graph wants others; TrainingError when memory is too small for a single row.
        """
        missing = [name for name in self.inputs if name not in arrays]
        if missing:
            raise ModelError(f"{self.path} wants {', '.join(missing)}, which its task does not give.", remedy=RESTORE)
        given = {name: np.ascontiguousarray(arrays[name], dtype=kind) for name, kind in self.inputs.items()}
        num_rows = max(1, *(len(array) for array in given.values()))
        numbers_of_row = max(1, sum(array.size for array in given.values()) // num_rows)

        def computed(rows_at_once: int) -> dict[str, np.ndarray]:
            starts = range(0, num_rows, rows_at_once)
            parts = [
                self._computed({name: array[start : start + rows_at_once] for name, array in given.items()})
                for start in starts
            ]
            whole = parts[0] if len(parts) == 1 else [np.concatenate(each) for each in zip(*parts, strict=True)]
            return dict(zip(self.outputs, whole, strict=True))

        def remember(rows_at_once: int) -> None:
            self._numbers_at_once = rows_at_once * numbers_of_row

        fitting = num_rows if self._numbers_at_once is None else self._numbers_at_once // numbers_of_row
        rows_at_once = max(1, min(num_rows, fitting))
        return in_smaller_parts(computed, rows_at_once, f"while {self.path.name} was computed", remember)

    def _computed(self, given: Arrays) -> Sequence[np.ndarray]:
        with self._translated("computed"):
            found: Sequence[np.ndarray] = self._session.run(None, given)
        return found

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        """Tell what the runtime raises, whose errors have no class in common. Raises: ModelError, MemoryError."""
        try:
            yield
        except Exception as error:
            if any(words in str(error) for words in LOST):
                raise MemoryError from error
            raise ModelError(f"{self.path} cannot be {done}: {_first_line(error)}.", remedy=RESTORE) from error


def _threads() -> int:
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdigit() and int(told) > 0 else num_cores()


def _provider(device: str, available: Sequence[str]) -> str:
    name = device.partition(":")[0]
    if name == "auto":
        return next(PROVIDERS[kind] for kind in ("cuda", "cpu") if PROVIDERS[kind] in available)
    if PROVIDERS.get(name) not in available:
        raise ConfigurationError(
            f"device {device!r} is not available to onnxruntime on this machine.", remedy="Leave device at auto."
        )
    return PROVIDERS[name]


def _kind(told: str) -> np.dtype:
    """Turn what the runtime says of a tensor, such as tensor(int64), into a type of numpy."""
    name = told.removeprefix("tensor(").removesuffix(")")
    return np.dtype({"float": "float32", "double": "float64"}.get(name, name))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")[:300]

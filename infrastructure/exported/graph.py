"""A graph of operations in a file, computed by onnxruntime."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from domain.exceptions import ConfigurationError, ModelError, TrainingError
from domain.launch import num_cores
from infrastructure.model_files.card import RESTORE

# By the name that a device has everywhere else, who computes on it.
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
ERRORS_ALONE = 3
TOO_LARGE = ("failed to allocate", "bad allocation", "bad_alloc")


class Graph:
    """One graph; it takes arrays and gives arrays, by their names."""

    def __init__(self, path: Path, device: str = "auto") -> None:
        """Open a file. Raises: ModelError, ConfigurationError for a package or a device that is not there."""
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
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
        except Exception as error:  # its errors have no class in common
            raise ModelError(f"{path} cannot be opened: {_first_line(error)}.", remedy=RESTORE) from error
        self.path = path
        self.inputs = {told.name: _kind(told.type) for told in self._session.get_inputs()}
        self.input_shapes: dict[str, list[int | str]] = {of.name: of.shape for of in self._session.get_inputs()}
        self.outputs: Sequence[str] = [told.name for told in self._session.get_outputs()]

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute; arrays that the graph does not know are left out.

        Raises: ModelError when the graph wants others; TrainingError when memory is too small.
        """
        missing = [name for name in self.inputs if name not in arrays]
        if missing:
            raise ModelError(f"{self.path} wants {', '.join(missing)}, which its task does not give.", remedy=RESTORE)
        given = {name: np.ascontiguousarray(arrays[name], dtype=kind) for name, kind in self.inputs.items()}
        try:
            found = self._session.run(None, given)
        except Exception as error:
            if any(words in str(error).lower() for words in TOO_LARGE):
                raise TrainingError(
                    f"memory ran out while {self.path.name} was computed.", remedy="Give fewer or shorter rows."
                ) from error
            raise ModelError(f"{self.path} cannot be computed: {_first_line(error)}.", remedy=RESTORE) from error
        return dict(zip(self.outputs, found, strict=True))


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

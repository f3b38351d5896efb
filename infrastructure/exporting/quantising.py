"""ONNX graphs whose weights have eight bits."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infrastructure.exporting.graph import Tensors
from infrastructure.exporting.onnx_graphs import quiet

# Products, and tables that tokens are looked up in. All else stays in fp32: norms, softmax and activations have hardly
# any weights, and lose the most.
TABLES, PRODUCTS = "Gather", ("MatMul", "Gemm")


def quantise(path: Path) -> None:
    """Round the weights of a graph to eight bits, each column by its own scale; what comes in is rounded as it comes.

    Raises: OSError of the disk.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _rounded(path) as rounded, quiet():
        quantize_dynamic(
            path,
            rounded,
            op_types_to_quantize=[TABLES, *PRODUCTS],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )


def quantise_calibrated(path: Path, batches: Iterator[Tensors]) -> None:
    """Do the same with ranges of what comes into products that are found once, on some batches.

    Tables are rounded as they always are: what is looked up needs no range. Raises: OSError of the disk.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_dynamic,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
        def get_next(self) -> Any:
            batch = next(batches, None)
            return None if batch is None else {name: tensor.numpy() for name, tensor in batch.items()}

    with _rounded(path) as rounded, quiet():
        quantize_static(
            path,
            rounded,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(PRODUCTS),
            per_channel=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"MatMulConstBOnly": True, "DedicatedQDQPair": True},
        )
    with _rounded(path) as rounded, quiet():
        quantize_dynamic(path, rounded, op_types_to_quantize=[TABLES], weight_type=QuantType.QInt8)


@contextmanager
def _rounded(path: Path) -> Iterator[Path]:
    """Give the place of a graph that takes that of another when the block ends well."""
    rounded = path.with_suffix(".rounded")
    yield rounded
    rounded.replace(path)

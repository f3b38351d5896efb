"""ONNX graphs whose weights have eight bits."""

from pathlib import Path

from infrastructure.exporting.onnx_graphs import quiet

# Tables that tokens are looked up in, and products. All else computes in fp32: softmax, norms and activations are a few
# hundredths of the time and lose the most.
OPERATORS = ("Gather", "MatMul", "Gemm")


def quantise(path: Path) -> None:
    """Round the weights of a graph to eight bits, each column by its own scale; what comes in is rounded as it comes.

    Raises: OSError of the disk.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    rounded = path.with_suffix(".rounded")
    with quiet():
        quantize_dynamic(
            path,
            rounded,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    rounded.replace(path)

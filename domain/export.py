"""An export of a finished model: its formats, what it must keep of the model, and what is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from domain.metrics import direction_of

ONNX, ONNX_INT8, TORCH_EXPORT, SAFETENSORS = "onnx", "onnx-int8", "torch-export", "safetensors"
FORMATS: Mapping[str, str] = {
    ONNX: "graphs for ONNX Runtime, in fp32",
    ONNX_INT8: "the same with weights of eight bits",
    TORCH_EXPORT: "graphs for torch.export.load, without the code of the model",
    SAFETENSORS: "the model directory with everything merged",
}
DYNAMIC, STATIC = "dynamic", "static"
CALIBRATIONS = (DYNAMIC, STATIC)
FP32, BF16, INT8 = "fp32", "bf16", "int8"
# The number formats that weights can be kept in, by format of the export; the first is taken where none is said.
WEIGHTS: Mapping[str, Sequence[str]] = {
    ONNX: (FP32,),
    ONNX_INT8: (INT8,),
    TORCH_EXPORT: (FP32, INT8),
    SAFETENSORS: (FP32, BF16),
}
# What fp32 may differ by from the model that it comes from: of scores, and of rows that are given another answer.
TOLERANCE = 1e-4
LEAST_AGREEMENT = 0.999
# What a metric may lose by eight bits, in points: hundredths of a share, hundredths of a loss before.
MAX_DROP = 0.5
EXPORT_FACTS = "export.json"
# Metrics of texts that are counted up to 100 by themselves.
_OF_A_HUNDRED = ("bleu", "chrf")


@dataclass(frozen=True)
class Parity:
    """How far an export is from its model on `num_rows` rows, the farthest of which is `worst_row`.

    `largest` is the greatest difference of a score, in units of the scores; `agreement` the share of answers that stay
    the same, None where an answer is a number. `num_texts` of texts were written by both, `num_equal_texts` equally.
    """

    num_rows: int
    largest: float
    worst_row: str
    agreement: float | None = None
    num_texts: int = 0
    num_equal_texts: int = 0

    def faults(self) -> list[str]:
        """Say in which ways an export in fp32 is not what its model is; nothing where it is."""
        found = []
        if not self.largest <= TOLERANCE:  # a NaN is no number below it
            found.append(
                f"its scores differ from those of the model by {self.largest:.2g}, more than {TOLERANCE:g}, in"
                f" {self.worst_row}."
            )
        if self.agreement is not None and self.agreement < LEAST_AGREEMENT:
            found.append(
                f"{self.agreement:.2%} of the answers are those of the model, fewer than {LEAST_AGREEMENT:.1%}; the"
                f" farthest is {self.worst_row}."
            )
        if self.num_equal_texts < self.num_texts:
            found.append(f"{self.num_texts - self.num_equal_texts} of {self.num_texts} texts are written otherwise.")
        return found


@dataclass(frozen=True)
class Score:
    """The metric of a model on rows with their targets, before an export and after it."""

    metric: str
    before: float
    after: float

    @property
    def drop(self) -> float:
        """Give what is lost, in points; below 0 where something is won.

        Of a metric that is better when larger these are hundredths, or the hundredths that it is counted in; of any
        other its rise in percent of what it was.
        """
        if direction_of(self.metric) == "max":
            return (self.before - self.after) * (1 if self.metric in _OF_A_HUNDRED else 100)
        return 100 * (self.after - self.before) / abs(self.before) if self.before else 100 * self.after

    def fault(self, max_drop: float) -> str:
        """Say that more is lost than may be; empty where it is not."""
        if isfinite(self.drop) and self.drop <= max_drop:
            return ""
        return (
            f"{self.metric} goes from {self.before:.4f} to {self.after:.4f}, a drop of {self.drop:.2f} points, and"
            f" {max_drop:g} are allowed."
        )


@dataclass(frozen=True)
class Speed:
    """Milliseconds for `rows` rows of `tokens` tokens at once, medians of turns, of the model and of its export."""

    rows: int
    tokens: int
    before_ms: float
    after_ms: float

    @property
    def ratio(self) -> float:
        """Say how many times as fast the export is."""
        return self.before_ms / self.after_ms


@dataclass(frozen=True)
class Export:
    """What came of an export: its files with their bytes, and what it is beside the model.

    `rows_told` says which rows it was compared on, `score` is None where those have no targets. `threads` are those of
    both sides while speed was measured. `faults` are told of one that was kept all the same.
    """

    task: str
    format: str
    weights: str
    calibration: str | None
    output_dir: str
    source: str
    files: Mapping[str, int]
    bytes_before: int
    bytes_after: int
    rows_told: str
    parity: Parity
    score: Score | None = None
    speed: Sequence[Speed] = ()
    threads: int = 1
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give plain values, with what follows from them."""
        told = {
            **asdict(self),
            "speed": [{**asdict(each), "ratio": each.ratio} for each in self.speed],
            "size_ratio": self.bytes_after / self.bytes_before if self.bytes_before else None,
        }
        if self.score is not None:
            told["score"] = {**asdict(self.score), "drop": self.score.drop}
        return told

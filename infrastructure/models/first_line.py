"""Where the line through the history begins: at the ridge solution that forecasts the end of the training part best."""

from collections.abc import Sequence

import numpy as np
import torch

from infrastructure.data.series.inputs import model_inputs
from infrastructure.data.series.windows import Windows, to_learn
from infrastructure.models.forecaster import Forecaster

# Beyond this the squares of lags [L, L] would take more memory than they are worth.
MAX_LAGS = 2048
MAX_WINDOWS = 8192
WINDOWS_AT_ONCE = 256
# Share of the windows, the latest ones, that choose how strongly the line is held to the repeated last value.
JUDGING_SHARE = 0.2
# Strengths in units of the mean square of a lag.
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4, 1e6)


class NormalEquations:
    """Sums over windows that a least-squares line needs: lags by lags [L, L] and lags by horizons [L, H], in fp64."""

    def __init__(self, num_lags: int, num_horizons: int) -> None:
        self.lags = np.zeros((num_lags, num_lags))
        self.products = np.zeros((num_lags, num_horizons))
        self.squares = np.zeros(num_horizons)

    def add(self, lags: np.ndarray, rest: np.ndarray) -> None:
        """Take in histories [n, L] and what they are to explain [n, H]."""
        self.lags += lags.T @ lags
        self.products += lags.T @ rest
        self.squares += (rest**2).sum(axis=0)

    def plus(self, other: "NormalEquations") -> "NormalEquations":
        """Give the sums over both."""
        both = NormalEquations(*self.products.shape)
        both.lags, both.products = self.lags + other.lags, self.products + other.products
        both.squares = self.squares + other.squares
        return both

    def lines(self, strengths: Sequence[float]) -> list[np.ndarray]:
        """Solve for the lines [L, H], one for each strength, by one decomposition."""
        values, vectors = np.linalg.eigh(self.lags)
        turned = vectors.T @ self.products
        mean = max(float(np.trace(self.lags)) / len(self.lags), 1e-12)
        return [vectors @ (turned / (np.maximum(values, 0.0) + strength * mean)[:, None]) for strength in strengths]

    def error_of(self, line: np.ndarray) -> float:
        """Give the summed squared error of a line over these windows."""
        explained = 2.0 * (line * self.products).sum() - (line * (self.lags @ line)).sum()
        return float(self.squares.sum() - explained)


@torch.no_grad()
def start_from_least_squares(model: Forecaster, train: Windows) -> None:
    """Set the line of a new forecaster by least squares over the training windows, held to the repeated last value.

    Gradients would need hundreds of steps to move a few lags as far; this takes a second. How strongly it is held is
    chosen on the latest windows, so that a random walk keeps repeating its last value. Windows with a missing target
    are left out; with too few of them, or too long histories, the line stays as it is.
    Source of the idea: closed-form lines match trained ones, Toner and Darlow, ICML 2024.
    """
    num_lags = train.context_length
    anchors = train.anchors[np.unique(np.linspace(0, len(train) - 1, MAX_WINDOWS).astype(np.int64))]
    if num_lags > MAX_LAGS or len(anchors) * model.config.num_targets < 2 * num_lags:
        return
    border = int(len(anchors) * (1.0 - JUDGING_SHARE))
    fitting, judging = (_sums(model, train, part) for part in (anchors[:border], anchors[border:]))
    errors = [judging.error_of(line) for line in fitting.lines(STRENGTHS)]
    (line,) = fitting.plus(judging).lines([STRENGTHS[int(np.argmin(errors))]])
    model.head.linear.add_(torch.from_numpy(line.T).to(model.head.linear))


def _sums(model: Forecaster, train: Windows, anchors: np.ndarray) -> NormalEquations:
    """Sum over windows what the repeated last value leaves unexplained, in units of the whole table."""
    sums = NormalEquations(train.context_length, len(train.horizons))
    num_targets = model.config.num_targets
    for start in range(0, len(anchors), WINDOWS_AT_ONCE):
        window = to_learn(train.cut(anchors[start : start + WINDOWS_AT_ONCE]))
        history = model.history(**model_inputs(window))
        lags = (history.values[:, :num_targets] * history.scale).flatten(0, 1).double().numpy()  # [B * T, L]
        centre = history.centre_ahead.flatten(0, 1).double().numpy()  # [B * T, 1]
        target = window["target"].reshape(len(lags), -1).astype(np.float64)
        whole = np.isfinite(target).all(axis=1)
        lags, rest = lags[whole], (target - centre - lags[:, -1:])[whole]
        sums.add(lags, rest)
    return sums

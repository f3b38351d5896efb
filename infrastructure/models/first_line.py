"""Where a forecaster begins: at the ridge line that forecasts the end of the training part best, and at its errors."""

from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.data.series.windows import Windows, to_learn
from infrastructure.models.forecaster import Forecaster
from infrastructure.models.series_inputs import model_inputs

# Beyond this the squares of lags [L, L] would take more memory than they are worth.
MAX_LAGS = 2048
MAX_WINDOWS = 8192
WINDOWS_AT_ONCE = 256
# Blocks of windows, one behind the other, of which each but the first judges lines of those before it.
NUM_BLOCKS = 5
# A line serves a target when it leaves by so much less of what its repeated last value leaves unexplained.
LEAST_GAIN = 0.02
MOST_SUMS = 1 << 25  # numbers in the sums of all targets and blocks; beyond it all targets are judged as one
# Of the errors of a line: fewer of a target at a horizon do not say how far its quantiles lie apart, more than so many
# in all take memory and say no more.
FEWEST_ERRORS, MOST_ERRORS = 64, 1 << 24
LEAST_STEP = 1e-3  # between neighbouring quantiles, in units of the window's own scale
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


Blocks = Sequence[Sequence[NormalEquations]]  # the sums of each target, block by block


@torch.no_grad()
def start_from_least_squares(model: Forecaster, train: Windows) -> None:
    """Set the line of a new forecaster by least squares over the training windows, its quantiles by what it misses.

    Gradients would need hundreds of steps to move a few lags as far; this takes seconds. The line is held to the
    repeated last value as strongly as forecasts later windows best; targets whose own line forecasts no better than
    that value are walks, and keep to it. How far the quantiles lie apart is what lines of other windows miss. Windows
    with a missing target are left out; with too few of them, or too long histories, all targets repeat their last
    value at first.
    Source of the idea: closed-form lines match trained ones, Toner and Darlow, ICML 2024.
    """
    anchors, num_targets = _in_time(train), model.config.num_targets
    blocks = np.array_split(anchors, NUM_BLOCKS)
    if train.context_length > MAX_LAGS or len(anchors) * num_targets < 2 * train.context_length:
        _spread_by(model, list(_errors(model, train, anchors)))
        return
    sums = [_sums(model, train, block) for block in blocks]
    served = [target for target in range(len(sums[0])) if _fitted(sums, [target])[1]]
    walks = [target not in served for target in range(len(sums[0]))]
    model.config.walks = model.head.walks = walks if len(walks) == num_targets else walks * num_targets
    errors: list[Tensor] = []
    if not served:
        model.head.linear = None
        errors += _errors(model, train, anchors)
    else:
        strength, _ = _fitted(sums, served)
        for number, block in enumerate(blocks):
            model.head.linear = _line([*sums[:number], *sums[number + 1 :]], served, strength)
            errors += _errors(model, train, block)
        model.head.linear = _line(sums, served, strength)
    _spread_by(model, errors)


def _fitted(blocks: Blocks, targets: Sequence[int]) -> tuple[float, bool]:
    """Tell how strongly a line of some targets is best held, and whether it then serves them.

    Each block is forecast by lines of those before it: one block alone would find something in many a random walk.
    """
    left, repeated = np.zeros(len(STRENGTHS)), 0.0
    for number, block in enumerate(blocks[1:], start=1):
        judge = _of([block], targets)
        left += [judge.error_of(line) for line in _of(blocks[:number], targets).lines(STRENGTHS)]
        repeated += float(judge.squares.sum())
    best = int(np.argmin(left))
    return STRENGTHS[best], bool(left[best] < (1.0 - LEAST_GAIN) * repeated)


def _line(blocks: Blocks, targets: Sequence[int], strength: float) -> nn.Parameter:
    """Give the line [H, L] of some targets over some blocks."""
    (line,) = _of(blocks, targets).lines([strength])
    line[-1] += 1.0  # what it was fitted to is what the last value leaves unexplained
    # In the order of rows: moments of an optimizer that come from a file have no other.
    return nn.Parameter(torch.from_numpy(np.ascontiguousarray(line.T)).float())


def _of(blocks: Blocks, targets: Sequence[int]) -> NormalEquations:
    """Give the sums over some targets and blocks together."""
    first, *others = (block[target] for block in blocks for target in targets)
    return reduce(NormalEquations.plus, others, first)


def _in_time(train: Windows) -> np.ndarray:
    """Give the anchors of some windows, evenly spread, the latest ones last, of many series too."""
    anchors = train.anchors[np.unique(np.linspace(0, len(train) - 1, MAX_WINDOWS).astype(np.int64))]
    moments = train.series.moments
    return anchors if moments is None else anchors[np.argsort(moments[anchors], kind="stable")]


def _spread_by(model: Forecaster, found: Sequence[Tensor]) -> None:
    """Set the steps between quantiles by errors [B, T, H] of lines over windows that these were not fitted to.

    A drift of these windows moves no quantile: the steps are those between the quantiles of the errors, whatever their
    median. Without a head that spreads, or with few errors, they stay as they are.
    """
    head = model.head
    if head.spread is None or not found:
        return
    errors = torch.cat(list(found))  # [N, T, H]
    levels = torch.tensor(model.config.quantiles, dtype=errors.dtype)
    for target in range(model.config.num_targets):
        steps = torch.nanquantile(errors[:, target], levels, dim=0).diff(dim=0).T.clamp_min(LEAST_STEP)  # [H, Q - 1]
        enough = (~errors[:, target].isnan()).sum(dim=0) >= FEWEST_ERRORS
        before = head.spread_bias[target]
        # The inverse of softplus, so written that small and large steps stay finite.
        before.copy_(torch.where(enough[:, None], steps + torch.log(-torch.expm1(-steps)), before))


def _errors(model: Forecaster, train: Windows, anchors: np.ndarray) -> Iterator[Tensor]:
    """Give what the lines miss by [B, T, H], in units of each window's own scale; NaN where that is not known."""
    num_targets = model.config.num_targets
    most = max(FEWEST_ERRORS, MOST_ERRORS // (num_targets * len(train.horizons) * NUM_BLOCKS))
    anchors = anchors[:: max(1, -(-len(anchors) // most))]
    for start in range(0, len(anchors), WINDOWS_AT_ONCE):
        window = to_learn(train.cut(anchors[start : start + WINDOWS_AT_ONCE]))
        history = model.history(**model_inputs(window))
        own = (torch.from_numpy(window["target"]) - history.centre_ahead) / history.scale
        missed = own - model.head.straight(history.values[:, :num_targets])
        yield torch.where(history.is_thin[:, :num_targets], torch.nan, missed)


def _sums(model: Forecaster, train: Windows, anchors: np.ndarray) -> list[NormalEquations]:
    """Sum over windows what the repeated last value leaves unexplained, in units of the whole table.

    Gives the sums of each target, or one of all targets where those would take too much memory.
    """
    num_targets, num_lags, num_horizons = model.config.num_targets, train.context_length, len(train.horizons)
    each = NUM_BLOCKS * num_lags * (num_lags + num_horizons)
    sums = [
        NormalEquations(num_lags, num_horizons) for _ in range(num_targets if num_targets * each <= MOST_SUMS else 1)
    ]
    for start in range(0, len(anchors), WINDOWS_AT_ONCE):
        window = to_learn(train.cut(anchors[start : start + WINDOWS_AT_ONCE]))
        history = model.history(**model_inputs(window))
        lags = (history.values[:, :num_targets] * history.scale).double().numpy()  # [B, T, L]
        centre = history.centre_ahead.double().numpy()  # [B, T, 1]
        rest = window["target"].astype(np.float64) - centre - lags[..., -1:]  # [B, T, H]
        whole = np.isfinite(rest).all(axis=-1)  # [B, T]
        for target in range(num_targets):
            known = whole[:, target]
            sums[target % len(sums)].add(lags[known, target], rest[known, target])
    return sums

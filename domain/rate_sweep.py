"""A range test of learning rates: which rate each step has, when it ends, and what rate it suggests.

Source: Smith, Cyclical Learning Rates for Training Neural Networks (2015, WACV 2017), with the exponential sweep, the
smoothing and the end at four times the best loss that fastai and Lightning have made of it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from domain.rules import between, whole

STEPS = 100
# Fewer points make no curve; more would be a training.
LEAST_STEPS, MOST_STEPS = 20, 10_000
GREATEST_RATE = 10.0  # that a training takes
# So far a sweep reaches to both sides of the rate that a task would take.
REACH = 1_000.0
# Plain gradients have the size of the loss, and say nothing of the size of weights: their rates lie anywhere.
RANGE_OF_SGD = (1e-5, GREATEST_RATE)
SMOOTHING = 0.9
COMPARABLE = 10  # so many losses make a mean that can be compared
DIVERGED = 4.0
# Steps in a row whose loss is not finite: one alone may be a bad row, which changes no weight.
BAD_STEPS = 3
# The deviation of a smoothed loss is this share of that of a single one.
SHARE_OF_NOISE = math.sqrt((1.0 - SMOOTHING) / (1.0 + SMOOTHING))
# Deviations of a smoothed loss between its highest and its lowest: of 600 sweeps of drawn noise alone, of 100 steps
# each, fewer than one in a hundred strayed so far. tests/unit/test_rate_sweep.py.
SURE = 7.0
SLOPE_OVER = 5  # steps
AS_LOW = 2.0  # deviations of a smoothed loss, within which two are alike
# So many times above the rate are where a loss was lowest, and where it began to rise.
MARGIN, KEPT_CLEAR = 4.0, 10.0
MORE_ROWS = "Take more rows in a batch, with --batch-size, or more --steps."


@dataclass(frozen=True)
class RateSweep:
    """Learning rates from `start` to `end` in `steps` updates, each the same multiple of the one before."""

    start: float
    end: float
    steps: int = STEPS

    def rate_at(self, step: float) -> float:
        """Give the learning rate of a step, counted from 0, or of a place between two."""
        return self.start * math.pow(self.end / self.start, step / (self.steps - 1))


def middle_of(step: int) -> float:
    """Give the place of the losses that the smoothed loss of a step is the mean of: some steps before it."""
    left = SMOOTHING ** (step + 1)  # weight that no loss has yet
    return step - SMOOTHING / (1.0 - SMOOTHING) + (step + 1) * left / (1.0 - left)


def usual_range(optimizer: str, rate: float) -> tuple[float, float]:
    """Give the ends of a sweep for an optimizer and the learning rate that the task takes where nothing is said.

    That rate knows what is trained: it is 3e-5 for a pretrained model and 3e-3 for a preset that writes.
    """
    return RANGE_OF_SGD if optimizer == "sgd" else (rate / REACH, min(GREATEST_RATE, rate * REACH))


def faults_of_range(start: float | None, end: float | None, steps: int) -> Iterator[str]:
    """Say which rules the ends and the number of steps break, None standing for an end that is not given."""
    for name, rate in (("--from", start), ("--to", end)):
        if rate is not None:
            yield from between(name, rate, 0.0, GREATEST_RATE, above=True)
    yield from whole("--steps", steps, at_least=LEAST_STEPS)
    if steps > MOST_STEPS:
        yield f"--steps is {steps}, but must be at most {MOST_STEPS:,}. Use {STEPS}, for example."
    if start is not None and end is not None and not start < end:
        yield f"--from is {start:g} and --to is {end:g}, but a sweep rises. Give a --from that is below --to."


@dataclass
class SweptLosses:
    """The losses of a sweep as they come, smoothed, and whether it has diverged.

    A loss is None where it was not finite. `smoothed` is the mean of the losses so far, each with 0.9 times the weight
    of the one behind it; weights sum to 1 from the first step on.
    """

    losses: list[float | None] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)
    diverged: bool = False
    _sum: float = 0.0
    _weight: float = 0.0
    _bad_in_row: int = 0
    _first: float = math.nan
    _best: float = math.inf

    def take_in(self, loss: float) -> None:
        """Take in the loss of the next step."""
        is_finite = math.isfinite(loss)
        self.losses.append(loss if is_finite else None)
        self._bad_in_row = 0 if is_finite else self._bad_in_row + 1
        if is_finite:
            self._sum = SMOOTHING * self._sum + (1.0 - SMOOTHING) * loss
            self._weight = SMOOTHING * self._weight + 1.0 - SMOOTHING
        now = self._sum / self._weight if self._weight else math.nan
        self.smoothed.append(now)
        if is_finite:
            self._best = min(self._best, now)
            self._first = now if math.isnan(self._first) else self._first
        self.diverged = self._bad_in_row >= BAD_STEPS or self._is_far_above(now)

    def _is_far_above(self, now: float) -> bool:
        """Tell whether the loss is four times its best, and above where it began: near zero four times is nothing."""
        return now > DIVERGED * self._best and now > self._first


@dataclass(frozen=True)
class RateFound:
    """What a sweep says: `rate` is the one to train with, None where it says none, and `reason` why, in a sentence.

    The loss fell fastest at `steepest`, was lowest at `lowest`, about as low up to `rising`, and grew without bound at
    `diverged`.
    """

    rate: float | None
    reason: str
    steepest: float | None = None
    lowest: float | None = None
    rising: float | None = None
    diverged: float | None = None


def rate_found(sweep: RateSweep, swept: SweptLosses) -> RateFound:
    """Read a sweep: where the loss fell fastest, or a tenth of where it began to rise, if that is more.

    A loss that falls early and stays low says by its rise alone how far rates may go; one that rises as soon as it has
    fallen is left a quarter of where it was lowest. A smoothed loss is taken for one of the place that `middle_of`
    gives.
    """
    smoothed = swept.smoothed
    end = sweep.rate_at(len(smoothed) - 1)
    diverged = end if swept.diverged else None
    known = [place for place, value in enumerate(smoothed) if math.isfinite(value)]
    if not known:
        return RateFound(None, _never_finite(sweep), diverged=diverged)
    best = min(known, key=lambda place: smoothed[place])
    first = known[0] + COMPARABLE - 1
    if best <= first:
        return RateFound(None, _never_fell(sweep, swept, end), diverged=diverged)
    fall, noise = max(smoothed[first:best]) - smoothed[best], SHARE_OF_NOISE * _deviation(swept.losses[: best + 1])
    if not fall > SURE * noise:
        told = f"the loss fell by {fall:.2g}, which may be no more than what batches differ by."
        return RateFound(None, f"{told} {MORE_ROWS}", diverged=diverged)
    held = max(place for place in known if smoothed[place] <= smoothed[best] + AS_LOW * noise)
    return _suggested(sweep, swept, _steepest(smoothed, first, best), best, held)


def _suggested(sweep: RateSweep, swept: SweptLosses, steepest: int, best: int, held: int) -> RateFound:
    """Choose between the three rates, of a loss that fell for certain; steps are counted from 0."""
    end = sweep.rate_at(len(swept.smoothed) - 1)
    fastest = sweep.rate_at(max(0.0, middle_of(steepest) - SLOPE_OVER / 2))
    told = f"the loss fell fastest at {fastest:.2g}"
    near_end = len(swept.smoothed) - SLOPE_OVER
    if not swept.diverged and steepest >= near_end:
        told = f"the loss fell fastest at the end of the sweep, {end:.2g}. Sweep farther, with a higher --to."
        return RateFound(None, told, fastest)
    if not swept.diverged and held >= near_end:
        rate = max(fastest, end / KEPT_CLEAR)
        what = "the highest rate" if rate == fastest else "the highest rate, of which this is a tenth"
        return RateFound(rounded(rate), f"{told}, and had not risen by {end:.2g}, {what}.", fastest)
    lowest, rising = sweep.rate_at(middle_of(best)), sweep.rate_at(middle_of(held))
    if rising / KEPT_CLEAR > min(fastest, lowest / MARGIN):
        rate, why = rising / KEPT_CLEAR, f"was as low as anywhere up to {rising:.2g}, of which this is a tenth"
    elif fastest <= lowest / MARGIN:
        rate, why = fastest, f"was lowest at {lowest:.2g}"
    else:
        rate, why = lowest / MARGIN, f"was lowest at {lowest:.2g} already, of which this is a quarter"
    diverged = end if swept.diverged else None
    return RateFound(rounded(rate), f"{told}, and {why}.", fastest, lowest, rising, diverged)


def rounded(rate: float) -> float:
    """Give a rate with the two digits that a sweep knows of it."""
    return float(f"{rate:.1e}")


def _steepest(smoothed: Sequence[float], first: int, best: int) -> int:
    """Find where the smoothed loss fell most over a few steps, on its last way down to where it was lowest."""
    top = max(range(first, best), key=lambda place: smoothed[place])
    places = range(min(top + SLOPE_OVER, best), best + 1)
    return min(places, key=lambda place: smoothed[place] - smoothed[place - SLOPE_OVER])


def _deviation(losses: Sequence[float | None]) -> float:
    """Tell how much a loss moves from one batch to the next, by the differences of neighbours."""
    known = [loss for loss in losses if loss is not None]
    squares = [(one - other) ** 2 for one, other in zip(known[1:], known, strict=False)]
    return math.sqrt(sum(squares) / (2 * len(squares))) if squares else 0.0


def _never_finite(sweep: RateSweep) -> str:
    return (
        f"the loss was not finite at {sweep.start:.2g} already, the lowest rate. Rows or model are at fault and no "
        "rate; `athanor train` names the rows of steps that it drops."
    )


def _never_fell(sweep: RateSweep, swept: SweptLosses, end: float) -> str:
    if swept.diverged:
        return f"the loss diverged at {end:.2g}, in step {len(swept.smoothed)}, before it fell. {_wider(swept)}"
    return f"the loss never fell between {sweep.start:.2g} and {end:.2g}. {_wider(swept)}"


def _wider(swept: SweptLosses) -> str:
    return "Begin with a lower --from." if swept.diverged else f"Sweep farther, with a higher --to. {MORE_ROWS}"

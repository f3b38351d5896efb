"""Whether a share of right answers can be told from chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class ShareInterval:
    """A share, the interval that holds the true one with the asked confidence, and the trials behind it."""

    share: float
    low: float
    high: float
    num_effective: float


def binomial_interval(num_right: float, num_trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Give the lowest and the highest probability that agree with `num_right` of `num_trials` independent trials.

    Both counts may be fractions, as the effective counts of overlapping windows are. No trials tell nothing: (0, 1).
    Source: the score interval of Wilson, J. Amer. Statist. Assoc. 22 (1927), without continuity correction.
    """
    assert 0 < confidence < 1, f"confidence is {confidence}, but lies between 0 and 1"
    assert 0 <= num_right <= num_trials, f"{num_right} of {num_trials} is no share"
    if num_trials == 0:
        return 0.0, 1.0
    share = num_right / num_trials
    deviation = NormalDist().inv_cdf((1 + confidence) / 2)
    # Right and wrong answers change places, so one end mirrors the other.
    return _lower_end(share, num_trials, deviation), 1 - _lower_end(1 - share, num_trials, deviation)


def effective_trials(num_trials: int, overlap: int) -> float:
    """Count the independent trials among windows whose targets overlap.

    `overlap` is how many successive windows share a step of their targets: the horizon divided by the stride of the
    windows, rounded up; 1 when no two share any. So many windows count as one, and what there is counts at least once.
    """
    assert num_trials >= 0, f"{num_trials} windows cannot be"
    return min(float(num_trials), max(1.0, num_trials / max(1, overlap)))


def share_interval(share: float, num_trials: int, overlap: int, confidence: float = 0.95) -> ShareInterval:
    """Give the interval around the share of right answers of `num_trials` windows that overlap."""
    num_effective = effective_trials(num_trials, overlap)
    low, high = binomial_interval(share * num_effective, num_effective, confidence)
    return ShareInterval(share, low, high, num_effective)


def beats_chance(accuracy: float, chance: float, num_trials: float, confidence: float = 0.95) -> bool:
    """Tell whether the whole interval around `accuracy` lies above `chance`; `num_trials` are effective ones."""
    low, _ = binomial_interval(accuracy * num_trials, num_trials, confidence)
    return low > chance


def verdict(
    accuracy: float, baselines: Mapping[str, float], num_trials: int, overlap: int, confidence: float = 0.95
) -> str:
    """Say in one sentence whether `accuracy` beats the accuracy of every baseline, cannot be told from it, or is worse.

    What cannot be told from the strongest baseline cannot be told from chance, however weak the others are. The
    baselines count as known numbers: that they were measured on the same windows is not used.
    """
    assert baselines, "a verdict needs a baseline"
    found = share_interval(accuracy, num_trials, overlap, confidence)
    if found.low > max(baselines.values()):
        judgement, named = "beats chance", baselines
    elif found.high < max(baselines.values()):
        judgement = "is worse than guessing"
        named = {name: value for name, value in baselines.items() if value > found.high}
    else:
        judgement = "cannot be told from chance"
        named = {name: value for name, value in baselines.items() if value >= found.low}
    strongest_first = sorted(named.items(), key=lambda item: -item[1])
    against = ", ".join(f"{name} {value:.3f}" for name, value in strongest_first)
    return f"accuracy {accuracy:.3f} ({_in_words(found, confidence)}) {judgement}: {against}."


def _in_words(found: ShareInterval, confidence: float) -> str:
    count = int(found.num_effective)  # down: half a window more would be a boast
    windows = "independent window" if count == 1 else "independent windows"
    return f"{100 * confidence:g} % interval {found.low:.3f} to {found.high:.3f} over {count} {windows}"


def _lower_end(share: float, num_trials: float, deviation: float) -> float:
    # Both ends solve (share - x)^2 = spread * x * (1 - x). The larger root is a sum; the smaller one follows from the
    # product of both, since centre minus half width would lose every digit for a share near zero.
    spread = deviation**2 / num_trials
    centre = share + spread / 2
    half_width = sqrt(spread * (share * (1 - share) + spread / 4))
    return share * share / (centre + half_width)

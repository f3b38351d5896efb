"""How errors grow with the distance of what is forecast."""

from collections.abc import Iterator, Mapping

import numpy as np

from infrastructure.data.some_rows import spread
from infrastructure.reports.page.blocks import Axis, Band, Bar, Bars, Block, Chart, Choice, Line, Paragraph
from infrastructure.tasks.series.page.seen import Seen, points

MAX_STEPS = 48  # each has an interval of its own
_MODEL, _REPEAT = 0, 3
_ERRORS = {"mean absolute error": "of the median", "pinball loss": "mean over the quantiles"}
Sums = tuple[np.ndarray, np.ndarray]  # sums and counts [K, H]


def errors_by_horizon(seen: Seen) -> list[Block]:
    """Set the errors of the model at each horizon beside those of repeating the last value."""
    drawn = spread(len(seen.horizons), MAX_STEPS)
    found = _errors(seen)
    draw = _bars if len(seen.horizons) == 1 else _chart
    views = {name: draw(seen, name, *pair, drawn) for name, pair in found.items()}
    first = next(iter(found.values()))
    told = [Paragraph(sentence) for sentence in _told(seen, *first, drawn)]
    return [*told, Choice("Measured by", views)]


def _errors(seen: Seen) -> Mapping[str, tuple[Sums, Sums]]:
    """Give for each kind of error those of the model and those of repeating the last value."""
    known = seen.known
    units = seen.units[..., None]
    repeat = seen.target.astype(np.float64) - seen.last.astype(np.float64)[..., None]
    both = known & np.isfinite(repeat)
    level = float(np.mean(seen.levels))  # the pinball loss is linear in it
    pinball = np.zeros(known.shape)
    for index, quantile in enumerate(seen.levels):
        short = seen.target.astype(np.float64) - seen.forecast[..., index]
        pinball += np.maximum(quantile * short, (quantile - 1.0) * short) / len(seen.levels)
    repeat_pinball = np.maximum(level * repeat, (level - 1.0) * repeat)
    values = zip((np.abs(seen.errors), pinball), (np.abs(repeat), repeat_pinball), strict=True)
    return {
        name: (_sums(ours * units, known), _sums(theirs * units, both))
        for name, (ours, theirs) in zip(_ERRORS, values, strict=True)
    }


def _sums(values: np.ndarray, known: np.ndarray) -> Sums:
    return np.sum(values, axis=1, where=known), known.sum(axis=1)


def _means(pair: Sums) -> np.ndarray:
    sums, counts = (values.sum(axis=0) for values in pair)
    return np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)


def _told(seen: Seen, model: Sums, repeat: Sums, drawn: np.ndarray) -> Iterator[str]:
    """Say where the model is better than repeating the last value, beyond what other windows would change."""
    both = (model[1] > 0) & (repeat[1] > 0)
    sums = np.where(both, model[0] / np.maximum(model[1], 1) - repeat[0] / np.maximum(repeat[1], 1), 0.0)
    better: list[int] = []
    worse: list[int] = []
    unsure: list[int] = []
    for step in drawn.tolist():
        interval = seen.interval(sums[:, step], both[:, step].astype(np.float64))
        kind = (
            unsure if not interval.is_known else better if interval.high < 0 else worse if interval.low > 0 else unsure
        )
        kind.append(int(seen.horizons[step]))
    every, no = ("At every step ahead the", "At no step ahead") if len(drawn) > 1 else ("The", "In no way")
    if len(better) == len(drawn):
        yield f"{every} median is closer than the last value, beyond what other windows would change."
    elif not better and not worse:
        yield f"{no} can the median be told from repeating the last value by these windows."
    else:
        parts = (("closer", better), ("farther off", worse), ("not to be told apart", unsure))
        told = [f"{words} {_steps(seen, steps)}" for words, steps in parts if steps]
        yield f"Beside the last value the median is {'; '.join(told)}."


def _steps(seen: Seen, steps: list[int]) -> str:
    if len(steps) == 1:
        return f"{steps[0]} step{'s' * (steps[0] > 1)} ahead"
    drawn = seen.horizons[spread(len(seen.horizons), MAX_STEPS)].tolist()
    follow = drawn[drawn.index(steps[0]) : drawn.index(steps[-1]) + 1]
    return f"{steps[0]} to {steps[-1]} steps ahead" if follow == steps else f"at {len(steps)} of {len(drawn)} steps"


def _chart(seen: Seen, name: str, model: Sums, repeat: Sums, drawn: np.ndarray) -> Chart:
    steps = seen.horizons[drawn].astype(float).tolist()
    ends = [seen.interval(model[0][:, step], model[1][:, step]) for step in drawn.tolist()]
    ours, theirs = (points(_means(pair)[drawn]) for pair in (model, repeat))
    lines = [Line("this model", steps, ours, _MODEL), Line("repeat last", steps, theirs, _REPEAT, "dashed")]
    if len(steps) <= 24:
        lines.append(Line("", steps, ours, _MODEL, "dots"))
    lows, highs = (points(np.array([interval[side] for interval in ends])) for side in (0, 1))
    bands = [Band("95 % interval", steps, lows, highs, _MODEL)] if any(low is not None for low in lows) else []
    title = f"{name.capitalize()} by steps ahead"
    summary = f"{title}: {ours[0]} at the first step and {ours[-1]} at the last; repeating the last value {theirs[-1]}."
    y = Axis(f"{name} ({_ERRORS[name]}), {seen.unit}")
    return Chart(title, Axis("steps ahead"), y, lines, summary, bands)


def _bars(seen: Seen, name: str, model: Sums, repeat: Sums, drawn: np.ndarray) -> Bars:
    bars = []
    for rival, pair, hue in (("this model", model, _MODEL), ("repeat last", repeat, _REPEAT)):
        value = float(_means(pair)[0])
        interval = seen.interval(pair[0][:, 0], pair[1][:, 0])
        low, high = interval if interval.is_known else (None, None)
        bars.append(Bar(rival, value if np.isfinite(value) else None, low, high, hue))
    return Bars(f"{name.capitalize()} ({_ERRORS[name]}), {seen.unit}", bars)

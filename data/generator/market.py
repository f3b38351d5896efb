"""Simulate five-minute bars of an instrument that does not exist: volatility one can predict, a direction one cannot.

The only randomness is whole words of a PCG64 stream, which numpy promises never to change. A price step counts the
heads among the 64 coins of a word; after that there is nothing but sums, products, quotients and square roots, which
IEEE 754 fixes to the last bit. So the file has the same bytes on every machine, which no `exp`, `log` or
`Generator.normal` could promise.
"""

from datetime import date, datetime, time, timedelta
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FIRST_DAY = date(2021, 1, 4)
OPENING = time(9, 30)
BAR = timedelta(minutes=5)
SESSIONS = 260
BARS = 78  # 09:30 to 16:00
FIRST_PRICE = 100.0

# Sizes are those of a bar's standard deviation, or multiples of it.
SIGMA = 0.001
OVERNIGHT = 4.0
REGIMES = ("calm", "normal", "turbulent")
LEVELS = (0.5, 1.0, 2.2)
# The chance of each regime for the next bar, by the present one: episodes of 167, 167 and 83 bars on average.
TRANSITIONS = ((0.994, 0.006, 0.0), (0.003, 0.994, 0.003), (0.0, 0.012, 0.988))
# How much of a bar's surprise, and of the heat before it, stays in the next one; the rest draws it back to one.
SURPRISE, MEMORY = 0.08, 0.88

# A session from its first bar (x = 0) to its last (1), as a + b x + c x²: high, low after noon, up again at the close.
VOLATILITY_SHAPE = (1.8, -3.8, 3.3)
VOLUME_SHAPE = (2.0, -4.6, 4.2)
VOLUME = 20_000.0

STEPS = 10  # of thirty seconds
COINS = 64
HEADS_DEVIATION = sqrt(COINS) / 2
# A bar's words: its steps, then one each for the gap before it, for its volume and for its regime.
GAP, NOISE, REGIME = STEPS, STEPS + 1, STEPS + 2
WORDS = STEPS + 3

Words = NDArray[np.uint64]


class Bar(NamedTuple):
    """Five minutes of trading, stamped by their beginning; `regime` is hidden, it is not written."""

    time: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int
    regime: int


def market_bars(seed: int) -> list[Bar]:
    """Simulate 260 sessions; the same ones for the same seed."""
    return simulate(drawn_words(seed))


def drawn_words(seed: int) -> Words:
    """Draw the words of every bar, [bars, WORDS]."""
    words: Words = np.random.PCG64(seed).random_raw(SESSIONS * BARS * WORDS).reshape(-1, WORDS)
    return words


def simulate(words: Words) -> list[Bar]:
    """Turn words [bars, WORDS] into bars.

    Volatility hears of a return's size and never of its sign. So turning every coin of the steps and gaps around
    mirrors the prices (p becomes 100²/p) and leaves all volatilities and volumes as they are: both futures are
    equally likely, whatever the past was.
    """
    heads = np.bitwise_count(words[:, :REGIME]).astype(np.int64) - COINS // 2
    paths = (np.cumsum(heads[:, :STEPS], axis=1) / (HEADS_DEVIATION * sqrt(STEPS))).tolist()
    gaps, noises = (heads[:, (GAP, NOISE)].T / HEADS_DEVIATION).tolist()
    chances = ((words[:, REGIME] >> np.uint64(11)) * 2.0**-53).tolist()
    stamps, volatility, volume = session_stamps(), in_session(VOLATILITY_SHAPE), in_session(VOLUME_SHAPE)

    bars: list[Bar] = []
    price, heat, regime = FIRST_PRICE, 1.0, REGIMES.index("normal")
    for index, (path, gap, noise, chance) in enumerate(zip(paths, gaps, noises, chances, strict=True)):
        position = index % BARS
        regime = next_regime(regime, chance)
        level = LEVELS[regime] * sqrt(heat)
        if index and position == 0:
            price = moved(price, SIGMA * OVERNIGHT * level * gap)
        sigma = SIGMA * volatility[position] * level
        prices = [price, *(moved(price, sigma * distance) for distance in path)]
        traded = VOLUME * volume[position] * traded_share(level, abs(path[-1]), noise)
        shares = max(1, round(traded))
        bars.append(Bar(stamps[index], price, max(prices), min(prices), prices[-1], shares, regime))
        price = prices[-1]
        heat = (1.0 - SURPRISE - MEMORY) + heat * (MEMORY + SURPRISE * path[-1] * path[-1])
    return bars


def session_stamps() -> list[datetime]:
    """List the beginning of every bar: every weekday is a session, holidays are not invented."""
    days = (FIRST_DAY + timedelta(days=number) for number in range(SESSIONS * 7 // 5))
    openings = (datetime.combine(day, OPENING) for day in days if day.weekday() < 5)
    return [opening + BAR * position for opening in openings for position in range(BARS)]


def in_session(shape: tuple[float, float, float]) -> list[float]:
    """Evaluate a shape at each bar of a session."""
    constant, slope, bend = shape
    return [constant + x * (slope + x * bend) for x in (position / (BARS - 1) for position in range(BARS))]


def next_regime(regime: int, chance: float) -> int:
    """Take one step of the chain; `chance` is uniform in [0, 1)."""
    calm, normal, _ = TRANSITIONS[regime]
    return int(chance >= calm) + int(chance >= calm + normal)


def moved(price: float, change: float) -> float:
    """Move a price so that a fall undoes the rise of the same size: log prices are symmetric, there is no drift."""
    return price * (1.0 + change) if change >= 0 else price / (1.0 - change)


def traded_share(level: float, surprise: float, noise: float) -> float:
    """Say how many times its usual volume a bar trades: more when volatile, more when the price has moved."""
    luck = 1.0 + 0.2 * noise
    return (0.4 + 0.3 * level + 0.3 * level * surprise) * luck * luck


def write_bars(path: Path, bars: list[Bar]) -> None:
    """Write the bars as CSV, prices to four decimals; rounding keeps low <= open, close <= high."""
    lines = [f"{bar.time},{bar.open:.4f},{bar.high:.4f},{bar.low:.4f},{bar.close:.4f},{bar.volume}\n" for bar in bars]
    path.write_bytes("".join(["time,open,high,low,close,volume\n", *lines]).encode("ascii"))

"""What a model may know of a market at each row, and which way the market went afterwards.

Row i of whatever is computed here depends on rows up to i alone; only `directions` looks ahead, and says so.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

from domain.exceptions import DatasetError
from infrastructure.data.files.formats import ending_of
from infrastructure.data.files.row import MAX_FAULTS_SHOWN
from infrastructure.data.series.sessions import ends_elsewhere

DIRECTIONS = ("down", "flat", "up")
DOWN, FLAT, UP = range(3)
UNKNOWN = -1

CLOSE_NAMES = ("close", "adjclose", "adjustedclose", "closing", "price", "last", "c", "settle", "settlement")
OPEN_NAMES = ("open", "o")
HIGH_NAMES = ("high", "h")
LOW_NAMES = ("low", "l")
VOLUME_NAMES = ("volume", "vol", "v", "tickvolume", "tickvol")

# Adjusted and averaged prices carry rounding: a bar that contradicts itself by less than this is taken as it is.
ROUNDING = 1e-6


@dataclass(frozen=True)
class MarketColumns:
    """Places of the columns of a market in its table; None for what the table lacks."""

    open: int | None
    high: int | None
    low: int | None
    close: int
    volume: int | None


def market_columns(names: Sequence[str], price_column: str | None = None) -> MarketColumns:
    """Find the columns of a market by their names, whatever their case, spaces and signs.

    Open, high and low must be of the same kind as the close: next to `Adj Close` only `Adj Open` will do, next to
    `BTC_close` only `BTC_open`. A plain open beside an adjusted close would show a gap at every row.
    Raises: DatasetError that names the columns when none or several could be the close.
    """
    plain = [_plain(name) for name in names]
    close = _close_column(names, plain, price_column)
    before, word, after = plain[close].partition("close")
    kind = (before, after) if word else ("", "")

    def place(words: tuple[str, ...]) -> int | None:
        wanted = (kind[0] + word + kind[1] for word in words)
        return next((plain.index(name) for name in wanted if name in plain and plain.index(name) != close), None)

    volume = place(VOLUME_NAMES)
    if volume is None:  # few tables adjust their volume, and its changes mean the same either way
        volume = next(
            (plain.index(name) for name in VOLUME_NAMES if name in plain and plain.index(name) != close), None
        )
    return MarketColumns(place(OPEN_NAMES), place(HIGH_NAMES), place(LOW_NAMES), close, volume)


def refuse_unusable_prices(
    values: np.ndarray, columns: MarketColumns, path_name: str, time_of: Callable[[int], str] | None = None
) -> None:
    """Refuse a table whose prices cannot be: values [N, C], NaN where a cell is empty.

    `time_of` gives the stamp of a row where the rows are no longer in the order of the file.
    Raises: DatasetError with the first rows at fault and how many there are, each with that stamp; without it, with
        its line in a CSV or its number from 1 in another file.
    """
    at_fault = np.zeros(len(values), dtype=bool)
    for _, is_wrong in _price_rules(values, columns):
        at_fault |= is_wrong
    count = int(at_fault.sum())
    if not count:
        return
    shown = np.flatnonzero(at_fault)[:MAX_FAULTS_SHOWN]
    place = _line_of(path_name) if time_of is None else lambda row: f", {time_of(row)}"
    sentences = [_fault_of(values[row], columns, f"{path_name}{place(int(row))}") for row in shown]
    rows = "1 row has a price" if count == 1 else f"{count} rows have prices"
    more = f" (the first {len(shown)} are shown)" if count > len(shown) else ""
    remedy = "Correct or remove them, or name another column with --set price_column=NAME."
    raise DatasetError.of([*sentences, f"{path_name}: {rows} that cannot be{more}. {remedy}"])


def market_features(
    values: np.ndarray, columns: MarketColumns, volatility_window: int, sessions: np.ndarray | None = None
) -> tuple[tuple[str, ...], np.ndarray]:
    """Compute what a window may see of each row: names and features [N, F] float64.

    `values` is [N, C] float64, NaN where missing. All features but the volume's are differences of log prices, so a
    change of currency leaves them as they are. NaN where a feature cannot be computed: the first rows, missing cells,
    the logarithm of no volatility at all. A feature whose columns are missing is left out. `sessions` are as in
    `realised_volatility`: a change between two of them is seen, and makes no volatility.
    """
    close = _log(values[:, columns.close])
    # Computed one after the other: all at once would take the table's memory again and again.
    compute: dict[str, Callable[[], np.ndarray]] = {"log_return": lambda: _changes(close)}
    if (opening := columns.open) is not None:
        compute["gap"] = lambda: _gaps(_log(values[:, opening]), close)
        compute["body"] = lambda: close - _log(values[:, opening])
    if (high := columns.high) is not None and (low := columns.low) is not None:
        compute["range"] = lambda: _log(values[:, high]) - _log(values[:, low])
    if (volume := columns.volume) is not None:
        compute["volume_change"] = lambda: _changes(_log_of_volume(values[:, volume]))
    compute["log_volatility"] = lambda: _log(realised_volatility(close, volatility_window, sessions))
    features = np.empty((len(values), len(compute)))
    for place, feature in enumerate(compute.values()):
        features[:, place] = feature()
    return tuple(compute), features


def realised_volatility(
    log_prices_or_values: np.ndarray, window: int, sessions: np.ndarray | None = None
) -> np.ndarray:
    """Give the root mean square of the last `window` one-step changes, [N] or [N, C] as the values are.

    A change is observed when both its values are, and finite. What is missing is passed over: row i looks at the last
    `window` changes observed up to i, however far back they lie, and a row without a value repeats the row before.
    NaN until `window` changes were observed. With the `sessions` [N] of rows a change from one to another is passed
    over too: a night is no step. Unit: that of the values, per step.
    """
    assert window >= 1, f"a window of {window} changes cannot be"
    values = np.asarray(log_prices_or_values, dtype=np.float64)
    if values.ndim == 1:
        return _volatility_of_one(values, window, sessions)
    result = np.empty(values.shape)
    for column in range(values.shape[1]):
        result[:, column] = _volatility_of_one(values[:, column], window, sessions)
    return result


def directions(
    close: np.ndarray, horizon: int, dead_band: float, volatility: np.ndarray, sessions: np.ndarray | None = None
) -> np.ndarray:
    """Say where the price stands `horizon` rows after each row: an index of DIRECTIONS, or UNKNOWN; int8 [N].

    Flat when the log return is at most `dead_band` * volatility * sqrt(horizon) in size, the way a random walk spreads.
    `volatility` [N] is known at the row itself. Unknown without a price at either end or a volatility, and so for the
    last `horizon` rows; with the `sessions` [N] of rows where the later row is of another one, too.
    """
    assert horizon >= 1, f"a horizon of {horizon} rows cannot be"
    assert dead_band >= 0, f"a dead band of {dead_band} cannot be"
    labels = np.full(len(close), UNKNOWN, dtype=np.int8)
    if len(close) <= horizon:
        return labels
    price = np.where(_is_price(close), close, np.nan)
    # The logarithm of the ratio, since the difference of two logarithms loses the digits of a small return.
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        returns = np.log(price[horizon:] / price[:-horizon])
        band = (dead_band * sqrt(horizon)) * volatility[:-horizon]
    known = np.isfinite(returns) & np.isfinite(band)
    labels[:-horizon] = np.where(returns > band, UP, np.where(returns < -band, DOWN, FLAT))
    labels[:-horizon][~known] = UNKNOWN
    if sessions is not None:
        labels[ends_elsewhere(sessions, horizon)] = UNKNOWN
    return labels


def past_directions(
    close: np.ndarray, horizon: int, dead_band: float, volatility: np.ndarray, sessions: np.ndarray | None = None
) -> np.ndarray:
    """Give each row the latest direction that is known at it, int8 [N]: the forecast that things go on as they did.

    That is the direction of `horizon` rows before, with the volatility known then; unknown for the first ones, and
    where `sessions` are given for those of each session.
    """
    labels = np.full(len(close), UNKNOWN, dtype=np.int8)
    labels[horizon:] = directions(close, horizon, dead_band, volatility, sessions)[:-horizon]
    return labels


def _plain(name: str) -> str:
    # "<CLOSE>", "4. close" and "Close Price" all mean the close.
    letters = re.sub(r"[\W_]", "", re.sub(r"^\s*\d+\.", "", name)).lower()
    return letters.removesuffix("price") or letters


def _close_column(names: Sequence[str], plain: Sequence[str], price_column: str | None) -> int:
    listed = ", ".join(map(repr, names)) or "none"
    if price_column is not None:
        if price_column in names:
            return names.index(price_column)
        found = [place for place, name in enumerate(names) if name.strip().lower() == price_column.strip().lower()]
        problem = f"price_column is {price_column!r}, but the columns of numbers are {listed}."
    else:
        exact = next((word for word in CLOSE_NAMES if word in plain), None)
        found = [i for i, name in enumerate(plain) if (name == exact if exact else "close" in name)]
        several = ", ".join(repr(names[place]) for place in found)
        problem = f"Which column holds the price? {several or 'None'} could, of the columns of numbers {listed}."
    if len(found) != 1:
        raise DatasetError(problem, remedy="Name it with --set price_column=NAME.")
    return found[0]


def _price_rules(values: np.ndarray, columns: MarketColumns) -> Iterator[tuple[str, np.ndarray]]:
    """Give each rule with the rows [N] that break it; comparisons with NaN are false, so a missing cell breaks none."""
    column = {name: place for name, place in vars(columns).items() if place is not None}
    for name in ("open", "high", "low", "close"):
        if name in column:
            price = values[:, column[name]]
            yield f"{name} is {{{name}}}, but a price must be above zero and finite", (price <= 0) | np.isinf(price)
    close = values[:, column["close"]]
    if "high" in column:
        high = values[:, column["high"]]
        yield "close {close} is above high {high}", _exceeds(close, high)
    if "low" in column:
        low = values[:, column["low"]]
        yield "close {close} is below low {low}", _exceeds(low, close)
    if "high" in column and "low" in column:
        yield "high {high} is below low {low}", _exceeds(low, high)
    if "volume" in column:
        yield "volume is {volume}, but cannot be negative", values[:, column["volume"]] < 0


def _exceeds(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    # Factors and no difference: two infinite cells would differ by NaN.
    return upper > np.maximum(lower * (1 + ROUNDING), lower * (1 - ROUNDING))


def _fault_of(row: np.ndarray, columns: MarketColumns, where: str) -> str:
    cells = {name: f"{row[place]:.10g}" for name, place in vars(columns).items() if place is not None}
    broken = [rule.format(**cells) for rule, is_wrong in _price_rules(row[np.newaxis], columns) if is_wrong[0]]
    return f"{where}: {'; '.join(broken)}."


def _line_of(path_name: str) -> Callable[[int], str]:
    # A CSV file counts its lines from 1 and begins with the names.
    is_text = ending_of(Path(path_name)) in (".csv", ".tsv", "")
    return lambda row: f":{row + 2}" if is_text else f": row {row + 1}"


def _is_price(values: np.ndarray) -> np.ndarray:
    return (values > 0) & np.isfinite(values)


def _log(values: np.ndarray) -> np.ndarray:
    """Take the logarithm where there is a finite one, NaN elsewhere."""
    return np.log(values, where=_is_price(values), out=np.full(len(values), np.nan))


def _log_of_volume(volume: np.ndarray) -> np.ndarray:
    usable = (volume >= 0) & np.isfinite(volume)
    return np.log1p(volume, where=usable, out=np.full(len(volume), np.nan))


def _gaps(opening: np.ndarray, close: np.ndarray) -> np.ndarray:
    gaps = np.full_like(close, np.nan)
    np.subtract(opening[1:], close[:-1], out=gaps[1:])
    return gaps


def _changes(values: np.ndarray) -> np.ndarray:
    return np.diff(values, prepend=np.nan)


def _volatility_of_one(values: np.ndarray, window: int, sessions: np.ndarray | None) -> np.ndarray:
    # Huge and infinite values overflow here on purpose: what is not finite afterwards counts as missing.
    with np.errstate(over="ignore", invalid="ignore"):
        squares = _changes(values)
        squares *= squares
    if sessions is not None:
        squares[1:][sessions[1:] != sessions[:-1]] = np.nan
    observed = np.isfinite(squares)
    result = np.full(len(values), np.nan)
    num_observed = int(observed.sum())
    if num_observed < window:
        return result
    # Divided before they are summed, for the mean of what fits is one that fits.
    means = _sums_of_last(squares[observed] / window, window)
    count = np.cumsum(observed)  # how many changes each row has seen
    enough = count >= window
    result[enough] = np.sqrt(means[count[enough] - window])
    return result


def _sums_of_last(values: np.ndarray, window: int) -> np.ndarray:
    """Sum every `window` neighbours of [N] values, which gives [N - window + 1], in two passes for any window.

    Nothing is subtracted, as it is in a difference of running sums, where one large value wipes out the small ones
    after it for good. The values are cut into blocks of `window`; a sum is the tail of one block and the head of the
    next. Source: the blocks of van Herk, Pattern Recognition Letters 13 (1992), made for maxima.
    """
    num_sums = len(values) - window + 1
    num_blocks = -(-len(values) // window)
    blocks = np.zeros((num_blocks, window))
    blocks.reshape(-1)[: len(values)] = values
    heads = np.cumsum(blocks, axis=1).reshape(-1)[window - 1 :][:num_sums]
    tails = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1].reshape(-1)[:num_sums]
    # A sum that begins where a block begins is that block alone, and its head holds all of it.
    tails[::window] = 0
    return heads + tails

"""Public holidays of countries and of parts of them, as the package `holidays` knows them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import util
from types import ModuleType

import numpy as np

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.clock.stamps import DAY

NEAR = 7  # days from which on a holiday is felt
FEATURES = 3  # of each place
MOST_PARTS_TOLD = 60


@dataclass(frozen=True)
class Holidays:
    """The public holidays of `places`, such as DE or DE-BY; where several are named, each has features of its own.

    `version` is that of the package, and `digest` that of the dates which it gives for the years of the training part,
    `first` to `last`: another version may give others.
    """

    places: tuple[str, ...]
    version: str
    first: int
    last: int
    digest: str

    @classmethod
    def of(cls, places: Sequence[str], stamps: np.ndarray) -> "Holidays":
        """Look up the holidays of places in the years of stamps [N], in microseconds.

        Raises: ConfigurationError for an unknown place, and without the package; DatasetError for an unknown year.
        """
        version = _package().__version__
        first, last = _years(stamps)
        return cls(tuple(places), version, first, last, _digest(places, first, last))

    @property
    def width(self) -> int:
        """Number of features."""
        return FEATURES * len(self.places)

    def columns(self, stamps: np.ndarray) -> Iterator[np.ndarray]:
        """Give the features of stamps [N] on the wall clock of the table, [N] each, for one place after the other.

        Whether the day is a holiday, how near the next one is, and how near the last: 1 on the day itself, 6/7 a day
        away, 0 a week away and farther. Each depends on its own stamp alone, and is known as far ahead as the clock is.
        """
        days = stamps // DAY
        first, last = _years(stamps)
        for place in self.places:
            known = _days_around(place, first, last)
            behind = np.searchsorted(known, days, side="right")  # holidays up to the day itself
            ahead = np.searchsorted(known, days, side="left")
            # A holiday out of reach at each end, so that every day lies between two.
            padded = np.concatenate([[days.min() - NEAR], known, [days.max() + NEAR]])
            yield (behind > ahead).astype(np.float64)
            yield np.clip(1.0 - (padded[ahead + 1] - days) / NEAR, 0.0, 1.0)
            yield np.clip(1.0 - (days - padded[behind]) / NEAR, 0.0, 1.0)

    def told(self) -> str:
        """Say that the installed package gives other dates for the years of the training; empty where it does not."""
        version, years = _package().__version__, f"{self.first}" + f" to {self.last}" * (self.last > self.first)
        if version == self.version or _digest(self.places, self.first, self.last) == self.digest:
            return ""
        return (
            f"the model learnt from the public holidays of {', '.join(self.places)} as they are in holidays"
            f" {self.version}; holidays {version}, which is installed, has other dates for {years}."
        )


def _package() -> ModuleType:
    if util.find_spec("holidays") is None:
        raise ConfigurationError(
            "public holidays are asked for, but this Python has no package that knows them.",
            remedy="Run: pip install 'athanor[holidays]', or leave holidays out.",
        )
    import holidays

    return holidays


def _years(stamps: np.ndarray) -> tuple[int, int]:
    ends = np.array([stamps.min(), stamps.max()]).astype("datetime64[us]").astype("datetime64[Y]")
    first, last = (ends.astype(np.int64) + 1970).tolist()
    return first, last


def _digest(places: Sequence[str], first: int, last: int) -> str:
    days = [(place, _days(place, year)) for place in places for year in range(first, last + 1)]
    return hashlib.sha256(repr(days).encode()).hexdigest()[:16]


def _days_around(place: str, first: int, last: int) -> np.ndarray:
    """Give the holidays of some years, and of those beside them as far as they are known, ascending, as days."""
    low, high = _known_years(place)
    around = range(max(low, first - 1), min(high, last + 1) + 1)
    _ = [_days(place, year) for year in (first, last)]  # those must be known
    return np.array(sorted({day for year in around for day in _days(place, year)}), dtype=np.int64)


@lru_cache(maxsize=4096)
def _days(place: str, year: int) -> tuple[int, ...]:
    """Give the holidays of a year, ascending, as days since 1970. Raises: DatasetError for a year nobody knows."""
    low, high = _known_years(place)
    if not low <= year <= high:
        raise DatasetError(
            f"the table has rows of {year}, but holidays {_package().__version__} knows the public holidays of {place}"
            f" from {low} to {high}.",
            remedy="Leave holidays out, or leave out the rows of other years.",
        )
    country, _, part = place.partition("-")
    found = _package().country_holidays(country, subdiv=part or None, years=year)
    # Some are observed in the year beside their own.
    return tuple(sorted({int(np.datetime64(day, "D").astype(np.int64)) for day in found}))


@lru_cache(maxsize=256)
def _known_years(place: str) -> tuple[int, int]:
    """Give the first and the last year of a place. Raises: ConfigurationError for a place nobody knows."""
    package = _package()
    country, _, part = place.partition("-")
    if country not in package.list_supported_countries():
        raise ConfigurationError(
            f"holidays names {country}, which is no country that holidays {package.__version__} knows.",
            remedy="Write two capital letters, such as DE, FR or US, and a part behind a hyphen: DE-BY is Bavaria.",
        )
    try:
        found = package.country_holidays(country, subdiv=part or None)
    except NotImplementedError as error:
        parts = package.list_supported_countries()[country]
        choice = f"Choose among {', '.join(parts[:MOST_PARTS_TOLD])}, or say" if parts else "Say"
        raise ConfigurationError(
            f"holidays names {place}, but {country} has no part {part}.", remedy=f"{choice} {country} for all of it."
        ) from error
    return found.start_year, found.end_year

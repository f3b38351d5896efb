"""A chain of shops that does not exist: its shops, its products, its holidays."""

from datetime import date, timedelta
from typing import NamedTuple

FIRST_DAY, LAST_DAY = date(2021, 1, 1), date(2023, 12, 31)
DAYS = tuple(FIRST_DAY + timedelta(days=number) for number in range((LAST_DAY - FIRST_DAY).days + 1))
# Each year; an invented calendar, like the country that keeps it.
HOLIDAYS = ((1, 1), (3, 8), (5, 1), (6, 21), (8, 15), (10, 3), (11, 1), (12, 25), (12, 26))
CLOSED_ON_SUNDAYS = ("north", "west")  # and on holidays


class Shop(NamedTuple):
    """A shop: `size` in square metres, its first and last day, and days [first, last] of which nothing is known."""

    name: str
    region: str
    size: int
    opened: date = FIRST_DAY
    closed: date = LAST_DAY
    unknown: tuple[date, date] | None = None


class Product(NamedTuple):
    """A product.

    `sales` are those of a usual day in a shop of 200 square metres, `price` the first one, in cents. `week` has a
    factor for each day from Monday on. `summer` is the share by which July is above the mean and January below it. A
    price that is lower by a share s sells 1 + `response` · s times as much.
    """

    name: str
    category: str
    sales: float
    price: int
    week: tuple[float, ...]
    summer: float
    response: float


SHOPS = (
    Shop("Alder Street", "north", 120),
    Shop("Birch Lane", "north", 260, unknown=(date(2022, 5, 9), date(2022, 6, 12))),
    Shop("Castle Square", "north", 640),
    Shop("Dock Road", "north", 180, opened=date(2022, 3, 14)),
    Shop("East Gate", "east", 300),
    Shop("Ferry Quay", "east", 90),
    Shop("Glass Works", "east", 820),
    Shop("Harbour View", "east", 210, closed=date(2022, 11, 30)),
    Shop("Iron Bridge", "south", 150),
    Shop("Jubilee Park", "south", 420, unknown=(date(2023, 2, 6), date(2023, 2, 19))),
    Shop("King's Mill", "south", 240),
    Shop("Linden Court", "south", 330, opened=date(2022, 10, 3)),
    Shop("Market Hall", "west", 700),
    Shop("North Star", "west", 110),
    Shop("Orchard Way", "west", 280),
    Shop("Poplar Hill", "west", 200, opened=date(2023, 6, 5)),
    Shop("Quarry Bank", "east", 190, opened=date(2023, 12, 11)),
)
PRODUCTS = (
    Product("bread", "food", 85.0, 340, (0.95, 0.85, 0.90, 0.95, 1.15, 1.45, 0.75), -0.05, 1.5),
    Product("ice cream", "food", 24.0, 480, (0.80, 0.80, 0.85, 0.95, 1.15, 1.40, 1.25), 0.70, 3.5),
    Product("coffee", "food", 6.0, 790, (1.05, 0.90, 0.90, 0.95, 1.10, 1.25, 0.85), -0.20, 6.0),
    Product("lamp", "home", 0.4, 3900, (0.70, 0.75, 0.80, 0.90, 1.20, 1.80, 0.95), -0.45, 4.0),
)


def is_holiday(day: date) -> bool:
    """Tell whether a day is a holiday."""
    return (day.month, day.day) in HOLIDAYS


def is_open(shop: Shop, day: date) -> bool:
    """Tell whether a shop sells on a day between its first and its last."""
    return shop.region not in CLOSED_ON_SUNDAYS or not (day.weekday() == 6 or is_holiday(day))

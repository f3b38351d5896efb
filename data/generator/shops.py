"""Simulate what the shops of an invented chain sell each day, of each product, at prices and in campaigns.

As in `market.py` the only randomness is whole words of a PCG64 stream, followed by counting, sums, products, quotients
and square roots, which every machine rounds alike.
"""

import gzip
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.generator.chain import DAYS, FIRST_DAY, PRODUCTS, SHOPS, Product, Shop, is_holiday, is_open

Numbers = NDArray[np.float64]
Words = NDArray[np.uint64]

WEEKS = len(DAYS) // 7 + 2
CAMPAIGN = 0.16  # chance of a product to have one in a week that follows one without
TAKES_PART = 0.85  # chance of a shop to take part in it
DISCOUNTS = (0.1, 0.2, 0.3)
STOCKED_UP = 0.9  # what is sold in the week behind a campaign
RAISES = ((date(2022, 3, 1), 1.04), (date(2023, 3, 1), 1.06))  # prices of all products
BEFORE_CLOSED, ON_HOLIDAY = 1.35, 1.3
MOOD_MEMORY, MOOD, WEATHER = 0.95, 0.12, 0.07  # of a shop, in all its products
OWN_NOISE = 0.06  # of a product in a shop
LOST = 0.011  # chance of a day whose report never came
RAMP = 80  # days until a new shop sells as much as it ever will
TRIALS = 64  # of a count that is small
LARGE = 14.0  # means from here on count by a bell
BELL = 3  # words of a bell, four uniform numbers each


class Sale(NamedTuple):
    """A day of a product in a shop; `price` in cents, `mean` is what `sales` are drawn about, which is not written."""

    day: date
    shop: Shop
    product: Product
    sales: int
    price: int
    promotion: bool
    mean: float


class Draws(NamedTuple):
    """Words of all that is left to chance: S shops, P products, D days, W weeks.

    Those of days come day by day, so that what is drawn for later days changes no earlier one.
    """

    levels: Words  # [S, P, 2]: of the level and of the trend
    campaigns: Words  # [W, P, 2 + S]: whether there is one, its discount, who takes part
    of_shops: Words  # [D, S, 2 BELL + 1]: mood, weather, whether the report came
    of_sales: Words  # [D, S, P, 2 BELL + 1]: own noise, the bell of a large count, the chance of a small one


def shop_sales(seed: int) -> list[Sale]:
    """Simulate three years of all shops; the same for the same seed."""
    return simulate(drawn(seed))


def drawn(seed: int) -> Draws:
    """Draw the words of all days."""
    shops, products, days = len(SHOPS), len(PRODUCTS), len(DAYS)
    shapes = (
        (shops, products, 2),
        (WEEKS, products, 2 + shops),
        (days, shops, 2 * BELL + 1),
        (days, shops, products, 2 * BELL + 1),
    )
    stream = np.random.PCG64(seed)
    return Draws(*(stream.random_raw(int(np.prod(shape))).reshape(shape) for shape in shapes))


def simulate(draws: Draws) -> list[Sale]:
    """Turn words into sales, shop by shop and product by product, in the order of days."""
    moods, weather, came = _of_shops(draws.of_shops)
    discounts, dips = _campaigns(draws.campaigns)
    raises = np.array([_raised(day) for day in DAYS])
    wave = np.array([_wave(day) for day in DAYS])
    weekdays = np.array([day.weekday() for day in DAYS])
    sales: list[Sale] = []
    for s, shop in enumerate(SHOPS):
        occasion = np.array([_occasion(shop, day) for day in DAYS])
        there = np.array([_is_known(shop, day) for day in DAYS]) & came[:, s]
        for p, product in enumerate(PRODUCTS):
            level, trend = uniform(draws.levels[s, p])
            # Each shop has its own customers: 0.7 to 1.3 of what its size says, and more or fewer with the years.
            mean = product.sales * (shop.size / 200.0) * (0.7 + 0.6 * level) * np.ones(len(DAYS))
            mean *= 1.0 + (0.24 * trend - 0.10) * (np.arange(len(DAYS)) / 365.0)
            mean *= np.array(product.week)[weekdays] * (1.0 + product.summer * wave) * occasion
            mean *= (1.0 + product.response * discounts[:, p, s]) * dips[:, p, s]
            mean *= (
                moods[:, s] * weather[:, s] * np.maximum(0.3, 1.0 + OWN_NOISE * bell(draws.of_sales[:, s, p, :BELL]))
            )
            counts = counted(mean, bell(draws.of_sales[:, s, p, BELL:-1]), uniform(draws.of_sales[:, s, p, -1]))
            regular = np.rint(product.price * (0.95 + 0.1 * level) * raises / 5.0) * 5.0
            prices = np.rint(regular * (1.0 - discounts[:, p, s]))
            sales += [
                Sale(
                    DAYS[d], shop, product, int(counts[d]), int(prices[d]), bool(discounts[d, p, s] > 0), float(mean[d])
                )
                for d in np.flatnonzero(there)
            ]
    return sales


def uniform(words: Words) -> Numbers:
    """Turn each word into a number from 0 up to 1."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def bell(words: Words) -> Numbers:
    """Add up the twelve quarters of three words [..., 3] to numbers [...] of mean 0 and deviation 1, nearly normal."""
    quarters = sum(((words >> np.uint64(16 * place)) & np.uint64(0xFFFF)).astype(np.int64) for place in range(4))
    numbers: Numbers = (2 * np.sum(quarters, axis=-1) - 12 * 0xFFFF) / (2 * 65536.0)
    return numbers


def counted(means: Numbers, bells: Numbers, chances: Numbers) -> Numbers:
    """Draw whole numbers [D] about means [D]: by a bell where they are large, else of 64 trials."""
    large = np.maximum(0.0, np.rint(means + np.sqrt(means) * bells))
    share = np.minimum(means, LARGE) / TRIALS
    chance = 1.0 - share
    for _ in range(6):  # to the 64th
        chance = chance * chance
    small, reached = np.zeros(len(means)), chance
    for number in range(TRIALS):
        beyond = chances >= reached
        if not beyond.any():
            break
        small += beyond
        chance = chance * (TRIALS - number) / (number + 1) * (share / (1.0 - share))
        reached = reached + chance
    return np.where(means >= LARGE, large, small)


def _of_shops(words: Words) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
    """Give mood and weather as factors [D, S], and whether the report of a day came [D, S]."""
    steps = bell(words[..., :BELL]) * np.sqrt(1.0 - MOOD_MEMORY * MOOD_MEMORY)
    moods = np.empty_like(steps)
    mood = np.zeros(len(SHOPS))
    for d, step in enumerate(steps):
        mood = MOOD_MEMORY * mood + step
        moods[d] = np.maximum(0.4, 1.0 + MOOD * mood)
    weather = np.maximum(0.5, 1.0 + WEATHER * bell(words[..., BELL:-1]))
    return moods, weather, uniform(words[..., -1]) >= LOST


def _campaigns(words: Words) -> tuple[Numbers, Numbers]:
    """Give the discount of each day, 0 where there is none, and the factor of the weeks behind [D, P, S]."""
    chances = uniform(words)
    discounts = np.zeros((WEEKS, len(PRODUCTS), len(SHOPS)))
    for week in range(1, WEEKS):
        begins = (chances[week, :, 0] < CAMPAIGN) & (discounts[week - 1].max(axis=1) == 0)
        discount = np.array(DISCOUNTS)[(chances[week, :, 1] * len(DISCOUNTS)).astype(np.int64)]
        discounts[week] = (begins * discount)[:, None] * (chances[week, :, 2:] < TAKES_PART)
    dips = np.ones_like(discounts)
    dips[1:] = np.where(discounts[:-1] > 0, STOCKED_UP, 1.0)
    # Campaigns go from Monday to Sunday.
    weeks = (np.arange(len(DAYS)) + FIRST_DAY.weekday()) // 7
    return discounts[weeks], dips[weeks]


def _raised(day: date) -> float:
    factor = 1.0
    for since, raised in RAISES:
        factor *= raised if day >= since else 1.0
    return factor


def _wave(day: date) -> float:
    """Rise and fall once a year, from -1 in the middle of January to 1 in the middle of July, in two parabolas."""
    place = ((day - date(2021, 4, 16)).days % 365.25) / 365.25
    half = 2.0 * place % 1.0
    return (4.0 if place < 0.5 else -4.0) * half * (1.0 - half)


def _occasion(shop: Shop, day: date) -> float:
    """Say by which factor a day is unlike others of its weekday: closed, a holiday, before one, a shop that is new."""
    if not is_open(shop, day):
        return 0.0
    factor = ON_HOLIDAY if is_holiday(day) else 1.0
    tomorrow = day + timedelta(days=1)
    if is_holiday(tomorrow) and not is_open(shop, tomorrow):
        factor *= BEFORE_CLOSED
    if shop.opened > FIRST_DAY:
        factor *= min(1.0, 0.45 + 0.55 * max(0, (day - shop.opened).days) / RAMP)
    return factor


def _is_known(shop: Shop, day: date) -> bool:
    if not shop.opened <= day <= shop.closed:
        return False
    return shop.unknown is None or not shop.unknown[0] <= day <= shop.unknown[1]


def write_sales(path: Path, sales: list[Sale]) -> None:
    """Write the sales as CSV, compressed."""
    path.write_bytes(gzip.compress(as_csv(sales), mtime=0))


def as_csv(sales: list[Sale]) -> bytes:
    """Give the bytes of the file, unpacked: how they are packed differs from one zlib to another."""
    lines = [
        f"{sale.shop.name},{sale.product.name},{sale.day},{sale.sales},{sale.price / 100:.2f},{int(sale.promotion)},"
        f"{int(is_holiday(sale.day))},{int(is_open(sale.shop, sale.day))},{sale.shop.region},{sale.shop.size},"
        f"{sale.product.category}\n"
        for sale in sales
    ]
    return "".join(["shop,product,day,sales,price,promotion,holiday,open,region,size,category\n", *lines]).encode(
        "ascii"
    )

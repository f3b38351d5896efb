"""The shipped shops are what their generator says, and what DATA.md promises of them."""

import csv
import gzip
import io
from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from data.generator.__main__ import DATA, SEED, SHOPS_SIMULATED
from data.generator.chain import CLOSED_ON_SUNDAYS, DAYS, LAST_DAY, PRODUCTS, SHOPS, is_holiday
from data.generator.shops import as_csv, counted, drawn, shop_sales, simulate
from domain.exceptions import DatasetError
from infrastructure.data.table.table import TableSchema, open_table

Row = dict[str, str]
ONE_SHOP, LAMP = "East Gate", "lamp"


@pytest.fixture(scope="module")
def written() -> bytes:
    return gzip.decompress(SHOPS_SIMULATED.read_bytes())


@pytest.fixture(scope="module")
def series(written: bytes) -> dict[tuple[str, str], list[Row]]:
    """Give the rows of each shop and product, as they stand."""
    found = defaultdict(list)
    for row in csv.DictReader(io.StringIO(written.decode("ascii"))):
        found[row["shop"], row["product"]].append(row)
    return found


def mean(rows: list[Row], **wanted: str) -> float:
    return float(np.mean([int(row["sales"]) for row in rows if all(row[name] == wanted[name] for name in wanted)]))


def day_of(row: Row) -> date:
    return date.fromisoformat(row["day"])


def test_simulating_again_gives_the_committed_rows(written: bytes) -> None:
    assert as_csv(shop_sales(SEED)) == written, "data/shops_simulated.csv.gz is stale: run `make data`"
    assert SHOPS_SIMULATED.stat().st_size < 1_500_000


def test_the_documentation_counts_what_is_in_the_file(series: dict[tuple[str, str], list[Row]]) -> None:
    page = " ".join((DATA / "DATA.md").read_text(encoding="utf-8").split())
    rows = [row for found in series.values() for row in found]
    sold = [int(row["sales"]) for row in rows]
    days = sum((min(shop.closed, LAST_DAY) - shop.opened).days + 1 for shop in SHOPS) * len(PRODUCTS)
    closed = sum(row["open"] == "0" for row in rows)
    assert f"Of `shops_simulated.csv.gz`: {len(rows):,} rows of {len(series)} series" in page
    assert f"{days - len(rows):,} days are missing; the shop is closed in {closed:,} rows" in page
    assert f"nothing is sold in {sold.count(0) - closed:,} others" in page
    assert f"{sum(row['promotion'] == '1' for row in rows):,} rows have a campaign" in page
    assert f"the most is {max(sold):,}" in page
    sales = shop_sales(SEED)
    missed = sum(abs(sale.sales - sale.mean) for sale in sales) / sum(sale.sales for sale in sales)
    assert f"would be wrong by {missed:.1%}".replace("%", " %") in page
    for product in PRODUCTS:
        of = [row for (_, name), found in series.items() if name == product.name for row in found]
        assert f"{product.name} {mean(of, open='1'):.2f}" in page
    assert "SIMULATED" in page


def test_it_is_a_long_table_of_more_than_fifty_series_that_shop_and_product_tell_apart() -> None:
    with pytest.raises(DatasetError, match="68 series in long format, told apart by shop and product"):
        open_table(SHOPS_SIMULATED, TableSchema())


def test_days_of_a_series_ascend_and_some_are_missing(series: dict[tuple[str, str], list[Row]]) -> None:
    for found in series.values():
        assert all(earlier < later for earlier, later in pairwise(map(day_of, found)))
    days = {day_of(row) for row in series[ONE_SHOP, LAMP]}
    assert 8 <= len(DAYS) - len(days) <= 20
    begins = {shop.name: day_of(series[shop.name, LAMP][0]) for shop in SHOPS}
    assert sum(first > DAYS[7] for first in begins.values()) == 4
    assert day_of(series["Harbour View", LAMP][-1]) < date(2022, 12, 1)
    longest = max(later - earlier for earlier, later in pairwise(map(day_of, series["Birch Lane", LAMP])))
    assert longest >= timedelta(days=36)


def test_closed_days_sell_nothing_and_are_sundays_and_holidays_of_two_regions(
    series: dict[tuple[str, str], list[Row]],
) -> None:
    rows = [row for found in series.values() for row in found]
    for row in rows:
        assert row["holiday"] == str(int(is_holiday(day_of(row))))
        off = row["region"] in CLOSED_ON_SUNDAYS and (day_of(row).weekday() == 6 or row["holiday"] == "1")
        assert row["open"] == str(int(not off))
    assert {row["sales"] for row in rows if row["open"] == "0"} == {"0"}


def test_what_a_series_is_stays_and_differs(series: dict[tuple[str, str], list[Row]]) -> None:
    known = {(row["region"], row["size"], row["category"]) for found in series.values() for row in found}
    assert all(len({(row["region"], row["size"], row["category"]) for row in found}) == 1 for found in series.values())
    assert [len({facts[place] for facts in known}) for place in range(3)] == [4, len(SHOPS), 2]


def test_a_campaign_sells_more_at_a_lower_price(series: dict[tuple[str, str], list[Row]]) -> None:
    for product in PRODUCTS:
        rows = series[ONE_SHOP, product.name]
        assert mean(rows, promotion="1") > 1.15 * mean(rows, promotion="0")
        prices = [np.mean([float(row["price"]) for row in rows if row["promotion"] == flag]) for flag in "01"]
        assert prices[1] < 0.95 * prices[0]


def test_weeks_years_and_eves_of_closed_days_show(series: dict[tuple[str, str], list[Row]]) -> None:
    bread, ice = series["Castle Square", "bread"], series[ONE_SHOP, "ice cream"]
    assert mean([row for row in bread if day_of(row).weekday() == 5]) > 1.4 * mean(
        [row for row in bread if day_of(row).weekday() == 1]
    )
    assert mean([row for row in ice if day_of(row).month == 7]) > 2 * mean(
        [row for row in ice if day_of(row).month == 1]
    )
    eves = [row for row in bread if is_holiday(day_of(row) + timedelta(days=1)) and row["open"] == "1"]
    assert mean(eves) > 1.15 * mean(bread, open="1")


def test_lamps_are_sold_now_and_then_and_bread_every_day(series: dict[tuple[str, str], list[Row]]) -> None:
    for shop in SHOPS:
        lamps, bread = ([row for row in series[shop.name, name] if row["open"] == "1"] for name in (LAMP, "bread"))
        assert all(row["sales"] != "0" for row in bread)
        assert 0 < sum(row["sales"] == "0" for row in lamps) < len(lamps)
    assert np.mean([row["sales"] == "0" for row in series[ONE_SHOP, LAMP]]) > 0.5


def test_counts_have_the_mean_that_they_are_drawn_about() -> None:
    words = np.random.PCG64(1)
    for about in (0.0, 0.3, 5.0, 13.9, 14.1, 300.0):
        means = np.full(20_000, about)
        draws = words.random_raw(2 * len(means)).reshape(2, -1) / 2.0**64
        bells = np.sqrt(-2 * np.log(1 - draws[0])) * np.cos(2 * np.pi * draws[1])
        counts = counted(means, bells, draws[1])
        assert abs(counts.mean() - about) <= 4 * np.sqrt(about / len(means))
        assert (counts >= 0).all()
        np.testing.assert_array_equal(counts, np.rint(counts))


def test_what_comes_later_changes_no_earlier_day() -> None:
    draws, others = drawn(SEED), drawn(SEED + 1)
    day = 400
    later = draws._replace(
        of_shops=np.concatenate([draws.of_shops[:day], others.of_shops[day:]]),
        of_sales=np.concatenate([draws.of_sales[:day], others.of_sales[day:]]),
    )
    sales, changed = ([sale for sale in simulate(found) if sale.day < DAYS[day]] for found in (draws, later))
    assert sales == changed
    assert simulate(later) != simulate(draws)

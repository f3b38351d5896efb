"""A long table becomes series of their own length, start and scale, in whatever order rows stand; faults have lines."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from data.generator.__main__ import SEED
from data.generator.chain import is_holiday, is_open
from data.generator.shops import Sale, as_csv, shop_sales
from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.panel import order
from infrastructure.data.panel.panel import Panel, PanelSchema, open_panel
from infrastructure.data.table import csv_source
from infrastructure.data.table.choice import TableSchema

FIRST = date(2024, 1, 1)
LENGTHS = {"a": (0, 30), "b": (10, 12), "c": (5, 41)}  # first day and number of days
Rows = list[tuple[Any, ...]]


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rows_of(lengths: dict[str, tuple[int, int]]) -> Rows:
    """Give rows of series, day, y and price, each series on its own scale."""
    return [
        (name, day(number), 10.0**place * (number + 1) + number % 3, round(1.5 + number % 4, 1))
        for place, (name, (start, length)) in enumerate(lengths.items())
        for number in range(start, start + length)
    ]


def written(directory: Path, rows: Sequence[Sequence[Any]], header: Sequence[str] = ("id", "ds", "y", "price")) -> Path:
    path = directory / "t.csv"
    path.write_text(",".join(header) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def opened(directory: Path, rows: Sequence[Sequence[Any]], *header: str, **schema: Any) -> Panel:
    table = schema.pop("table", TableSchema(needed=("y",)))
    return open_panel(written(directory, rows, header or ("id", "ds", "y", "price")), PanelSchema(table, **schema))


def fault_of(directory: Path, rows: Sequence[Sequence[Any]], *header: str, **schema: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        opened(directory, rows, *header, **schema)
    return str(caught.value)


def as_rows(panel: Panel) -> dict[tuple[str, ...], list[list[float]]]:
    """Give stamp and values of each series."""
    return {
        panel.ids[number]: np.column_stack([(s := panel.series(number)).stamps, s.targets, s.past, s.known]).tolist()
        for number in range(len(panel))
    }


class TestSeries:
    def test_those_of_some_shops_are_what_was_simulated(self, tmp_path: Path) -> None:
        names = ("Alder Street", "Poplar Hill", "Linden Court", "Quarry Bank")
        simulated = [sale for sale in shop_sales(SEED) if sale.shop.name in names]
        (tmp_path / "t.csv").write_bytes(as_csv(simulated))
        known = ("price", "promotion", "holiday", "open")
        schema = PanelSchema(TableSchema(needed=("sales",)), known_columns=known, least_rows=100)
        panel = open_panel(tmp_path / "t.csv", schema)
        wanted: dict[tuple[str, ...], list[Sale]] = defaultdict(list)
        for sale in simulated:
            wanted[sale.shop.name, sale.product.name].append(sale)
        assert [series for series, count in panel.left_out] == [s for s in wanted if s[0] == "Quarry Bank"]
        assert {*panel.ids} == {series for series in wanted if series[0] != "Quarry Bank"}
        for number, series in enumerate(panel.ids):
            sales, found = wanted[series], panel.series(number)
            assert found.stamps.astype("datetime64[us]").astype("datetime64[D]").tolist() == [
                sale.day for sale in sales
            ]
            assert found.targets[:, 0].tolist() == [sale.sales for sale in sales]
            flags = [(s.promotion, is_holiday(s.day), is_open(s.shop, s.day)) for s in sales]
            assert found.known[:, 0].tolist() == [sale.price / 100 for sale in sales]
            assert found.known[:, 1:].tolist() == [[float(flag) for flag in row] for row in flags]
            assert found.past.shape == (len(sales), 0)
            region, size, category = found.static
            assert panel.categories["region"][int(region) - 1] == sales[0].shop.region
            assert panel.categories["category"][int(category) - 1] == sales[0].product.category
            assert size == sales[0].shop.size
        assert any("4 of 16 series have fewer than 100 rows with a value of sales" in word for word in panel.warnings)

    @pytest.mark.parametrize("by", [lambda row: row[:2], lambda row: row[1], lambda row: (-ord(row[0]), row[1])])
    def test_it_matters_not_in_which_order_series_stand(self, tmp_path: Path, by: Any) -> None:
        rows = rows_of(LENGTHS)
        panel = opened(tmp_path, sorted(rows, key=by))
        assert panel.series_columns == ("id",)
        assert {name: len(found) for (name,), found in as_rows(panel).items()} == {"a": 30, "b": 12, "c": 41}
        for (name,), found in as_rows(panel).items():
            assert [row[1:] for row in found] == [[y, price] for other, _, y, price in rows if other == name]

    @pytest.mark.parametrize("by_time", [False, True])
    def test_it_matters_not_how_many_rows_are_read_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_time: bool
    ) -> None:
        rows = sorted(rows_of(LENGTHS), key=lambda row: row[by_time])
        table = TableSchema(needed=("y",), gaps="fill", duplicate_stamps="mean")
        few = [row for number, row in enumerate(rows) if number % 7] + [rows[-1]]
        whole = opened(tmp_path, few, table=table, series_columns=("id",))
        monkeypatch.setattr(order, "CHUNK_ROWS", 5)
        monkeypatch.setattr("infrastructure.data.table.order.CHUNK_ROWS", 5)
        monkeypatch.setattr(csv_source, "BLOCK_BYTES", 128)
        monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "another"))
        pieces = opened(tmp_path, few, table=table, series_columns=("id",))
        np.testing.assert_equal(as_rows(pieces), as_rows(whole))
        assert pieces.warnings == whole.warnings

    def test_random_rows_are_grouped_as_a_dictionary_does(self, tmp_path: Path) -> None:
        draw = np.random.default_rng(7)
        wanted: dict[tuple[str, ...], dict[int, float]] = defaultdict(dict)
        for _ in range(400):
            key = (str(draw.integers(4)), "xyz"[draw.integers(3)])
            wanted[key][int(draw.integers(60))] = float(draw.integers(1000))
        rows = [(shop, item, day(at), y) for (shop, item), found in wanted.items() for at, y in found.items()]
        draw.shuffle(rows)
        table = TableSchema(needed=("y",), unsorted_stamps="sort")
        panel = opened(tmp_path, rows, "shop", "item", "ds", "y", table=table, series_columns=("shop", "item"))
        start = np.datetime64(FIRST, "us").astype(np.int64)
        for series, found in as_rows(panel).items():
            expected = [[start + at * 86_400e6, y] for at, y in sorted(wanted[series].items())]
            assert found == expected

    def test_a_file_of_columns_gives_what_a_text_does(self, tmp_path: Path) -> None:
        rows = [(*row, number % 2 == 0, "north") for number, row in enumerate(rows_of(LENGTHS))]
        names = ("id", "ds", "y", "price", "promo", "region")
        table = pyarrow.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
        table = table.set_column(0, "id", table["id"].dictionary_encode())
        pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
        schema = PanelSchema(TableSchema(needed=("y",)), known_columns=("promo",))
        panel = open_panel(tmp_path / "t.parquet", schema)
        text = opened(tmp_path, [(*row[:4], int(row[4]), row[5]) for row in rows], *names, known_columns=("promo",))
        assert as_rows(panel) == as_rows(text)
        assert panel.static.tolist() == text.static.tolist() == [[1.0]] * 3
        assert panel.categories == text.categories == {"region": ("north",)}

    def test_what_is_known_ahead_may_stand_behind_the_last_target(self, tmp_path: Path) -> None:
        rows = rows_of({"a": (0, 30), "b": (0, 30)})
        rows = [(name, at, "" if at >= day(25) else y, price) for name, at, y, price in rows]
        found = opened(tmp_path, rows, known_columns=("price",)).series(1)
        assert np.isnan(found.targets[25:]).all()
        assert not np.isnan(found.targets[:25]).any()
        assert found.known[25:, 0].tolist() == [price for _, _, y, price in rows[55:]]

    def test_without_named_targets_all_numbers_that_change_are_targets(self, tmp_path: Path) -> None:
        rows = [(*row, 7 * ord(row[0]), "xy"[row[1].day % 2]) for row in rows_of(LENGTHS)]
        panel = opened(tmp_path, rows, "id", "ds", "y", "price", "size", "wind", table=TableSchema())
        assert (panel.names, panel.num_targets, panel.static_names) == (("y", "price", "wind"), 2, ("size",))

    def test_a_column_that_only_counts_rows_is_left_out(self, tmp_path: Path) -> None:
        rows = [(number, *row) for number, row in enumerate(rows_of(LENGTHS))]
        panel = opened(tmp_path, rows, "", "id", "ds", "y", "price")
        assert panel.names == ("y", "price")
        assert any("counts rows and is left out" in word for word in panel.warnings)


class TestFinding:
    def test_two_columns_may_tell_series_apart(self, tmp_path: Path) -> None:
        rows = [(shop, item, day(n), n % 5) for shop in "ab" for item in "xyz" for n in range(20)]
        assert opened(tmp_path, rows, "shop", "item", "ds", "y").series_columns == ("shop", "item")

    def test_a_table_of_one_series_has_none_to_find(self, tmp_path: Path) -> None:
        panel = opened(tmp_path, [(day(n), n % 5, n % 3) for n in range(20)], "ds", "y", "x")
        assert (panel.series_columns, panel.ids, len(panel.stamps)) == ((), ((),), 20)

    def test_a_time_of_day_in_a_column_of_its_own_tells_no_series_apart(self, tmp_path: Path) -> None:
        rows = [(day(n // 24), f"{n % 24}:00", n % 7) for n in range(96)]
        assert "the time of day stands in a column of its own" in fault_of(tmp_path, rows, "ds", "hour", "y")


class TestShort:
    def test_a_series_that_is_too_short_is_left_out_and_listed(self, tmp_path: Path) -> None:
        panel = opened(tmp_path, rows_of(LENGTHS), least_rows=13)
        assert panel.ids == (("a",), ("c",))
        assert panel.left_out == ((("b",), 12),)
        assert [len(found) for found in as_rows(panel).values()] == [30, 41]
        said = "1 of 3 series has fewer than 13 rows with a value of y and is left out: b (12)."
        assert f"t.csv: {said}" in panel.warnings
        with pytest.raises(DatasetError, match="the series b has 12 rows with a value, which is too short"):
            panel.number_of(["b"])

    def test_rows_without_a_value_do_not_make_it_longer(self, tmp_path: Path) -> None:
        rows = [(name, at, "" if name == "a" and at > day(4) else y, p) for name, at, y, p in rows_of(LENGTHS)]
        assert opened(tmp_path, rows, least_rows=6).left_out == ((("a",), 5),)

    def test_where_all_are_too_short_nothing_is_read(self, tmp_path: Path) -> None:
        assert "3 of 3 series have fewer than 42 rows" in fault_of(tmp_path, rows_of(LENGTHS), least_rows=42)

    def test_a_series_that_is_not_there_is_refused_with_those_that_are(self, tmp_path: Path) -> None:
        panel = opened(tmp_path, rows_of(LENGTHS))
        assert panel.number_of(["c"]) == 2
        with pytest.raises(DatasetError, match=r"no series d in id\. There are 3: a; b; c\."):
            panel.number_of(["d"])


class TestStamps:
    @pytest.mark.parametrize(("by_time", "line"), [(False, 33), (True, 19)])
    def test_a_stamp_that_its_series_has_already_is_refused_with_its_line(
        self, tmp_path: Path, by_time: bool, line: int
    ) -> None:
        rows = rows_of(LENGTHS)
        rows = sorted([*rows[:31], rows[30], *rows[31:]], key=lambda row: row[by_time])
        fault = fault_of(tmp_path, rows, series_columns=("id",))
        assert fault.startswith(f"t.csv:{line}: 2024-01-11 stands in the series b already: Keep one row for each stamp")

    @pytest.mark.parametrize(("policy", "kept"), [("first", (1.0, 1)), ("last", (4.0, 2)), ("mean", (2.5, 2))])
    def test_rows_of_one_stamp_become_one_as_the_setting_says(
        self, tmp_path: Path, policy: str, kept: tuple[float, float]
    ) -> None:
        rows = [(name, day(n), 3 * n, "xy"[n % 2]) for name in "ab" for n in range(10)]
        rows += [("b", day(10), 1, "x"), ("b", day(10), 4, "y")]
        table = TableSchema(needed=("y",), duplicate_stamps=policy)
        panel = opened(tmp_path, rows, "id", "ds", "y", "kind", table=table, series_columns=("id",))
        found = panel.series(1)
        assert (len(found.stamps), found.targets[-1, 0], found.past[-1, 0]) == (11, *kept)
        assert any("1 row repeated a stamp of their series" in word for word in panel.warnings)

    def test_time_runs_back_within_a_series_and_not_between_two(self, tmp_path: Path) -> None:
        rows = rows_of(LENGTHS)
        rows[35], rows[36] = rows[36], rows[35]
        assert fault_of(tmp_path, rows).startswith(
            "t.csv:38: time runs back from 2024-01-17 to 2024-01-16 in the series b: Sort the table"
        )
        panel = opened(tmp_path, rows, table=TableSchema(needed=("y",), unsorted_stamps="sort"))
        assert as_rows(panel) == as_rows(opened(tmp_path, rows_of(LENGTHS)))

    def test_gaps_within_a_series_are_told_filled_or_refused(self, tmp_path: Path) -> None:
        rows = [row for row in rows_of(LENGTHS) if not (row[0] == "c" and day(20) <= row[1] < day(23))]
        kept = opened(tmp_path, rows)
        said = "3 rows missing between others of 1 of 3 series, most in c (3)"
        assert f"t.csv: {said}; they were kept." in kept.warnings
        filled = opened(tmp_path, rows, table=TableSchema(needed=("y",), gaps="fill")).series(2)
        whole = opened(tmp_path, rows_of(LENGTHS)).series(2)
        np.testing.assert_array_equal(filled.stamps, whole.stamps)
        assert np.flatnonzero(np.isnan(filled.targets[:, 0])).tolist() == [15, 16, 17]
        np.testing.assert_array_equal(filled.past[18:], whole.past[18:])
        assert said in fault_of(tmp_path, rows, table=TableSchema(needed=("y",), gaps="refuse"))

    def test_series_on_other_days_of_the_week_follow_no_common_clock(self, tmp_path: Path) -> None:
        rows = [(name, day(7 * n + 3 * at), n % 5 + at, 1 + n % 2) for at, name in enumerate("ab") for n in range(20)]
        panel = opened(tmp_path, rows, series_columns=("id",))
        assert (panel.step, panel.clock) == (7 * 86_400 * 10**6, None)
        fault = fault_of(tmp_path, rows, series_columns=("id",), table=TableSchema(needed=("y",), gaps="fill"))
        assert "mostly 1 week apart, but those of others stand between them" in fault

    @pytest.mark.parametrize("by", [lambda row: row[0], lambda row: row[2]], ids=["by id", "by time"])
    @pytest.mark.parametrize("series_columns", [None, ("id",)], ids=["found", "named"])
    def test_an_hour_that_clocks_show_twice_is_told_apart_in_each_series(
        self, tmp_path: Path, by: Any, series_columns: tuple[str, ...] | None
    ) -> None:
        start = datetime(2023, 10, 28, 12, tzinfo=UTC)
        # Time runs back from the first row of the file to its last, but in no series.
        of = {"late": [*range(5, 120)], "long": [*range(-99, 40)], "once": [*range(5, 13)], "early": [*range(-99, -80)]}
        hours = [(name, n) for name, found in of.items() for n in found]
        rows = [
            (name, (start + timedelta(hours=n)).astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None), n)
            for name, n in hours
        ]
        path = written(tmp_path, [row[:3] for row in sorted(rows, key=by)], ("id", "ds", "y"))
        reading = Reading(time_zone="Europe/Berlin")
        panel = open_panel(path, PanelSchema(TableSchema(needed=("y",)), series_columns), reading)
        for number in range(len(panel)):
            found = panel.series(number)
            wanted = [start + timedelta(hours=int(hour)) for hour in found.targets[:, 0]]
            assert [int(when.timestamp() * 10**6) for when in wanted] == found.stamps.tolist()


class TestCategories:
    def test_mostly_texts_are_categories_and_numbers_stand_for_them(self, tmp_path: Path) -> None:
        rows = [(*row[:3], "0abc"[number % 4]) for number, row in enumerate(rows_of(LENGTHS))]
        rows[5] = (*rows[5][:3], "")
        panel = opened(tmp_path, rows, "id", "ds", "y", "holiday", known_columns=("holiday",))
        assert panel.categories == {"holiday": ("0", "a", "b", "c")}
        assert panel.series(0).known[:5, 0].tolist() == [1, 2, 3, 4, 1]
        assert np.isnan(panel.series(0).known[5, 0])

    def test_one_word_among_numbers_is_a_mistake_with_its_line(self, tmp_path: Path) -> None:
        rows = rows_of(LENGTHS)
        rows[3] = (*rows[3][:3], "cheap")
        assert fault_of(tmp_path, rows).startswith("t.csv:5: price is 'cheap', but must be a number")

    def test_those_that_training_has_not_seen_are_unknown(self, tmp_path: Path) -> None:
        rows = [(*row[:3], ("x", "y", "new")[number % 3]) for number, row in enumerate(rows_of(LENGTHS))]
        panel = opened(tmp_path, rows, "id", "ds", "y", "kind", categories=(("kind", ("x", "y")),))
        assert panel.series(0).past[:3, 0].tolist() == [1, 2, 0]
        assert any("1 of its values are not known from training" in word for word in panel.warnings)

    def test_texts_that_are_almost_all_different_are_none(self, tmp_path: Path) -> None:
        rows = [(name, day(n), n % 5, f"note {n} of {name}") for name in "ab" for n in range(600)]
        assert "note holds more than 1,000 different texts" in fault_of(tmp_path, rows, "id", "ds", "y", "note")


class TestRefused:
    def test_a_row_without_its_series(self, tmp_path: Path) -> None:
        rows = rows_of(LENGTHS)
        rows[4] = ("", *rows[4][1:])
        fault = fault_of(tmp_path, rows, series_columns=("id",))
        assert fault.startswith(
            "t.csv:6: id, which tells series apart, has no value: Fill it in (NA and null are none)"
        )

    def test_a_static_column_that_changes(self, tmp_path: Path) -> None:
        rows = [(*row, 9 if row[:2] == ("b", day(15)) else 8) for row in rows_of(LENGTHS)]
        fault = fault_of(tmp_path, rows, "id", "ds", "y", "price", "size", static_columns=("size",))
        assert fault.startswith("t.csv:37: size changes in the series b: Take it out of static_columns")

    @pytest.mark.parametrize(
        ("schema", "said"),
        [
            ({"series_columns": ("y",)}, "'y' stands 2 times in series_column and target_columns"),
            ({"known_columns": ("price", "price")}, "'price' stands 2 times in known_columns: Name each column once"),
            ({"static_columns": ("sice",)}, "column 'sice' does not exist"),
            ({"series_columns": ("shop",)}, "column 'shop' does not exist"),
            ({"series_columns": ("id",), "known_columns": ("ds",)}, "'ds' is the time column"),
            ({"table": TableSchema(needed=("sold",)), "series_columns": ("id",)}, "column 'sold' does not exist"),
            ({"table": TableSchema(needed=("id",)), "series_columns": ("price",)}, "no cell of id is a number"),
            ({"table": TableSchema(time_column="none"), "series_columns": ("id",)}, "has no time column"),
            ({"table": TableSchema(time_column="none")}, "has no time column"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_columns_that_cannot_be_what_they_should_be(
        self, tmp_path: Path, schema: dict[str, Any], said: str
    ) -> None:
        assert said in fault_of(tmp_path, rows_of(LENGTHS), **schema)

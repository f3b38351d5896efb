"""Tables of many series that nobody can learn from, and those that a finished model cannot read: one sentence each."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import athanor
from tests.support.refusals import assert_refused, everything_in
from tests.support.tiny_panels import LENGTHS, NAMES, Row, changed, number_of, rows, written

DATES = '["2024-03-21","2024-04-10","2024-04-30"]'
BASE = {
    "model_name": "forecaster-tiny", "precision": "fp32", "max_steps": "1", "warmup_steps": "0",
    "context_length": "12", "patch_length": "4", "target_columns": "[sales]",
    "known_columns": "[price,promotion,holiday]", "horizons": "[1,2,5]", "split": DATES,
}  # fmt: skip
ONCE = "Name each column once."


def train(path: Path, directory: Path, **settings: str) -> Any:
    words = [f"{name}={value}" for name, value in {**BASE, **settings}.items() if value]
    said = [part for word in words for part in ("--set", word)]
    return athanor("train", "--task", "quantile_forecasting", "--dataset", path, "--output", directory / "run", *said)


BY_SETTING: list[tuple[str, dict[str, str], Sequence[str]]] = [
    ("series is the time", {"series_column": "[day]"}, ["'day' is the time column, and can be nothing else"]),
    ("series is the target", {"series_column": "[sales]"}, ["'sales' stands 2 times in series_column", ONCE]),
    ("series unknown", {"series_column": "[shopp]"}, ["column 'shopp' does not exist: Did you mean 'shop'?"]),
    ("series twice", {"series_column": "[shop,shop]"}, ["series_column is ['shop', 'shop']", "each column once"]),
    ("no series", {"series_column": "[]"}, ["series_column is empty. Name a column, or leave it out."]),
    ("series is a number", {"series_column": "5"}, ["column '5' does not exist"]),
    ("one series alone", {"series_column": "[region]"}, ["time runs back from 2024-04-29", "in the series south"]),
    ("known target", {"known_columns": "[sales]"}, ["'sales' stands 2 times in known_columns and target_columns"]),
    ("known and static", {"static_columns": "[price]"}, ["'price' stands 2 times in static_columns and known_columns"]),
    ("no known", {"known_columns": "[]"}, ["known_columns is empty"]),
    ("known unknown", {"known_columns": "[prize]"}, ["column 'prize' does not exist: Did you mean 'price'?"]),
    ("known series", {"known_columns": "[shop]"}, ["'shop' stands 2 times in series_column and known_columns"]),
    ("known time", {"known_columns": "[day]"}, ["'day' is the time column"]),
    ("static that changes", {"static_columns": "[visits]"}, ["s.csv:3: visits changes in the series a", "Take it out"]),
    ("static category that changes", {"static_columns": "[weather]"}, ["weather changes in the series b"]),
    ("static target", {"static_columns": "[sales]"}, ["'sales' stands 2 times in static_columns and target_columns"]),
    ("static unknown", {"static_columns": "[siz]"}, ["column 'siz' does not exist: Did you mean 'size'?"]),
    ("target unknown", {"target_columns": "[sold]"}, ["the target 'sold' does not exist: Name one of"]),
    ("horizons too far", {"horizons": "[500]"}, ["(3 of history, 1 in 4 of context_length, and 500", "Lower horizons"]),
    ("histories too long", {"context_length": "400"}, ["takes 105 (100 of history", "Lower context_length to 300"]),
    ("longer than all", {"context_length": "5000"}, ["4 of 4 series have fewer than 1,250 rows", "context_length"]),
    ("dates behind", {"split": '["2025-01-01","2025-02-01"]'}, ["s.csv reaches from 2024-01-01 to 2024-04-29"]),
    ("dates before", {"split": '["2020-01-01","2020-02-01"]'}, ["Choose dates within the data"]),
    ("dates descend", {"split": '["2024-04-10","2024-03-21"]'}, ["its dates must ascend", "Put them in order"]),
    ("shares of nothing", {"split": "[0.999,0.0005,0.0005]"}, ["the validation part of s.csv is empty"]),
    ("shares of one day", {"split": "[0.98,0.01,0.01]"}, ["the validation part has 1 rows, but one window takes 5"]),
    ("more rows than days", {"split": "[1000,10,10]"}, ["split asks for 1,020 rows, but s.csv has 120"]),
    ("no norm", {"instance_norm": "false"}, ["instance_norm is off, but s.csv is read as a table", "Leave it on"]),
    ("volatility", {"volatility_window": "5"}, ["volatility_window is 5, but s.csv is read as a table of series"]),
    ("no clock", {"time_column": "none"}, ["has no time column, which many series, known_columns and holidays need"]),
    ("another clock", {"time_column": "shop"}, ["no cell of shop is a stamp"]),
    ("gaps", {"gaps": "refuse", "drop": "9"}, ["1 row missing between others of 1 of 4 series, most in a (1)"]),
]  # fmt: skip


def at(place: int, **values: Any) -> Callable[[list[Row]], list[Row]]:
    return lambda table: [{**row, **values} if number == place else row for number, row in enumerate(table)]


LONG = dict.fromkeys("abcdefghi", (0, 120))
BY_TABLE: list[tuple[str, Callable[[list[Row]], Iterable[Row]], dict[str, str], Sequence[str]]] = [
    ("no rows", lambda table: [], {}, ["s.csv has a header and no rows"]),
    ("short series", lambda table: [row for row in table if 90 <= number_of(row) < 92], {},
     ["4 of 4 series have fewer than 3 rows with a value of sales", "Give longer series"]),
    ("a row", lambda table: table[:1], {}, ["s.csv: it has 1 rows with a value of sales, but takes 3. Give longer"]),
    ("a row each", lambda table: [row for row in table if number_of(row) == 90], {},
     ["no column tells series apart. Name the column"]),
    ("a word", at(7, price="cheap"), {}, ["s.csv:9: price is 'cheap', but must be a number"]),
    ("infinite", at(7, sales="inf"), {}, ["s.csv:9: sales is infinite"]),
    ("no day", at(7, day=""), {}, ["s.csv:9: day", "stamp"]),
    ("no shop", at(7, shop=""), {"series_column": "[shop]"}, ["s.csv:9: shop, which tells series apart, has no value"]),
    ("again", lambda table: [table[0], *table], {"series_column": "[shop]"},
     ["s.csv:3: 2024-01-01 stands in the series a already", "duplicate_stamps=last"]),
    ("backwards", lambda table: table[1:] + table[:1], {"series_column": "[shop]"},
     ["s.csv:356: time runs back from 2024-04-29 to 2024-01-01 in the series a"]),
    ("constant", lambda table: changed(table, 0, sales=3), {}, ["sales is constant or missing throughout"]),
    ("constant at first", lambda table: [row if number_of(row) > 79 else {**row, "sales": 3} for row in table], {},
     ["constant or missing throughout the training part of every series", "Forecast another column"]),
    ("nothing sold", lambda table: changed(table, 0, sales=None), {}, ["the target 'sales' has no values"]),
    ("sold in words", lambda table: changed(table, 0, sales="many"), {}, ["no cell of sales is a number"]),
    ("late series alone", lambda table: [row for row in table if row["shop"] == "new" or number_of(row) < 3], {},
     ["the training part has 3 rows, but one window takes 8 (3 of history, 1 in 4 of context_length, and 5 ahead)"]),
    ("texts", lambda table: [{**row, "weather": f"note {number}"} for number, row in enumerate(rows(LONG))], {},
     ["weather holds more than 1,000 different texts ('note 0', 'note 1', 'note 2', ...), too many for categories"]),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "said"), [case[1:] for case in BY_SETTING], ids=[case[0] for case in BY_SETTING])
def test_settings_that_do_not_suit_a_long_table(settings: dict[str, str], said: Sequence[str], tmp_path: Path) -> None:
    gone = int(settings.pop("drop", "-1"))
    table = [row for number, row in enumerate(rows()) if number != gone]
    _assert_refused(tmp_path, table, settings, said)


@pytest.mark.parametrize(
    ("make", "settings", "said"), [case[1:] for case in BY_TABLE], ids=[case[0] for case in BY_TABLE]
)
def test_long_tables_that_nothing_can_be_learnt_from(
    make: Callable[[list[Row]], Iterable[Row]], settings: dict[str, str], said: Sequence[str], tmp_path: Path
) -> None:
    _assert_refused(tmp_path, list(make(rows())), settings, said)


def _assert_refused(directory: Path, table: list[Row], settings: dict[str, str], said: Sequence[str]) -> None:
    path = written(directory / "s.csv", table)
    before = everything_in(directory)
    assert_refused(train(path, directory, **settings), *said)
    assert everything_in(directory) == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model of many series, one of a wide table, and one of a wide table with a column that is known ahead."""
    tmp = tmp_path_factory.mktemp("finished")
    one = [row for row in rows() if row["shop"] == "a"]
    cases = {
        "many": (rows(), NAMES, {}), "wide": (one, ("day", "sales", "visits"), {"known_columns": ""}),
        "known": (one, ("day", "sales", "visits", "promotion"), {"known_columns": "[promotion]"}),
    }  # fmt: skip
    for name, (table, names, settings) in cases.items():
        (tmp / name).mkdir()
        assert train(written(tmp / name / "s.csv", table, names), tmp / name, **settings).exit_code == 0
    return tmp


ASKED = changed(rows(), 110, sales=None)
WIDE = ("day", "sales", "visits")
FOR_A_MODEL: list[tuple[str, str, list[Row], Sequence[str], Sequence[str]]] = [
    ("no past column", "many", ASKED, [name for name in NAMES if name != "weather"], ["'weather' does not exist"]),
    ("no known column", "many", ASKED, [name for name in NAMES if name != "price"], ["'price' does not exist"]),
    ("no static column", "many", ASKED, [name for name in NAMES if name != "size"], ["column 'size' does not exist"]),
    ("no series", "many", ASKED, [name for name in NAMES if name != "shop"], ["column 'shop' does not exist"]),
    ("no target", "many", ASKED, [name for name in NAMES if name != "sales"], ["column 'sales' does not exist"]),
    ("no time", "many", ASKED, [name for name in NAMES if name != "day"], ["the time column 'day' does not exist"]),
    ("static changes", "many", changed(ASKED, 100, size=7), NAMES, ["size changes in the series a: The model learnt"]),
    ("short", "many", [row for row in ASKED if number_of(row) > 107], NAMES, ["4 of 4 series have fewer than 3 rows"]),
    ("nothing sold", "many", changed(ASKED, 0, sales=None), NAMES, ["the target 'sales' has no values"]),
    ("hours", "many", [{**row, "day": f"2024-01-{number_of(row) // 24 + 1:02} {number_of(row) % 24:02}:00"}
                       for row in ASKED], NAMES, ["3,600 s apart, but the model learnt from rows 86,400 s apart"]),
    ("twice", "many", [*ASKED[:1], *ASKED], NAMES, ["p.csv:3: 2024-01-01 stands in the series a already"]),
    ("wide", "many", [row for row in ASKED if row["shop"] == "a"], WIDE, ["column 'shop' does not exist"]),
    ("long for wide", "wide", ASKED, ("shop", *WIDE), ["4 series in long format, told apart by shop"]),
    ("long for one series", "known", ASKED, ("shop", *WIDE, "promotion"), ["4 series in long format, told"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("run", "table", "names", "said"), [case[1:] for case in FOR_A_MODEL], ids=[case[0] for case in FOR_A_MODEL]
)
def test_tables_that_a_finished_model_cannot_read(
    run: str, table: list[Row], names: Sequence[str], said: Sequence[str], finished: Path, tmp_path: Path
) -> None:
    path = written(tmp_path / "p.csv", table, names)
    assert_refused(athanor("predict", finished / run / "run", "--input", path), *said)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"known_columns": "[price,promotion]"}, ("has num_known_categories 1", "Name as many known_columns")),
        ({"target_columns": "[sales,visits]"}, ("has num_targets 1",)),
        ({"horizons": "[1,2]"}, ("has horizons [1, 2, 5]",)),
        ({"columns": "[sales,visits]"}, ("has category_sizes [3, 3]", "the same categories")),
        ({"static_columns": "[region]", "columns": "[sales,visits,weather]"}, ("has num_static 1", "static_columns")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_going_on_from_a_model_of_other_columns(
    settings: dict[str, str], said: Sequence[str], finished: Path, tmp_path: Path
) -> None:
    model = finished / "many" / "run" / "model"
    answer = train(written(tmp_path / "s.csv", rows()), tmp_path, model_name=str(model), **settings)
    assert_refused(answer, *said)


def test_going_on_with_more_series_and_with_none_of_the_old_ones(finished: Path, tmp_path: Path) -> None:
    model = finished / "many" / "run" / "model"
    table = rows({**LENGTHS, "more": (0, 120)})
    assert train(written(tmp_path / "s.csv", table), tmp_path, model_name=str(model)).exit_code == 0
    assert athanor("evaluate", finished / "many" / "run", "--dataset", tmp_path / "s.csv").exit_code == 0

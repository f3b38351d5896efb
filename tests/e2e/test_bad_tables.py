"""Tables that nobody can learn from, questions without an answer: a sentence with a remedy, nothing left behind."""

import gzip
import io
import json
import math
import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.support.command_line import athanor
from tests.support.refusals import Case, assert_refused, everything_in, written


def settings(*words: str) -> list[object]:
    return [part for word in words for part in ("--set", word)]


HOUR = timedelta(hours=1)
# In fp32: to measure which precision is fastest would take longer than all the rest.
TINY = settings("model_name=forecaster-tiny", "precision=fp32", "max_steps=1", "warmup_steps=0", "context_length=8")
OF_TASK = {
    "quantile_forecasting": settings("horizons=[1,2]", "quantiles=[0.1,0.5,0.9]"),
    "market_direction": settings("horizons=2", "volatility_window=5"),
}


def table(count: int = 60, changed: Mapping[int, str] | None = None, step: timedelta = HOUR, load: str = "") -> str:
    """Write load and wind by the hour; `changed` lines by their number in the file, `load` instead of all loads."""
    stamps = [f"{datetime(2024, 1, 1) + n * step:%Y-%m-%d %H:%M}" for n in range(count)]
    rows = [f"{stamp},{load or f'{math.sin(n):.3f}'},{math.cos(n / 5):.3f}" for n, stamp in enumerate(stamps)]
    return _joined(["date,load,wind", *rows], changed)


def market(count: int = 90, changed: Mapping[int, str] | None = None, names: str = "open,high,low,close,volume") -> str:
    """Write prices by the hour that go up and down."""
    prices = [100 + 5 * math.sin(n) + 3 * math.sin(n * n) for n in range(count)]
    stamps = [f"{datetime(2024, 1, 1) + n * HOUR:%Y-%m-%d %H:%M}" for n in range(count)]
    rows = [f"{stamp},{p:.3f},{p + 1:.3f},{p - 1:.3f},{p:.3f},9" for stamp, p in zip(stamps, prices, strict=True)]
    return _joined([f"date,{names}", *rows], changed)


def _joined(rows: list[str], changed: Mapping[int, str] | None = None) -> str:
    for line, row in (changed or {}).items():
        rows[line - 1] = row
    return "\n".join(rows) + "\n"


def parquet(text: str) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(text.encode())), file)
    return file.getvalue()


def without(text: str, line: int) -> str:
    rows = text.splitlines(keepends=True)
    return "".join(rows[: line - 1] + rows[line:])


def series(name: str, content: str | bytes, *said: str, extra: str = "", file: str = "t.csv") -> Case:
    words = ["--task", "quantile_forecasting", "--dataset"]
    return Case(name, lambda tmp: [*words, written(tmp / file, content), *settings(*extra.split())], said)


def prices(name: str, content: str, *said: str, extra: str = "") -> Case:
    words = ["--task", "market_direction", "--dataset"]
    return Case(name, lambda tmp: [*words, written(tmp / "m.csv", content), *settings(*extra.split())], said)


def setting(extra: str, *said: str) -> Case:
    return series(extra, GOOD, *said, extra=extra)


GOOD, GOOD_PRICES = table(), market()
EMPTY_LOADS = table(load=" ")
CONSTANT = table(load="5")
NO_LOAD_AT_FIRST = "load,wind\n" + "".join(f"{n if n > 54 else ''},{n * n}\n" for n in range(60))

TABLE_CASES = [
    series("shorter than one window", table(9), "training part has 6 rows", "takes 10", "validation part has 1 rows"),
    series("horizon beyond the data", GOOD, "one window takes 508", "Lower horizons", extra="horizons=500"),
    series("history beyond the data", GOOD, "Lower context_length to 40", extra="context_length=99"),
    series("constant column", CONSTANT, "load is constant or missing", "Leave it out: --set columns=[wind]."),
    series("constant target", CONSTANT, "--set target_columns=[wind].", extra="target_columns=load"),
    series("nothing that changes", "load\n" + "5\n" * 60, "load is constant or missing", "a table whose values change"),
    series("text among numbers", table(changed={7: "2024-01-01 05:00,much,1"}), "t.csv:7: load is 'much'", "Correct"),
    series("decimal comma", table(changed={7: '2024-01-01 05:00,"1,5",1'}), "t.csv:7", "decimal point, 1.5"),
    series("text alone", table(load="much"), "no cell of load is a number", "Leave it out: --set columns=[wind]."),
    series("a row too short", table(changed={7: "2024-01-01 05:00,1"}), "t.csv:7: has 2 cells", "as many cells"),
    series("mixed time zones", table(changed={7: "2024-01-01 05:00Z,1,1"}), "t.csv:7", "zone Z", "in one way"),
    series("time running backwards", table(changed={7: "2024-01-01 03:30,1,1"}), "t.csv:7", "unsorted_stamps=sort"),
    series("stamps twice", table(changed={7: "2024-01-01 04:00,1,1"}), "t.csv:7", "duplicate_stamps=last"),
    series("no stamp", table(changed={7: "noon,1,1"}), "t.csv:7: date is 'noon'", "Write it as"),
    series("a column that is no clock", GOOD, "no cell of load is a stamp (60", "t.csv:2", extra="time_column=load"),
    series("infinity", table(changed={7: "2024-01-01 05:00,inf,1"}), "t.csv:7: load is infinite", "leave it empty"),
    series("gap refused", without(GOOD, 7), "t.csv:7: rows are missing between", "gaps=keep", extra="gaps=refuse"),
    series("missing refused", NO_LOAD_AT_FIRST, "t.csv:2: load has no value", "=mask", extra="missing_values=refuse"),
    series("a column without values", EMPTY_LOADS, "load is constant or missing", "--set columns=[wind]"),
    series("a target without values", EMPTY_LOADS, "'load' has no values", "another", extra="target_columns=load"),
    series("no target to learn", NO_LOAD_AT_FIRST, "no window of the training part", extra="target_columns=load"),
    series("empty file", "", "t.csv is empty", "Give a file with rows"),
    series("header alone", "date,load\n", "has a header and no rows"),
    series("no header", without(GOOD, 1), "the first line holds numbers", "Write a header"),
    series("clock alone", "date\n2024-01-01\n2024-01-02\n", "has no column of numbers", "Add one"),
    series("two columns of a name", GOOD.replace("wind", "load", 1), "two columns are named 'load'", "Rename"),
    series("two separators", "a;b,c\n" + "1;2,3\n" * 60, "split by", "--set delimiter=';' or --set delimiter=','"),
    series("JSON lines", '{"load": 1}\n' * 30, "'.jsonl'", ".parquet", "Convert", file="t.jsonl"),
    series("no ending", GOOD, "the ending ''", "a table has one of .csv, .tsv", file="table"),
    series("damaged Parquet", b"PAR1 nothing", "no readable Parquet", file="t.parquet"),
    series("cut gzip", gzip.compress(GOOD.encode())[:-30], "damaged or cut off", file="t.csv.gz"),
    series("not UTF-8", GOOD.replace("load", "caf\x81", 1).encode("latin-1"), "not UTF-8", "--set encoding="),
    Case("directory", lambda tmp: ["--task", "quantile_forecasting", "--dataset", tmp], ("is a directory",)),
    Case("missing", lambda tmp: ["--task", "quantile_forecasting", "--dataset", tmp / "no.csv"], ("does not exist",)),
]
SETTING_CASES = [
    setting("quantiles=[0.5,0.1]", "must ascend", "Put them in order"),
    setting("quantiles=[0.1,1.0]", "quantiles has 1.0", "between 0 and 1"),
    setting("quantiles=[]", "quantiles is empty"),
    setting("horizons=[]", "horizons is empty", "Name the steps"),
    setting("horizons=[2,1]", "must ascend", "Put them in order"),
    setting("horizons=0", "horizons is 0", "at least 1"),
    setting("horizons=1.5", "horizons is 1.5", "a valid integer", "or a list"),
    setting("context_length=1", "context_length is 1", "at least 2"),
    setting("patch_length=0", "patch_length is 0", "at least 1"),
    setting("volatility_window=42", "training part has 42 rows", "Lower volatility_window"),
    setting("calendar=huor", "calendar 'huor' is not known", "hour, weekday"),
    setting("calendar=[hour] time_column=none columns=[load,wind]", "has no time column", "Drop calendar"),
    setting("calibration=sometimes", "calibration is 'sometimes'", "'guarded', 'adaptive' or 'none'"),
    setting("holidays=ZZ", "holidays names ZZ", "two capital letters"),
    setting("holidays=DE-ZZ", "DE has no part ZZ", "BW, BY", "or say DE for all of it"),
    setting("holidays=de", "holidays has 'de'", "capital letters"),
    setting("holidays=DE,DE", "names a place twice", "Name each once"),
    setting("holidays=false", "holidays has 'false'", '"NO" in quotes'),
    setting("holidays=DE time_column=none columns=[load,wind]", "has no time column", "drop holidays"),
    setting("gaps=ignore", "gaps is 'ignore'", "'keep', 'fill' or 'refuse'"),
    setting("target_columns=[laod]", "the target 'laod' does not exist", "Did you mean 'load'?"),
    setting("target_columns=load,load", "the target 'load' is named 2 times", "Name it once"),
    setting("target_columns=load columns=[wind]", "not among the columns", "Add it: --set columns=[wind,load]."),
    setting("columns=[wnd,load]", "column 'wnd' does not exist", "Did you mean 'wind'?"),
    setting("time_column=dat", "the time column 'dat' does not exist", "Did you mean 'date'?", "time_column=none"),
    setting("floor=NaN", "floor is nan", "must be a number", "Use none"),
    setting("floor=low", "floor is 'low'", "'auto' or 'none'"),
    setting("ceiling=auto", "ceiling is 'auto'", "'none'"),
    setting("floor=2 ceiling=1", "ceiling is 1, but must lie above the floor 2", "Raise the one"),
    setting("floor=[0,3] ceiling=3", "ceiling is 3, but must lie above the floor 3"),
    setting("floor=no", "floor is 'no'", "'auto' or 'none'"),
    setting("floor=[]", "floor is empty", "Give a number, or none"),
    setting(
        "floor=0", "load is -0.757 at 2024-01-01T04:00:00, which lies below the floor 0, the first of ", "Lower floor"
    ),
    setting("ceiling=0.5", "load is 0.841 at 2024-01-01T01:00:00, which lies above the ceiling 0.5", "Raise ceiling"),
    setting("integers=true", "load is 0.841", "no whole number (integers), the first of ", "Say integers=false"),
    setting("integers=2.5", "integers is 2.5", "'auto'"),
    setting(
        "integers=[auto,true,false]", "integers has 3 values, but 2 targets are forecast (load, wind)", "in the order"
    ),
    setting("value_scale=ln", "value_scale is 'ln'", "'log'", "'asinh'"),
    setting("value_scale=log", "load is -0.757 at", "is below 0, where there is no logarithm", "Say value_scale=asinh"),
    setting("value_scale=[log,plain,plain]", "value_scale has 3 values, but 2 targets are forecast", "one for each"),
    setting("split=0.7", "split has 1 parts"),
    setting("split=[0.1,0.1,0.1,0.1]", "split has 4 parts", "Use [0.7, 0.1, 0.2]"),
    setting("split=[0.7,0.3] validation_split=0.2", "validation_split is 0.2", "Drop one"),
    setting("validation_split=1.5", "validation_split is 1.5", "between 0 and 1"),
    setting("split=[0.7,0.7]", "sum to 1.4", "at most 1"),
    setting("split=[0.7,20]", "shares between 0 and 1, or numbers of rows"),
    setting("split=[Infinity,1]", "shares between 0 and 1, or numbers of rows"),
    setting('split=[0.7,"2024-01-02"]', "must be all shares, all numbers of rows or all dates"),
    setting("split=[100,20,20]", "split asks for 140 rows, but t.csv has 60", "Ask for fewer"),
    setting("split=2025-01-01,2025-02-01", "t.csv reaches from 2024-01-01T00:00:00 to 2024-01-03T11:00:00", "within"),
    setting("split=2024-01-03,2024-01-02", "must ascend", "Put them in order"),
    setting("split=now,then", "'now', which is no date", "2024-03-31"),
    setting("split=2024-01-02T00:00Z,2024-01-03T00:00Z", "are without a zone", "without its zone"),
    setting("split=2024-01-02,2024-01-03 time_column=none columns=[load]", "no time column", "Use shares"),
    setting("metric_name=picp_80", "metric_name 'picp_80' is not known", "loss, crps, mse, mae"),
    setting("eval_dataset=t.csv", "eval_dataset means nothing", "evaluate RUN --dataset"),
    setting("num_labels=3 class_weights=balanced", "class_weights means nothing", "num_labels means nothing"),
    setting("price_column=load", "price_column means nothing", "target_columns"),
    setting("target_column=load", "Did you mean 'target_columns'?"),
    setting("model_name=encoder-tiny", "'encoder-tiny' is no preset of this task", "forecaster-tiny"),
]
MARKET_CASES = [
    prices("no close", market(names="open,high,low,paid,volume"), "None could", "--set price_column="),
    prices(
        "two closes", market(names="close_a,high,low,close_b,volume"), "'close_a', 'close_b' could", "price_column="
    ),
    prices("misspelt price", GOOD_PRICES, "price_column is 'clsoe'", "'close'", extra="price_column=clsoe"),
    prices(
        "negative price", market(changed={7: "2024-01-01 05:00,1,2,-3,-1,5"}), "m.csv:7: ", "close is -1", "Correct"
    ),
    prices("high below low", market(changed={7: "2024-01-01 05:00,1,1,2,1,5"}), "high 1 is below low 2", "Correct"),
    prices("two horizons", GOOD_PRICES, "a direction has one horizon", "--set horizons=6", extra="horizons=[1,2]"),
    prices("all flat", GOOD_PRICES, "training part is 'flat'", "Change dead_band", extra="dead_band=1000"),
    prices("long volatility", GOOD_PRICES, "Lower volatility_window", extra="volatility_window=63"),
    prices("negative band", GOOD_PRICES, "dead_band is -1", "at least 0", extra="dead_band=-1"),
    prices("two labels", GOOD_PRICES, "has 3 labels (down, flat, up)", "Drop num_labels", extra="num_labels=2"),
    prices("unknown label", GOOD_PRICES, "the label 'side'", "down, flat, up", extra='class_weights={"side":2}'),
    prices("a target", GOOD_PRICES, "target_columns means nothing", "price_column", extra="target_columns=close"),
    prices("a floor", GOOD_PRICES, "floor means nothing", "Leave it out", extra="floor=0"),
    prices("quantiles", GOOD_PRICES, "quantiles means nothing", "Leave it out", extra="quantiles=[0.1,0.9]"),
    prices("evaluation data", GOOD_PRICES, "eval_dataset means nothing", extra="eval_dataset=m.csv"),
    prices("metric of values", GOOD_PRICES, "metric_name 'crps' is not known", "macro_f1", extra="metric_name=crps"),
]


def instruments(changed: Mapping[int, str] | None = None, step: timedelta = HOUR, clock: bool = True) -> str:
    """Write prices of two instruments, six rows a session, the instruments by turns: lines 2 and 3 are of one time."""
    rows = ["date,ticker,close" if clock else "ticker,close"]
    for n in range(60):
        stamp = datetime(2024, 1, 1, 9) + (timedelta(days=n // 6) + n % 6 * HOUR if step == HOUR else n * step)
        for ticker, size in (("A", 1), ("B", 9)):
            cells = [ticker, f"{100 + size * math.sin(n) + size * math.sin(n * n):.3f}"]
            rows.append(",".join([f"{stamp:%Y-%m-%d %H:%M}", *cells] if clock else cells))
    return _joined(rows, changed)


TWO = instruments()
CLOSES = "close\n" + "".join(f"{100 + 5 * math.sin(n * n):.3f}\n" for n in range(90))
INSTRUMENT_CASES = [
    prices("negative price of one", instruments({5: "2024-01-01 10:00,B,-1"}), "B, 2024-01-01T10:00:00: close is -1"),
    prices(
        "a stamp twice", instruments({5: "2024-01-01 10:00,A,9"}), "m.csv:5: 2024-01-01T10:00:00 stands in the series A"
    ),
    prices("time runs back", instruments({5: "2024-01-01 08:00,B,9"}), "m.csv:5: time runs back", "in the series B"),
    prices(
        "no instrument",
        instruments({5: "2024-01-01 10:00,,9"}),
        "m.csv:5: ticker, which tells series",
        extra="series_column=ticker",
    ),
    prices("misspelt instrument", TWO, "column 'tikcer' does not exist", "'ticker'", extra="series_column=tikcer"),
    prices(
        "price for instrument", TWO, "has no column beside those that are named", extra="series_column=[ticker,close]"
    ),
    prices("empty instrument", TWO, "series_column is empty", extra="series_column=[]"),
    prices("no price of many", TWO.replace("close", "paid"), "None could", "--set price_column="),
    prices("known ahead", TWO, "known_columns means nothing", "prices of an instrument", extra="known_columns=close"),
    prices("long volatility of many", TWO, "no instrument has more than 42 rows", extra="volatility_window=43"),
    prices("histories too long", TWO, "fewer than 100 rows", "Give longer series", extra="context_length=400"),
    prices("horizon of many", TWO, "validation part has 6 rows", "one window takes 7", extra="horizons=7"),
    prices("unknown gaps", TWO, "session_gaps is 'night'", "'count' or 'cut'", extra="session_gaps=night"),
    prices("days are sessions", instruments(step=24 * HOUR), "each is a session of its own", extra="session_gaps=cut"),
    prices("no times", CLOSES, "has no time column, and session_gaps=cut", extra="session_gaps=cut"),
    prices("long horizon", TWO, "a session usually has 6 rows", "Lower horizons", extra="session_gaps=cut horizons=6"),
    series("sessions of values", GOOD, "session_gaps means nothing", extra="session_gaps=cut"),
]


@pytest.mark.parametrize(
    "case", [*TABLE_CASES, *SETTING_CASES, *MARKET_CASES, *INSTRUMENT_CASES], ids=lambda case: case.name
)
def test_bad_tables_to_train_end_in_a_sentence(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = case.make(tmp_path)
    before = everything_in(tmp_path)
    assert_refused(athanor("train", *TINY, *OF_TASK[str(words[1])], *words), *case.said)
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("name", ["wind", "wi nd", "(wind)", "w'ind"])
def test_the_setting_that_a_refusal_names_can_be_pasted_into_a_shell(name: str, tmp_path: Path) -> None:
    data = written(tmp_path / "t.csv", CONSTANT.replace("wind", name, 1))
    words = ["train", "--task", "quantile_forecasting", *TINY, *OF_TASK["quantile_forecasting"], "--dataset", data]
    refused = athanor(*words, "--output", tmp_path / "run")
    remedy = shlex.split(refused.stderr.partition("Leave it out: ")[2].strip().removesuffix("."))
    assert athanor(*words, *remedy, "--output", tmp_path / "run").exit_code == 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forecaster in `q` and a model of directions in `d`, each after one step."""
    tmp = tmp_path_factory.mktemp("finished")
    for task, name, content in (("quantile_forecasting", "q", GOOD), ("market_direction", "d", GOOD_PRICES)):
        data = written(tmp / f"{name}.csv", content)
        answer = athanor("train", "--task", task, *TINY, *OF_TASK[task], "--dataset", data, "--output", tmp / name)
        assert answer.exit_code == 0, answer
    return tmp


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("t.tsv", GOOD.replace(",", "\t").encode()),
        ("t.csv.gz", gzip.compress(GOOD.encode(), mtime=0)),
        ("t.tsv.gz", gzip.compress(GOOD.replace(",", "\t").encode(), mtime=0)),
        ("t.parquet", parquet(GOOD)),
    ],
)
def test_a_table_says_the_same_in_every_format(file: str, content: bytes, finished: Path, tmp_path: Path) -> None:
    as_csv = athanor("predict", finished / "q", "--input", finished / "q.csv")
    answer = athanor("predict", finished / "q", "--input", written(tmp_path / file, content))
    assert (answer.exit_code, answer.stdout) == (0, as_csv.stdout)


def test_a_table_can_come_through_standard_input(finished: Path) -> None:
    as_csv = athanor("predict", finished / "q", "--input", finished / "q.csv")
    answer = athanor("predict", finished / "q", "--input", "-", stdin=GOOD.encode())
    assert (answer.exit_code, answer.stdout) == (0, as_csv.stdout)
    assert_refused(athanor("predict", finished / "q", "--input", "-"), "error: standard input is empty")


def test_a_history_shorter_than_a_window_predicts_and_is_not_scored(finished: Path, tmp_path: Path) -> None:
    short = written(tmp_path / "s.csv", table(9))
    assert athanor("predict", finished / "q", "--input", short).exit_code == 0
    refused = athanor("evaluate", finished / "q", "--dataset", short)
    assert_refused(refused, "the table has 9 rows", "one window takes 10", "Give a longer table")


def test_rows_without_a_value_foretell_nothing(finished: Path, tmp_path: Path) -> None:
    rows = [f"2024-01-02 {hour:02}:00,," for hour in range(9)]
    answer = athanor(
        "predict", finished / "q", "--input", written(tmp_path / "t.csv", _joined(["date,load,wind", *rows]))
    )
    assert_refused(answer, "t.csv holds no value of load or wind", "Give a table with what was observed so far.")


def test_rows_that_are_yet_to_come_foretell_nothing_and_are_counted(finished: Path, tmp_path: Path) -> None:
    known = [f"2024-01-01 {hour:02}:00,{hour + 1},{hour % 5 + 1}" for hour in range(24)]
    ahead = [f"2024-01-02 {hour:02}:00,," for hour in range(20)]
    both, past = _joined(["date,load,wind", *known, *ahead]), _joined(["date,load,wind", *known])
    answer = athanor("predict", finished / "q", "--input", written(tmp_path / "t.csv", both))
    assert_refused(answer, "the last 20 rows of t.csv hold no value of load or wind", "Leave out the last 20 rows")
    followed = athanor("predict", finished / "q", "--input", written(tmp_path / "past.csv", past))
    assert followed.exit_code == 0
    assert "2024-01-02T00:00" in followed.stdout.splitlines()[1]


@pytest.mark.parametrize("command", [("predict", "--input"), ("evaluate", "--dataset")], ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("run", "content", "said"),
    [
        ("q", "", ("is empty",)),
        ("q", GOOD.replace("wind", "wnd", 1), ("column 'wind' does not exist", "rename a column, perhaps 'wnd'")),
        ("q", GOOD.replace("date", "when", 1), ("time column 'date' does not exist", "rename a column")),
        ("q", table(step=timedelta(minutes=5)), ("300 s apart", "3,600 s apart", "to the same step")),
        ("q", table(changed={7: "2024-01-01 05:00,much,1"}), ("t.csv:7: load is 'much'",)),
        ("d", market(changed={7: "2024-01-01 05:00,1,2,-3,-1,5"}), ("t.csv:7: ", "close is -1")),
        ("d", GOOD, ("column 'close' does not exist",)),
    ],
    ids=["empty", "other column", "other clock", "other step", "text", "negative price", "no prices"],
)
def test_a_table_that_does_not_suit_a_finished_model_ends_in_a_sentence(
    run: str, content: str, said: tuple[str, ...], command: tuple[str, str], finished: Path, tmp_path: Path
) -> None:
    before = everything_in(finished)
    answer = athanor(command[0], finished / run, command[1], written(tmp_path / "t.csv", content))
    assert_refused(answer, *said)
    assert everything_in(finished) == before


@pytest.mark.parametrize(
    ("model", "extra", "said"),
    [
        ("q", "", ("'q' is no preset", "such as q/model")),
        ("d/model", "", ("has num_classes 3", "want 0", "Name a model of this task")),
        ("q/model", "context_length=12", ("has context_length 8", "Set context_length as the model has it")),
        ("q/model", "horizons=[1,3]", ("has horizons [1, 2]", "want [1, 3]", "Set horizons as the model has it")),
        ("q/model", "columns=[load]", ("has num_inputs 2", "want 1", "Give as many columns")),
        ("bert", "", ("of the type 'bert'", "forecaster-tiny")),
        ("broken", "", ("config.json cannot be opened: it is not JSON", "Restore")),
        ("q.csv", "", ("'q.csv' is no preset",)),
    ],
)
def test_a_model_that_does_not_suit_the_table_ends_in_a_sentence(
    model: str, extra: str, said: tuple[str, ...], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    for name, config in (("bert", json.dumps({"model_type": "bert"})), ("broken", "{")):
        (finished / name).mkdir(exist_ok=True)
        written(finished / name / "config.json", config)
    before = everything_in(finished)
    words = [*TINY, *OF_TASK["quantile_forecasting"], *settings(f"model_name={model}", *extra.split())]
    assert_refused(athanor("train", "--task", "quantile_forecasting", "--dataset", "q.csv", *words), *said)
    assert everything_in(finished) == before


def test_a_forecaster_classifies_no_text(finished: Path, tmp_path: Path) -> None:
    rows = [{"text": f"t {n}", "label": "ab"[n % 2]} for n in range(20)]
    words = ["train", "--task", "text_classification", "--dataset", written(tmp_path / "t.json", rows)]
    assert_refused(athanor(*words, "--model", "forecaster-tiny"), "'forecaster-tiny' is no preset", "encoder-tiny")
    assert_refused(athanor(*words, "--model", finished / "q" / "model"), "cannot be opened")

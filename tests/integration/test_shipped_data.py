"""The shipped data is what its families say, and what DATA.md promises of it."""

import ast
import csv
import difflib
import json
from collections import Counter, defaultdict
from datetime import datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pyarrow import parquet

from data.generator.__main__ import DATA, SECURITY, SECURITY_VALIDATION, SEED, message_rows
from data.generator.market import (
    BARS,
    REGIME,
    REGIMES,
    SESSIONS,
    TRANSITIONS,
    WORDS,
    Bar,
    drawn_words,
    market_bars,
    simulate,
    write_bars,
)
from data.generator.security_rows import (
    COMPOSED_PARTS,
    PAIRS_PER_FAMILY,
    SEVERITY,
    UNSEEN_FAMILIES,
    code_families,
    composed,
    family_id,
    family_rows,
    is_family_held_out,
)
from data.generator.writing import write_array
from domain.task import SEVERITIES, TASKS
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.labels.splitting import split_rows
from infrastructure.data.sources.fields import sought

Rows = list[dict[str, Any]]
Numbers = NDArray[np.float64]
SURROUNDINGS = {"web", "script", "database", "file", "crypto", "subprocess", "deserialisation", "template"}


def rows_of(name: str) -> Rows:
    rows: Rows = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return rows


def values_by(key: str, value: str, rows: Rows) -> dict[str, set[str]]:
    values: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        values[row[key]].add(row[value])
    return values


def shared_lines(first: str, second: str) -> float:
    """Give the share of lines that two functions have in common, in order."""
    return difflib.SequenceMatcher(None, first.splitlines(), second.splitlines(), autojunk=False).ratio()


@pytest.fixture(scope="module")
def learnt() -> list[dict[str, Any]]:
    return parquet.read_table(SECURITY).to_pylist()


@pytest.fixture(scope="module")
def scored() -> list[dict[str, Any]]:
    return parquet.read_table(SECURITY_VALIDATION).to_pylist()


@pytest.fixture(scope="module")
def security(learnt: list[dict[str, Any]], scored: list[dict[str, Any]]) -> Rows:
    """Give the rows of hand-written families."""
    return [row for row in (*learnt, *scored) if not row["family"].startswith("composed/")]


@pytest.fixture(scope="module")
def messages() -> Rows:
    return rows_of("classification")


@pytest.fixture(scope="module")
def bars() -> list[Bar]:
    return market_bars(SEED)


@pytest.fixture(scope="module")
def market() -> Rows:
    with (DATA / "market_simulated.csv").open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def traded(market: Rows) -> dict[str, Numbers]:
    """Give the numbers of the file, and the log return of each bar as `move`."""
    numbers = {name: np.array([float(row[name]) for row in market]) for name in market[0] if name != "time"}
    return numbers | {"move": np.log(numbers["close"] / numbers["open"])}


def autocorrelations(series: Numbers) -> Numbers:
    """Correlate a series with itself 1 to 5 steps later."""
    centred = series - series.mean()
    return np.array([centred[:-lag] @ centred[lag:] for lag in range(1, 6)]) / (centred @ centred)


def half_hour(series: Numbers, start: time) -> float:
    """Average the half-hour from `start` over all sessions."""
    first = ((start.hour - 9) * 60 + start.minute - 30) // 5
    return float(series.reshape(-1, BARS)[:, first : first + 6].mean())


def test_generating_messages_again_gives_the_committed_bytes(tmp_path: Path) -> None:
    write_array(tmp_path / "classification.json", message_rows())
    committed = (DATA / "classification.json").read_bytes()
    assert (tmp_path / "classification.json").read_bytes() == committed, "classification.json is stale: `make data`"


def test_generating_functions_again_gives_the_committed_rows(
    learnt: list[dict[str, Any]], scored: list[dict[str, Any]]
) -> None:
    """The first programs of each part and all families: the others follow from the same stream."""
    for rows, held_out, parts in ((learnt, False, ("",)), (scored, True, COMPOSED_PARTS)):
        committed = {row["code"]: row for row in rows}
        families = [family for family in code_families() if is_family_held_out(family) == held_out]
        part = {"part": UNSEEN_FAMILIES} if held_out else {}
        made = [row | part for row in family_rows(families, SEED)]
        made += [row for name in parts for row in composed(50, SEED, name)]
        for row in made:
            marks = [dict(zip(("start", "end", "name"), mark, strict=True)) for mark in row["marks"]]
            assert committed.get(row["code"]) == row | {"marks": marks}, "data/*.parquet is stale: run `make data`"


def test_simulating_again_gives_the_committed_bytes(bars: list[Bar], tmp_path: Path) -> None:
    write_bars(tmp_path / "market.csv", bars)
    committed = (DATA / "market_simulated.csv").read_bytes()
    assert (tmp_path / "market.csv").read_bytes() == committed, "data/market_simulated.csv is stale: run `make data`"
    assert len(committed) < 1_600_000


class TestSecurity:
    def test_it_has_forty_thousand_functions_in_six_megabytes(
        self, learnt: list[dict[str, Any]], scored: list[dict[str, Any]]
    ) -> None:
        assert len(learnt) + len(scored) >= 40_000
        assert SECURITY.stat().st_size + SECURITY_VALIDATION.stat().st_size <= 6_000_000
        for rows in (learnt, scored):
            assert {row["label"] for row in rows} == set(SEVERITIES)
            assert sum(row["label"] == "safe" for row in rows) * 2 == len(rows)

    def test_the_documentation_counts_what_is_in_the_files(
        self, learnt: list[dict[str, Any]], scored: list[dict[str, Any]]
    ) -> None:
        page = (DATA / "DATA.md").read_text(encoding="utf-8")
        for name, rows in (("security", learnt), ("security_validation", scored)):
            counts = Counter(row["label"] for row in rows).most_common()
            said = f"`{name}.parquet`: {len(rows):,} rows; " + ", ".join(
                f"{label} {count:,}" for label, count in counts
            )
            assert said in " ".join(page.split())
        of = defaultdict(list)
        for row in (*learnt, *scored):
            of[row["cwe"]].append(row)
        for cwe, rows in of.items():
            severity = max({row["label"] for row in rows} - {"safe"})
            families = {row["family"] for row in rows if not row["family"].startswith("composed/")}
            programs = sum(row["family"].startswith("composed/") for row in rows)
            assert f"| {cwe} | {severity} | {len(families)} | {programs} | {len(rows)} |\n" in page

    def test_nothing_that_is_scored_is_learnt(self, learnt: list[dict[str, Any]], scored: list[dict[str, Any]]) -> None:
        for value_of in (lambda row: row["family"], lambda row: "".join(row["code"].split())):
            assert not {value_of(row) for row in learnt} & {value_of(row) for row in scored}
        assert {row["cwe"] for row in scored} <= {row["cwe"] for row in learnt}

    def test_each_part_of_the_validation_has_some_hundred_pairs(self, scored: list[dict[str, Any]]) -> None:
        counts = Counter(row["part"] for row in scored)
        assert set(counts) == {*COMPOSED_PARTS, UNSEEN_FAMILIES}
        assert min(counts.values()) >= 400

    def test_twins_stand_behind_one_another(self, learnt: list[dict[str, Any]]) -> None:
        for first, second in zip(learnt[::2], learnt[1::2], strict=True):
            assert first["family"] == second["family"]
            assert (first["label"] == "safe") != (second["label"] == "safe")

    def test_marks_of_a_family_are_the_lines_of_one_twin(self, security: Rows) -> None:
        for row in security:
            names = {mark["name"] for mark in row["marks"]}
            assert names <= {"guard" if row["label"] == "safe" else "harmful"}
            for mark in row["marks"]:
                text = row["code"][mark["start"] : mark["end"]]
                assert text == text.strip() != ""
                assert "\n" not in text

    def test_families_have_five_classes_and_thirty_weaknesses(self, security: Rows) -> None:
        assert len(security) == 2 * PAIRS_PER_FAMILY * len(code_families())
        assert {row["label"] for row in security} == set(SEVERITIES)
        assert len({row["cwe"] for row in security}) >= 30
        assert {row["surrounding"] for row in security} >= SURROUNDINGS

    def test_every_code_parses_and_defines_a_function(self, security: Rows) -> None:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        without = [
            r["family"] for r in security if not any(isinstance(n, kinds) for n in ast.walk(ast.parse(r["code"])))
        ]
        assert not without

    def test_half_of_each_family_is_safe_and_the_rest_has_the_severity_of_its_weakness(self, security: Rows) -> None:
        labels: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in security:
            labels[row["family"], row["cwe"]].append(row["label"])
        for (family, cwe), found in labels.items():
            severity = SEVERITY[int(cwe.removeprefix("CWE-"))]
            assert sorted(found) == sorted(["safe", severity] * (len(found) // 2)), family

    def test_each_weakness_has_three_families_in_two_surroundings(self, security: Rows) -> None:
        families = values_by("cwe", "family", security)
        surroundings = values_by("cwe", "surrounding", security)
        assert {cwe: len(found) for cwe, found in families.items() if len(found) < 3} == {}
        assert {cwe: found for cwe, found in surroundings.items() if len(found) < 2} == {}

    def test_the_severities_are_those_of_the_shared_table(self, shared: Path) -> None:
        table = json.loads((shared / "data" / "security" / "cwe_severity.json").read_text(encoding="utf-8"))
        severities = {int(cwe.removeprefix("CWE-")): facts["severity"] for cwe, facts in table["cwe"].items()}
        assert severities == SEVERITY
        assert tuple(table["labels"]) == SEVERITIES

    def test_twins_differ_in_code_and_share_most_of_their_lines(self) -> None:
        unlike, alike = set(), set()
        for family in code_families():
            pairs = list(family.pairs(PAIRS_PER_FAMILY, SEED))
            assert len(pairs) == PAIRS_PER_FAMILY, family_id(family)
            for vulnerable, fixed in ((weak.characters, safe.characters) for weak, safe in pairs):
                if ast.dump(ast.parse(vulnerable)) == ast.dump(ast.parse(fixed)):
                    alike.add(family_id(family))
                if shared_lines(vulnerable, fixed) <= 0.5:
                    unlike.add(family_id(family))
        assert not alike, "a comment or a blank is no fix"
        assert not unlike, "a fix changes a few lines"


class TestMessages:
    def test_each_of_five_labels_has_as_many_rows_as_the_others(self, messages: Rows) -> None:
        counts = np.unique([row["label"] for row in messages], return_counts=True)[1]
        assert len(counts) == 5
        assert len(set(counts.tolist())) == 1

    def test_a_label_has_ten_families_and_a_family_one_label(self, messages: Rows) -> None:
        assert {
            label for label, families in values_by("label", "family", messages).items() if len(families) < 10
        } == set()
        assert {name for name, labels in values_by("family", "label", messages).items() if len(labels) > 1} == set()


def test_the_default_split_keeps_a_family_on_one_side_and_every_label_on_both() -> None:
    defaults, name = TASKS["text_classification"], "classification"
    rows = load_rows(DATA / f"{name}.json", RowSchema(sought("text", defaults.text_fields), labels=defaults.labels))
    split = split_rows(rows, defaults.settings["validation_split"], seed=42)
    written = rows_of(name)
    sides = [
        {key: {written[i][key] for i in part} for key in ("family", "label")}
        for part in (split.train, split.evaluation)
    ]
    assert sides[0]["family"].isdisjoint(sides[1]["family"])
    assert sides[0]["label"] == sides[1]["label"] == set(rows.label_names)
    assert len(split.train) + len(split.evaluation) == len(written)
    assert split.num_duplicates == 0


class TestMarket:
    def test_it_is_whole_sessions_of_weekdays_every_five_minutes_in_order(self, market: Rows) -> None:
        stamps = [datetime.fromisoformat(row["time"]) for row in market]
        assert len(stamps) == SESSIONS * BARS >= 20_000
        assert all(earlier < later for earlier, later in pairwise(stamps))
        sessions: dict[object, list[time]] = defaultdict(list)
        for stamp in stamps:
            assert stamp.weekday() < 5
            sessions[stamp.date()].append(stamp.time())
        opening = datetime(2021, 1, 4, 9, 30)
        hours = [(opening + number * timedelta(minutes=5)).time() for number in range(78)]
        assert hours[-1] == time(15, 55)
        assert all(found == hours for found in sessions.values())

    def test_open_and_close_lie_between_low_and_high(self, traded: dict[str, Numbers]) -> None:
        assert (traded["low"] > 0).all()
        assert (traded["low"] <= np.minimum(traded["open"], traded["close"])).all()
        assert (traded["high"] >= np.maximum(traded["open"], traded["close"])).all()

    def test_volumes_are_whole_and_positive(self, market: Rows) -> None:
        assert all(row["volume"].isdecimal() and int(row["volume"]) > 0 for row in market)

    def test_a_bar_opens_at_the_last_close_except_after_a_night(self, traded: dict[str, Numbers]) -> None:
        gaps = np.log(traded["open"][1:] / traded["close"][:-1])
        nights = np.arange(1, len(gaps) + 1) % BARS == 0
        assert not gaps[~nights].any()
        assert 2 < gaps[nights].std() / traded["move"].std() < 6

    def test_the_open_is_twice_as_volatile_as_noon_and_trades_twice_as_much(self, traded: dict[str, Numbers]) -> None:
        for series in (np.abs(traded["move"]), traded["volume"]):
            noon = half_hour(series, time(12, 0))
            assert half_hour(series, time(9, 30)) > 1.8 * noon
            assert half_hour(series, time(15, 30)) > 1.3 * noon

    def test_volatility_and_volume_last_and_the_direction_does_not(self, traded: dict[str, Numbers]) -> None:
        move = traded["move"]
        assert (autocorrelations(np.abs(move)) > 0.2).all()
        assert (autocorrelations(traded["volume"]) > 0.2).all()
        assert (np.abs(autocorrelations(move)) < 3 / np.sqrt(len(move))).all()
        assert (np.abs(autocorrelations(np.sign(move))) < 3 / np.sqrt(len(move))).all()
        rises, falls = (move > 0).sum(), (move < 0).sum()
        assert abs(rises - falls) < 3 * np.sqrt(rises + falls)

    def test_volume_rises_with_the_size_of_the_return(self, traded: dict[str, Numbers]) -> None:
        assert np.corrcoef(np.abs(traded["move"]), traded["volume"])[0, 1] > 0.5

    def test_each_regime_is_more_volatile_and_trades_more_than_the_calmer_one(
        self, bars: list[Bar], traded: dict[str, Numbers]
    ) -> None:
        regimes = np.array([bar.regime for bar in bars])
        deviations, volumes = (
            [summary(traded[name][regimes == regime]) for regime in range(len(REGIMES))]
            for name, summary in (("move", np.std), ("volume", np.mean))
        )
        assert all(wilder > 1.7 * calmer for calmer, wilder in pairwise(deviations))
        assert all(wilder > 1.3 * calmer for calmer, wilder in pairwise(volumes))

    @pytest.mark.parametrize("regime", range(len(REGIMES)))
    def test_a_regime_is_followed_by_the_others_as_often_as_stated(self, bars: list[Bar], regime: int) -> None:
        assert sum(TRANSITIONS[regime]) == pytest.approx(1)
        following = np.array([later.regime for bar, later in pairwise(bars) if bar.regime == regime])
        for other, chance in enumerate(TRANSITIONS[regime]):
            deviation = np.sqrt(len(following) * chance * (1 - chance))
            assert abs((following == other).sum() - len(following) * chance) <= 3 * deviation

    def test_turning_every_coin_of_the_price_mirrors_it_and_changes_no_volume(self, bars: list[Bar]) -> None:
        words = drawn_words(SEED)
        noise = words[:, REGIME - 1].copy()
        words[:, :REGIME] ^= np.uint64(2**64 - 1)
        words[:, REGIME - 1] = noise
        turned = simulate(words)
        assert [bar[5:] for bar in turned] == [bar[5:] for bar in bars]
        mirrored = 100**2 / np.array([(bar.open, bar.low, bar.high, bar.close) for bar in bars])
        np.testing.assert_allclose(np.array([bar[1:5] for bar in turned]), mirrored, rtol=1e-9)

    def test_what_comes_later_changes_no_earlier_bar(self, bars: list[Bar]) -> None:
        words = drawn_words(SEED)[: 3 * BARS]
        words[100:] = drawn_words(SEED + 1)[:1]
        changed = simulate(words)
        assert words.shape == (3 * BARS, WORDS)
        assert changed[:100] == bars[:100]
        assert changed[100] != bars[100]

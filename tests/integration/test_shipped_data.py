"""The shipped data is what its families say, and what DATA.md promises of it."""

import ast
import difflib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.generator.__main__ import (
    DATA,
    PAIRS_PER_FAMILY,
    SEED,
    SEVERITY,
    code_families,
    family_id,
    message_rows,
    security_rows,
    write,
)
from domain.task import SEVERITIES, TASKS
from infrastructure.data.rows import RowSchema, load_rows
from infrastructure.data.splitting import split_rows

Rows = list[dict[str, str]]
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
def security() -> Rows:
    return rows_of("security")


@pytest.fixture(scope="module")
def messages() -> Rows:
    return rows_of("classification")


@pytest.mark.parametrize(("name", "make"), [("security", security_rows), ("classification", message_rows)])
def test_generating_again_gives_the_committed_bytes(name: str, make: Any, tmp_path: Path) -> None:
    write(tmp_path / f"{name}.json", make())
    committed = (DATA / f"{name}.json").read_bytes()
    assert (tmp_path / f"{name}.json").read_bytes() == committed, f"data/{name}.json is stale: run `make data`"


class TestSecurity:
    def test_it_has_a_thousand_functions_in_five_classes_and_thirty_weaknesses(self, security: Rows) -> None:
        assert len(security) >= 1_000
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
            for vulnerable, fixed in pairs:
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


@pytest.mark.parametrize(
    ("name", "task"), [("security", "security_classification"), ("classification", "text_classification")]
)
def test_the_default_split_keeps_a_family_on_one_side_and_every_label_on_both(name: str, task: str) -> None:
    defaults = TASKS[task]
    rows = load_rows(DATA / f"{name}.json", RowSchema(defaults.text_fields, labels=defaults.labels))
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

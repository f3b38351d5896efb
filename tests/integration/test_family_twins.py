"""Twins of hand-written families, carried out: the one lets a hostile input do its harm, the other does not."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from data.generator.__main__ import SEED
from data.generator.security_rows import code_families, family_id, family_rows
from tests.support.twins import commands, doors, effects, values
from tests.support.twins.world import World

PROBES = doors.PROBES | commands.PROBES | values.PROBES | effects.PROBES
PAIRS = 2


@pytest.fixture(scope="module")
def twins() -> dict[str, list[tuple[str, bool]]]:
    """Give code and whether it is safe, by family."""
    found = defaultdict(list)
    for row in family_rows((family for family in code_families() if family_id(family) in PROBES), SEED):
        found[row["family"]].append((row["code"], row["label"] == "safe"))
    return found


@pytest.mark.parametrize("family", PROBES)
def test_a_hostile_input_harms_one_twin_and_an_honest_one_is_served_by_both(
    family: str, twins: dict[str, list[tuple[str, bool]]], tmp_path: Path
) -> None:
    assert {safe for _, safe in twins[family]} == {False, True}
    for number, (code, safe) in enumerate(twins[family][: 2 * PAIRS]):
        outcome = PROBES[family](World(code, tmp_path / str(number)))
        assert outcome.served, code
        assert outcome.harmed is not safe, code


def test_more_than_a_hundred_families_are_carried_out() -> None:
    assert len(PROBES) > 100


def test_more_than_half_of_the_families_call_the_same_functions_in_both_twins() -> None:
    alike = [len({called(text.characters) for text in next(family.pairs(1, SEED))}) == 1 for family in code_families()]
    assert sum(alike) > len(alike) / 2


def called(code: str) -> frozenset[str]:
    """Name the functions that are called in some code."""
    return frozenset(ast.unparse(node.func) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))

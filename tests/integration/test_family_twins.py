"""Twins of hand-written families, carried out: the one lets a hostile input do its harm, the other does not."""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.twins import commands, doors, effects, values
from tests.support.twins.world import World

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "security.json"
PROBES = doors.PROBES | commands.PROBES | values.PROBES | effects.PROBES


@pytest.fixture(scope="module")
def shipped() -> dict[str, list[tuple[str, bool]]]:
    """Give code and whether it is safe, by family."""
    rows = defaultdict(list)
    for row in json.loads(SHIPPED.read_text(encoding="utf-8")):
        rows[row["family"]].append((row["code"], row["label"] == "safe"))
    return rows


@pytest.mark.parametrize("family", PROBES)
def test_a_hostile_input_harms_one_twin_and_an_honest_one_is_served_by_both(
    family: str, shipped: dict[str, list[tuple[str, bool]]], tmp_path: Path
) -> None:
    of_each = [[row for row in shipped[family] if row[1] is safe][:2] for safe in (False, True)]
    for number, (code, safe) in enumerate([*of_each[0], *of_each[1]]):
        outcome = PROBES[family](World(code, tmp_path / str(number)))
        assert outcome.served, code
        assert outcome.harmed is not safe, code


def test_more_than_a_hundred_families_are_carried_out() -> None:
    assert len(PROBES) > 100

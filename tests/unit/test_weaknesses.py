"""Kinds of weaknesses that are told have a name."""

import json

from bandit.core.issue import Cwe

from domain.weaknesses import NAMES, address_of_cwe, name_of_cwe
from tests.support.sources import ROOT


def test_every_kind_that_bandit_and_the_shipped_data_know_has_a_name() -> None:
    of_bandit = {number for number in vars(Cwe).values() if isinstance(number, int) and number}
    of_data = set(map(int, json.loads((ROOT / "data/generator/severity.json").read_text(encoding="utf-8"))))
    assert of_bandit
    assert (of_bandit | of_data) - set(NAMES) == set()


def test_a_kind_without_a_name_is_told_by_its_number() -> None:
    assert [name_of_cwe(number) for number in (None, 78, 99_999)] == ["", NAMES[78], "CWE-99999"]
    assert address_of_cwe(78) == "https://cwe.mitre.org/data/definitions/78.html"

"""The page of promises names tests and sections that exist."""

import re
from pathlib import Path

import pytest

from benchmarks.fault_harness.sections import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
PROMISES = [
    line for line in PAGE.splitlines() if line.startswith("| ") and "| promise" not in line and "`tests/" in line
]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda line: line[2:40])
def test_each_promise_names_tests_and_sections_that_exist(promise: str) -> None:
    files = re.findall(r"`(tests/[^`]+)`", promise)
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
    named = [name for words in re.findall(r"--sections ([a-z_ ]+)", promise) for name in words.split()]
    assert {*named} <= {*SECTIONS}


def test_each_section_of_the_harness_attacks_a_promise() -> None:
    named = {name for words in re.findall(r"`--sections ([a-z_ ]+)`", PAGE) for name in words.split()}
    assert named == {*SECTIONS}

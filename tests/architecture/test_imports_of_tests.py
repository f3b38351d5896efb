"""No test stands on another: what several of them share lives in tests/support."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.support.sources import imports_of, sources

# What tests import, the cases of the hostile arena among it; every other file below tests/ is a test.
HELPERS = ("tests/support", "tests/fakes", "tests/faults/hostile", "tests/conftest.py")


# A test that is not just being defined; to parse the others, nearly all, would take a second.
NAMED = re.compile(r"(?<!def )\btest_")


def imported_tests(path: PurePosixPath, source: str) -> Iterator[str]:
    """Say which tests a file imports, each with its line."""
    for imported in imports_of(path, source) if NAMED.search(source) else ():
        first, *rest = imported.name.split(".")
        if first == "tests" and any(part.startswith("test_") for part in rest):
            yield f"{path}:{imported.line}: imports {imported.name}. Move what both need to tests/support."


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "data", "docs"])
def test_no_file_imports_a_test(folder: str) -> None:
    read = list(sources(folder))
    assert read, f"no Python files below {folder}: has it moved?"
    found = [complaint for path, source in read for complaint in imported_tests(path, source)]
    assert not found, "\n" + "\n".join(found)


def test_a_file_beside_tests_is_a_test() -> None:
    others = [
        str(path)
        for path, _ in sources("tests")
        if not path.name.startswith("test_") and not any(path.is_relative_to(place) for place in HELPERS)
    ]
    assert not others, f"move to tests/support: {', '.join(others)}"


@pytest.mark.parametrize(
    "source",
    [
        "from tests.unit.test_files import everything_in",
        "from tests.unit import test_files",
        "import tests.unit.test_files as files",
        "from .test_files import everything_in",
        "from ..integration.test_resume import request",
        "def f():\n    from tests.unit.test_files import everything_in",
        "import_module('tests.unit.test_files')",
    ],
)
def test_an_imported_test_is_found_and_named_with_its_place(source: str) -> None:
    [found] = imported_tests(PurePosixPath("tests/unit/test_cache.py"), source)
    assert found.startswith(f"tests/unit/test_cache.py:{source.count(chr(10)) + 1}: imports tests.")


@pytest.mark.parametrize(
    "source",
    ["from tests.support import tiny", "from tests.fakes.ports import FakeMonitor", "from test_tube import glass"],
)
def test_what_tests_may_import_is_left_alone(source: str) -> None:
    assert list(imported_tests(PurePosixPath("tests/unit/test_cache.py"), source)) == []

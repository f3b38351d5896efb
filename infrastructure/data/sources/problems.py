"""Rows with tests: what a model is asked to write, and the tests that its program must pass."""

import ast
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.exceptions import DatasetError
from domain.reading import Reading
from infrastructure.data.files.row import MAX_FAULTS_SHOWN
from infrastructure.data.sources.contents import contents_of, is_columnar
from infrastructure.data.sources.fields import listed
from infrastructure.data.sources.inputs import BadInput, Input, Source

# The columns of HumanEval, of MBPP and of sets in their shape; of tests the first that is there holds them.
TESTS = ("tests", "test_list", "test")
NEEDED_FIRST = ("test_imports", "test_setup", "test_setup_code")
ENTRY_POINT = "entry_point"
NAMES = ("task_id", "id", "name")


@dataclass(frozen=True)
class Problem:
    """What is asked, and the tests of a program that answers it: what they need, themselves, a call of `check`.

    `entry_point` names the function that the program must define, empty where the tests alone say it.
    """

    name: str
    source: str
    tests: str
    entry_point: str = ""


class _FaultError(Exception):
    """A row cannot be tested."""


def read_problems(path: Path, reading: Reading, inputs: Callable[[Source], Iterator[Input]]) -> list[Problem]:
    """Read every row with its tests; `inputs` reads what is asked. Raises: DatasetError with all faults together."""
    problems: list[Problem] = []
    faults: list[str] = []
    fields: dict[str, None] = {}
    for number, asked in enumerate(inputs(Source(str(path), _kept(path, reading))), 1):
        fields.update(dict.fromkeys(map(str, asked.cells)))
        try:
            problems.append(_problem(asked, number))
        except _FaultError as fault:
            faults.append(f"{path.name}: {fault}")
    if not fields.keys() & {*TESTS}:
        raise DatasetError(
            f"{path.name} has the fields {listed(list(fields))}, but no tests in {', '.join(TESTS)}.",
            remedy="Add such a column with Python that asserts, or evaluate without --run-tests.",
        )
    if faults:
        more = [f"{path.name}: {len(faults):,} faults in all."] if len(faults) > MAX_FAULTS_SHOWN else []
        raise DatasetError.of([*faults[:MAX_FAULTS_SHOWN], *more])
    return problems


def _kept(path: Path, reading: Reading) -> tuple[str, ...]:
    """Name the columns that a file of columns must give as they are: lists of tests are no texts."""
    if not is_columnar(path):
        return ()
    contents = contents_of(path, reading)
    wanted = (*TESTS, *NEEDED_FIRST, ENTRY_POINT, *NAMES)
    return tuple(name for name in wanted if name in (*contents.names, *contents.left_out))


def _problem(asked: Input, number: int) -> Problem:
    """Take a problem from a row. Raises: _FaultError."""
    if isinstance(asked, BadInput):
        raise _FaultError(f"row {number}: {asked.problem}: {asked.remedy}")
    cells = asked.cells
    named = next((f"{name} {cells[name]}" for name in NAMES if isinstance(cells.get(name), str | int)), f"row {number}")
    column = next((name for name in TESTS if cells.get(name)), None)
    tests = "" if column is None else _text_in(cells, column, named)
    if column is None or not tests.strip():
        raise _FaultError(f"{named}: there are no tests: Write some or remove the row.")
    entry_point = cells.get(ENTRY_POINT) or ""
    if not isinstance(entry_point, str) or (entry_point and not entry_point.isidentifier()):
        raise _FaultError(f"{named}: entry_point is {str(entry_point)[:40]!r}, no name of a function: Correct it.")
    if entry_point and "def check(" in tests:
        tests = f"{tests.rstrip()}\n\ncheck({entry_point})\n"
    first = (_text_in(cells, name, named) for name in NEEDED_FIRST if cells.get(name))
    whole = "\n".join(filter(str.strip, [*first, tests]))
    if fault := _fault_in(whole):
        raise _FaultError(f"{named}: {column} {fault}")
    return Problem(named, asked.text, whole, entry_point)


def _text_in(cells: Mapping[str, Any], name: str, row: str) -> str:
    """Give a cell as lines of Python: a text, a list of texts, or such a list written as JSON, as in a CSV."""
    cell = cells[name]
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            cell = json.loads(cell)
        except ValueError:
            return str(cell)
    lines = [cell] if isinstance(cell, str) else cell
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise _FaultError(f"{row}: {name} is neither a text nor a list of texts: Write the tests as Python.")
    return "\n".join(lines)


def _fault_in(tests: str) -> str:
    """Say what is wrong with tests, empty for nothing: those that run nothing would be passed by every program."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        return f"is no Python{place}: Correct it or remove the row."
    if any(_may_fail(statement) for statement in tree.body):
        return ""
    return "runs nothing: Write what asserts, or def check(candidate) with entry_point beside it."


def _may_fail(statement: ast.stmt) -> bool:
    """Tell whether a statement calls or asserts, and does not merely define."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    return any(isinstance(node, ast.Assert | ast.Call | ast.Raise) for node in ast.walk(statement))

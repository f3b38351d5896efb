"""Cells of a file of columns that stand beside answers: times finer or further than those of Python."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from domain.exceptions import DatasetError
from domain.reading import AS_FOUND
from infrastructure.data.sources.contents import contents_of
from infrastructure.data.sources.readers import Row, read_rows

NANOSECONDS = 1704067200123456789  # 2024-01-01 00:00:00.123456789
MIDNIGHT = datetime.datetime(2024, 1, 1, 0, 0, 0, 123456)


def counted(number: int, kind: pyarrow.DataType) -> pyarrow.Array:
    return pyarrow.array([number], pyarrow.int64()).cast(kind)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[pyarrow.Array], Path]:
    def write(column: pyarrow.Array) -> Path:
        path = tmp_path / "tickets.parquet"
        pyarrow.parquet.write_table(pyarrow.table({"text": ["a text"], "seen": column}), path)
        return path

    return write


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (counted(NANOSECONDS, pyarrow.timestamp("ns")), MIDNIGHT),
        (counted(1_000_000_001, pyarrow.time64("ns")), datetime.time(0, 0, 1)),
    ],
    ids=["a time", "a time of the day"],
)
def test_nanoseconds_are_cut_and_told_once(
    written: Callable[[pyarrow.Array], Path], column: pyarrow.Array, cell: object
) -> None:
    path, told = written(column), list[str]()
    (row,) = read_rows(path, AS_FOUND, told.append, ("seen",))
    assert isinstance(row, Row)
    assert row.kept == {"seen": cell}
    assert told == ["tickets.parquet: column 'seen' counts nanoseconds; its times are kept to the microsecond."]
    kind = contents_of(path, AS_FOUND).columns[1].kind
    assert pyarrow.array([cell], kind).to_pylist() == [cell]


def test_whole_microseconds_are_told_of_by_nobody(written: Callable[[pyarrow.Array], Path]) -> None:
    told = list[str]()
    (row,) = read_rows(written(counted(NANOSECONDS - 789, pyarrow.timestamp("ns"))), AS_FOUND, told.append, ("seen",))
    assert isinstance(row, Row)
    assert (row.kept, told) == ({"seen": MIDNIGHT}, [])


@pytest.mark.parametrize(
    "kind",
    [pyarrow.timestamp("s"), pyarrow.timestamp("us"), pyarrow.timestamp("us", tz="Mars/Base")],
    ids=str,
)
def test_a_time_that_python_has_not_is_named_with_its_column(
    written: Callable[[pyarrow.Array], Path], kind: pyarrow.DataType
) -> None:
    path = written(counted(10**18 // (1 if kind.unit == "us" else 10**6), kind))
    with pytest.raises(DatasetError, match=r"tickets\.parquet: column 'seen' of type timestamp.*--keep"):
        list(read_rows(path, AS_FOUND, kept=("seen",)))

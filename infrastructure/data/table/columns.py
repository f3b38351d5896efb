"""Where the columns of a table come from, whatever the format of its file."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow

from domain.exceptions import DatasetError

UNREADABLE = (pyarrow.ArrowException, OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class Header:
    """Names of the columns as they are used and as they are written, and the texts of the first row.

    `clock_types` are the columns which the file itself declares to be dates or times; `no_numbers` gives the type of
    each that is declared to hold neither numbers nor texts that may be some.
    """

    names: tuple[str, ...]
    written: tuple[str, ...]
    first_row: tuple[str | None, ...]
    clock_types: tuple[str, ...] = ()
    no_numbers: Mapping[str, str] = field(default_factory=dict)


def damaged(name: str, error: BaseException) -> DatasetError:
    """Say that a file ended or broke in the middle."""
    return DatasetError(f"{name} is damaged or cut off: {error}.", remedy="Copy or download the file again.")

"""What became of each row that a finished model was scored on: a Parquet file, by which runs are compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from domain.exceptions import RunError
from domain.run_layout import RunLayout
from domain.showing import shown
from infrastructure.files import staged_file
from infrastructure.plain_files import open_to_read

# What runs are compared by, of those tasks that have it.
TEXTS = frozenset(("digest", "label", "answer"))
NUMBERS = frozenset(("loss", "loss_sum", "num_targets", "mse", "mae", "num_points"))
LOOK = "See whether it is a plain file that you may read, or train the run again, to test it."
RESTORE = "Restore it, or train the run again, to test it."


def write_outcomes(path: Path, columns: Mapping[str, Any]) -> None:
    """Write a line for each row: its name `row`, its `digest`, equal for equal rows of any run, and its outcome.

    Raises: OSError of the disk.
    """
    with staged_file(path) as staging:
        pyarrow.parquet.write_table(pyarrow.table(dict(columns)), staging)


def read_outcomes(path: Path) -> Mapping[str, Sequence[Any]]:
    """Read them again. Raises: OSError of the disk, and ValueError that says why a file is none of ours."""
    with open_to_read(path) as file:
        try:
            columns: dict[str, list[Any]] = pyarrow.parquet.ParquetFile(file).read().to_pydict()
        except (OSError, ValueError, TypeError, LookupError, ArithmeticError, pyarrow.ArrowException) as error:
            raise ValueError("it is not the Parquet file that a training wrote") from error
    if not columns.get("digest"):
        raise ValueError("it names no rows")
    for name, values in columns.items():
        for place, value in enumerate(values):
            if wanted := _wanted(name, value):
                told = "empty" if value is None else f"{shown(value)}, which is no {wanted}"
                raise ValueError(f"row {place + 1:,} of its column {name} is {told}")
    return columns


def outcomes_of(run: str) -> Mapping[str, Sequence[Any]]:
    """Read what became of each row of a run. Raises: RunError for a run without that, and for a damaged file."""
    path = RunLayout(Path(run)).outcomes
    try:
        return read_outcomes(path)
    except FileNotFoundError as error:
        raise RunError(
            f"{run} has no {path.name}, which a training writes at its end since it can be compared.",
            remedy="Finish it, or train it again, to test whether it differs by more than noise.",
        ) from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.", remedy=LOOK) from error
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}.", remedy=RESTORE) from error


def _wanted(name: str, value: Any) -> str:
    """Name the kind of value that a column should have and this is not."""
    if name in TEXTS:
        return "" if isinstance(value, str) else "text"
    if name in NUMBERS:
        return "" if isinstance(value, int | float) and not isinstance(value, bool) else "number"
    return ""

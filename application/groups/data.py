"""Settings of what is learnt from, whatever it holds."""

from collections.abc import Iterator
from typing import ClassVar

from application.groups.setting import Settings, not_empty, setting
from domain.reading import MAX_ROW_MIB, Reading
from domain.task import TASKS, Task


class RunSettings(Settings):
    """What is trained, and where it goes."""

    title: ClassVar[str] = "Run"

    task: str = setting("security_classification", "What to train.", choices=TASKS)
    output_dir: str | None = setting(None, "The run directory; else runs/<task>-<time>-<id>.")
    quick: bool = setting(False, "Prove the whole pipeline on a few batches.")

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from not_empty("output_dir", self.output_dir)


class DataSettings(Settings):
    """Which file is read, and how."""

    title: ClassVar[str] = "Data"

    dataset_path: str | None = setting(None, "Rows to learn from: a file, a directory, or hub:NAME of the hub.")
    delimiter: str | None = setting(None, "What stands between the cells of a text file; else found from the file.")
    encoding: str | None = setting(None, "How letters are written as bytes; else found from the file.")
    quoting: str | None = setting(
        None, "double: a cell may stand between quotes; none: a quote is a letter; else found from the file."
    )
    sheet: str | None = setting(None, "Sheet of a workbook to read; else the only one.")
    max_row_mib: int = setting(MAX_ROW_MIB, "A longer row, line or cell is refused.", unit="MiB")
    max_unpacked_mib: int | None = setting(
        None, "A compressed file that unpacks to more is refused; else 1 GiB or 200 times its size.", unit="MiB"
    )

    @property
    def reading(self) -> Reading:
        """How data files are read; numbers and clock of a table are among the settings of tables."""
        known = type(self).model_fields
        return Reading(**{name: getattr(self, name) for name in Reading.__dataclass_fields__ if name in known})

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from not_empty("dataset_path", self.dataset_path)
        yield from self.reading.faults()


class SettledData(DataSettings):
    """Data that is named."""

    dataset_path: str


class RowSettings(Settings):
    """Which rows are scored, of data whose rows have no order."""

    title: ClassVar[str] = "Split of rows"

    eval_dataset: str | None = setting(
        None, "Rows to score on, where data come split already; validation_split then counts for nothing."
    )
    validation_split: float | None = setting(
        None, "Share of the rows that is scored and never learnt from.", unit="share"
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        if self.validation_split is not None and not 0.0 < self.validation_split < 1.0:
            yield f"validation_split is {self.validation_split}, but must lie between 0 and 1. Use 0.1 for a tenth."


class SettledRows(RowSettings):
    """A split that is decided."""

    validation_split: float

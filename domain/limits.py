"""How much of a data file is taken before it is refused: what no honest file needs and a hostile one would use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.rules import whole

MIB = 1 << 20
MAX_ROW_MIB = 64
MOST_ROW_MIB = 1024  # a text is held whole, several times over, while it is checked and written
# A compressed file may always grow to this, and else to this many times its size: text seldom packs better than 20:1,
# repeated logs 100:1, and zeros 1000:1.
UNPACKED_AT_LEAST_MIB = 1024
UNPACKED_TIMES = 200
MAX_COLUMNS = 1_000  # of a table, read as numbers: a window of ten thousand takes a model many gigabytes
MAX_FIELDS = 100_000  # of one row
MAX_NAME_CHARACTERS = 1_000  # of a label
MAX_LABELS = 5_000  # each is scored against each


@dataclass(frozen=True)
class ReadingLimits:
    """Greatest sizes: of one row, line or cell (counted in characters), and of a compressed file once unpacked.

    Without `max_unpacked_mib` a file may grow to 1 GiB or to 200 times its size, whichever is more.
    """

    max_row_mib: int = MAX_ROW_MIB
    max_unpacked_mib: int | None = None

    @property
    def row_characters(self) -> int:
        """Greatest length of a row."""
        return self.max_row_mib * MIB

    def unpacked_bytes(self, packed_bytes: int) -> int:
        """Greatest size of what comes out of a compressed file of this size."""
        if self.max_unpacked_mib is not None:
            return self.max_unpacked_mib * MIB
        return max(UNPACKED_AT_LEAST_MIB * MIB, UNPACKED_TIMES * packed_bytes)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "ReadingLimits":
        """Take the limits among other values; what is missing or of another kind is as by default."""
        given = {name: values.get(name) for name in ("max_row_mib", "max_unpacked_mib")}
        return cls(**{name: value for name, value in given.items() if type(value) is int and value > 0})


def limit_faults(max_row_mib: int, max_unpacked_mib: int | None) -> Iterator[str]:
    """Say what is wrong with limits that were asked for."""
    yield from whole("max_row_mib", max_row_mib, at_least=1)
    if max_row_mib > MOST_ROW_MIB:
        yield f"max_row_mib is {max_row_mib}, but must be at most {MOST_ROW_MIB}. Split such rows before."
    if max_unpacked_mib is not None:
        yield from whole("max_unpacked_mib", max_unpacked_mib, at_least=1)

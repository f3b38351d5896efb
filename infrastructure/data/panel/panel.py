"""Tables of many series in long format: checked, put in order, kept on disk and mapped into memory."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from application.phases import phase
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from domain.showing import counted
from infrastructure.data.clock.clock_json import clock_of
from infrastructure.data.clock.finding import FoundClock
from infrastructure.data.files.opening import size_of
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.labels.rows import content_sha256
from infrastructure.data.panel.ids import Id, named
from infrastructure.data.panel.keeping import keep_panel
from infrastructure.data.panel.order import SHOWN
from infrastructure.data.panel.schema import PanelSchema
from infrastructure.data.table.sources import source_of
from infrastructure.data.table.typed import as_file
from infrastructure.data.table.values import map_rows

__all__ = ["OneSeries", "Panel", "PanelSchema", "open_panel"]

# Counted up when the checks or the files change: what an older version kept is not taken for checked.
FORMAT = "panel 2"


@dataclass(frozen=True)
class OneSeries:
    """One series of a panel: n rows in the order of time.

    `targets` [n, T], `past` [n, P] and `known` [n, K] are float64, NaN where a value is missing; numbers stand for
    categories. `static` [A] are the same in all rows. `stamps` [n] are as those of the panel.
    """

    id: Id
    stamps: np.ndarray
    targets: np.ndarray
    past: np.ndarray
    known: np.ndarray
    static: np.ndarray


@dataclass(frozen=True)
class Panel:
    """Many series [S], one behind the other, each in the order of time.

    The rows of series i are those from `offsets[i]` up to `offsets[i + 1]`. `values` [N, C] float64 are mapped from
    disk, NaN where one is missing: `num_targets` columns of targets, then those of the past alone, then `num_known`
    that are known ahead, by their `names` [C]; `static` [S, A] those of `static_names`. In a column of `categories` the
    number n stands for the n-th of them, counted from 1, and 0 for one that training has not seen. `stamps` [N] int64
    are microseconds since 1970, ascending within a series, on the wall clock or instants as in `Table`. `step` is their
    most frequent distance within a series, `clock` what the stamps of all series follow together, None where they do
    not. `left_out` are series that are too short, with the number of their rows that hold a value of a target.
    """

    path: Path
    sha256: str
    series_columns: tuple[str, ...]
    ids: tuple[Id, ...]
    offsets: np.ndarray
    names: tuple[str, ...]
    num_targets: int
    num_known: int
    values: np.ndarray
    static_names: tuple[str, ...]
    static: np.ndarray
    categories: dict[str, tuple[str, ...]]
    stamps: np.ndarray
    zone: str
    time_column: str
    step: int | None
    clock: FoundClock | None
    left_out: tuple[tuple[Id, int], ...]
    warnings: tuple[str, ...]
    usual_format: str | None
    entry: CacheEntry

    def __len__(self) -> int:
        return len(self.ids)

    def series(self, number: int) -> OneSeries:
        """Give one series, its arrays mapped from disk."""
        rows = slice(int(self.offsets[number]), int(self.offsets[number + 1]))
        values, first_known = self.values[rows], len(self.names) - self.num_known
        return OneSeries(
            self.ids[number],
            self.stamps[rows],
            values[:, : self.num_targets],
            values[:, self.num_targets : first_known],
            values[:, first_known:],
            self.static[number],
        )

    def number_of(self, series: Sequence[str]) -> int:
        """Find a series by its values in the columns that tell series apart. Raises: DatasetError."""
        wanted = tuple(series)
        if wanted in self._numbers:
            return self._numbers[wanted]
        short = dict(self.left_out)
        columns = " and ".join(self.series_columns)
        if wanted in short:
            said = f"the series {named(wanted)} has {counted(short[wanted], 'row')} with a value, which is too short."
            raise DatasetError(f"{self.path.name}: {said}", remedy="Ask for another, or give more of it.")
        shown = "; ".join(named(known) for known in self.ids[:SHOWN])
        raise DatasetError(
            f"{self.path.name}: there is no series {named(wanted)} in {columns}.",
            remedy=f"There are {len(self):,}: {shown}{'; ...' if len(self) > SHOWN else ''}.",
        )

    @cached_property
    def _numbers(self) -> dict[Id, int]:
        return {series: number for number, series in enumerate(self.ids)}


def open_panel(path: str | Path, schema: PanelSchema, reading: Reading = AS_FOUND) -> Panel:
    """Read and check a long table, or map what was read before; "-" reads CSV from standard input.

    Memory grows with the rows by their stamps, their series and their order alone.
    Raises: DatasetError with every fault, the first 20 told.
    """
    with as_file(path) as (file, name):
        return _open(file, name, Path(path), schema, reading)


def _open(file: Path, name: str, path: Path, schema: PanelSchema, reading: Reading) -> Panel:
    if not file.is_dir():
        size_of(file)
    source = source_of(file, name, reading)
    sha256 = content_sha256(file)
    key = key_of(FORMAT, sha256, file.suffixes, astuple(schema), reading.decisive)
    with phase(f"reading {name}"):
        entry = cached("panel", key, lambda made: keep_panel(source, schema, reading, made))
    facts = json.loads((entry / "panel.json").read_text(encoding="utf-8"))
    return Panel(
        path=path,
        sha256=sha256,
        series_columns=tuple(facts["series_columns"]),
        ids=tuple(map(tuple, facts["ids"])),
        offsets=np.load(entry / "offsets.npy"),
        names=tuple(facts["names"]),
        num_targets=facts["num_targets"],
        num_known=facts["num_known"],
        values=map_rows(entry / "values.bin", len(facts["names"])),
        static_names=tuple(facts["static_names"]),
        static=np.load(entry / "static.npy"),
        categories={name: tuple(texts) for name, texts in facts["categories"].items()},
        stamps=np.load(entry / "stamps.npy", mmap_mode="r"),
        zone=facts["zone"],
        time_column=facts["time_column"],
        step=facts["step"],
        clock=_clock(facts["clock"]),
        left_out=tuple((tuple(series), count) for series, count in facts["left_out"]),
        warnings=tuple(f"{name}: {warning}" for warning in facts["warnings"]),
        usual_format=facts["usual_format"],
        entry=entry,
    )


def _clock(kept: dict[str, Any] | None) -> FoundClock | None:
    return FoundClock(**{**kept, "clock": clock_of(kept["clock"])}) if kept else None

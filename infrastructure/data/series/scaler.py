"""Means and standard deviations of the columns of a table, measured and applied in little memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Rows that are read together: a few MB, however long the table is.
CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class Scaler:
    """Means and standard deviations of columns [V]; a column that never changes is only shifted."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def fit(cls, columns: np.ndarray) -> "Scaler":
        """Measure columns [N, V], NaN left out, in fp64; a column without values gives mean 0 and scale 1."""
        count = np.maximum(sum(np.isfinite(chunk).sum(axis=0) for chunk in _chunks(columns)), 1)
        largest = np.zeros(columns.shape[1])
        for chunk in _chunks(columns):
            largest = np.fmax(largest, np.fmax.reduce(np.abs(chunk), axis=0))
        # A power of two takes no digit away, and in its units neither a sum nor a square leaves fp64.
        unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)
        mean = sum(np.nansum(chunk / unit, axis=0) for chunk in _chunks(columns)) / count * unit
        squares = sum(np.nansum(((chunk - mean) / unit) ** 2, axis=0) for chunk in _chunks(columns))
        scale = np.sqrt(squares / count) * unit
        # What rounding leaves of a constant column is no scale, and 1 is none beside values far beyond it.
        rounding = 1e-12 * np.maximum(np.abs(mean), 1e-300)
        scale = np.where(scale > rounding, scale, np.maximum(rounding, 1.0))
        return cls(tuple(mean.tolist()), tuple(scale.tolist()))

    def scaled(self, columns: np.ndarray) -> np.ndarray:
        """Give (columns - mean) / scale as fp32; NaN stays."""
        out = np.empty(columns.shape, dtype=np.float32)
        for start in range(0, len(columns), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            with np.errstate(over="ignore"):  # what fp32 cannot hold becomes infinite, and counts as missing
                out[rows] = (columns[rows] - np.array(self.mean)) / np.array(self.scale)
        return out


def _chunks(columns: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(columns), CHUNK_ROWS):
        yield columns[start : start + CHUNK_ROWS]

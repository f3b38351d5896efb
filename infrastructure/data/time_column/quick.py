"""Columns of stamps that are read many at once: times of Arrow, and texts that are all written as the first."""

import re

import numpy as np
import pyarrow
import pyarrow.compute

from infrastructure.data.clock.forms import ISO, Stamps, minutes_ahead
from infrastructure.data.clock.stamps import DAY, FIRST, LAST, SECOND


def quick_stamps(texts: pyarrow.Array) -> Stamps | None:
    """Read texts of ISO 8601 that are all of the form of the first; None if not all are."""
    if not len(texts) or texts.null_count:
        return None
    match = re.fullmatch(ISO, texts[0].as_py())
    if not match:
        return None
    zone = match["zone"] or ""
    try:
        if zone:
            if not pyarrow.compute.all(pyarrow.compute.ends_with(texts, zone)).as_py():
                return None
            texts = pyarrow.compute.utf8_slice_codeunits(texts, 0, -len(zone))
        texts = pyarrow.compute.replace_substring(texts, "/", "-")
        micros = texts.cast(pyarrow.timestamp("us")).cast(pyarrow.int64()).to_numpy(zero_copy_only=False)
    except pyarrow.ArrowInvalid:
        return None
    fits = (micros >= FIRST) & (micros <= LAST)
    return Stamps(micros, fits, minutes_ahead(zone)) if fits.all() else None


def arrow_stamps(column: pyarrow.Array) -> Stamps:
    """Read dates and times of Arrow; those of a zone with a name are instants, of a fixed one on its wall clock."""
    zone = getattr(column.type, "tz", None) or ""
    day_unit = "D" if column.type.bit_width == 32 else "ms"
    unit = day_unit if pyarrow.types.is_date(column.type) else column.type.unit
    ticks = {"D": DAY, "s": SECOND, "ms": 1000, "us": 1, "ns": 1}[unit]
    raw = column.view(pyarrow.int32() if unit == "D" else pyarrow.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    raw = raw.astype(np.int64) // (1000 if unit == "ns" else 1)
    # Seconds since 1970 may stand for years that microseconds in 64 bits cannot tell.
    fits = (raw >= FIRST // ticks) & (raw <= LAST // ticks) & column.is_valid().to_numpy(zero_copy_only=False)
    micros = np.where(fits, raw, 0) * ticks
    if not zone:
        return Stamps(micros, fits)
    if not re.fullmatch(r"[+-]\d{2}:?\d{2}", zone):
        return Stamps(micros, fits, 0)
    minutes = minutes_ahead(zone)
    return Stamps(micros + minutes * 60 * SECOND, fits, minutes)

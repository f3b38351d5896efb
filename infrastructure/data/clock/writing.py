"""Stamps as texts, in ISO 8601."""

import numpy as np

from infrastructure.data.clock.stamps import DAY, SECOND
from infrastructure.data.clock.time_zones import is_named, offset_text, offsets


def stamp_texts(stamps: np.ndarray, zone: str, step: int | None) -> list[str]:
    """Write stamps [N]: the date alone where stamps and step are whole days and no zone is to be told.

    Stamps of a zone with a name are instants, and are written as its clocks show them, with their distance from UTC.
    """
    if not len(stamps):
        return []
    stamps = np.asarray(stamps, dtype=np.int64)
    zones = [zone] * len(stamps)
    if is_named(zone):
        ahead = offsets(stamps, zone)
        stamps, zones = stamps + ahead, [offset_text(micros) for micros in ahead.tolist()]
    if not zone and not np.any(stamps % DAY) and (step is None or step % DAY == 0):
        unit = "D"
    elif not np.any(stamps % SECOND):
        unit = "s"
    else:
        unit = "us" if np.any(stamps % 1000) else "ms"
    texts = np.datetime_as_string(stamps.astype("datetime64[us]"), unit=unit)  # type: ignore[call-overload]
    return [f"{text}{behind}" for text, behind in zip(texts.tolist(), zones, strict=True)]

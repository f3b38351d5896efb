"""The times of a forecast, which are texts in a table of answers, as timestamps."""

import numpy as np
import pyarrow

from infrastructure.data.clock.stamps import read_stamp
from infrastructure.data.clock.time_zones import instants


def timestamps(texts: pyarrow.Array) -> pyarrow.Array | None:
    """Turn the stamps of a clock into timestamps in microseconds; None for the numbers of rows."""
    if not pyarrow.types.is_string(texts.type):
        return None
    read = [read_stamp(text) for text in texts.to_pylist()]
    if not all(read):
        return None
    stamps = [stamp for stamp in read if stamp is not None]
    zones = {zone for _, zone in stamps}
    # Arrow counts instants with a zone in UTC, and the wall clock without one.
    micros = [int(instants(np.array([stamp]), zone)[0]) for stamp, zone in stamps]
    zone = zones.pop() if len(zones) == 1 else "Z"
    return pyarrow.array(micros, pyarrow.timestamp("us", tz=None if not zone else "UTC" if zone == "Z" else zone))

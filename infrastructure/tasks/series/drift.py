"""Where the bands of a forecaster have come to, and what they have yet to follow."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from infrastructure.data.series.windows import Windows
from infrastructure.data.some_rows import spread
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.scoring.calibration import Calibration, Drift
from infrastructure.tasks.series.scoring.following import DRIFT, MEMORY

# Windows that a prediction follows at most: some seconds of a small model.
MOST_FOLLOWED = 256


def follows(calibration: Calibration | None) -> bool:
    """Tell whether bands follow what comes, and it is known up to when they have."""
    return calibration is not None and calibration.drift is not None and calibration.drift.until is not None


def came_to(metrics: Mapping[str, Any], windows: Windows) -> Drift:
    """Give where bands have come to behind the last of windows that were scored."""
    stamps = None if windows.table is None else windows.table.stamps
    return replace(Drift(**metrics[DRIFT]), until=None if stamps is None else int(stamps[windows.anchors].max()))


def newer(windows: Windows, card: SeriesCard) -> Windows:
    """Give the windows that bands have not followed yet, as far back as they remember, evenly spread if they are many.

    Those without a clock cannot be told from those of the training: none is taken.
    """
    assert card.calibration is not None
    assert card.calibration.drift is not None
    if windows.table is None or windows.table.stamps is None or card.calibration.drift.until is None:
        return windows.at(windows.anchors[:0])
    new = np.flatnonzero(windows.table.stamps[windows.anchors] > card.calibration.drift.until)
    begins, known = windows.moments(windows.anchors[new])
    new = new[begins > begins.max(initial=0) - int(MEMORY) * (known - begins)]
    return windows.at(windows.anchors[new[spread(len(new), MOST_FOLLOWED)]])

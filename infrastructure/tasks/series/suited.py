"""Settings that a table with a season is better off with, where nobody has said them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from application.training import QuantileTraining
from application.training_request import TrainModelRequest
from domain.exceptions import DatasetError
from domain.forecast import suited_to_season, window_faults
from domain.task import is_preset
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.windowed.loading import open_values, seen_season
from infrastructure.data.windowed.parts import lacks_rows
from infrastructure.model_files.model_directory import CONFIG, settings_of

SUITED = ("context_length", "patch_length", "gaps")


def suited_to_table(training: QuantileTraining, request: TrainModelRequest) -> QuantileTraining:
    """Decide by the season of the training part how far a new model sees, and whether missing rows are filled in.

    A finished model that is gone on with sees as far as it did. Raises: DatasetError, ConfigurationError.
    """
    open_ones = [name for name in SUITED if request.leaves_open(name)]
    name = training.model_name or ""
    if not is_preset(name):
        return training.changed(**{key: value for key, value in _shape_of(Path(name)).items() if key in open_ones})
    if not open_ones:
        return training
    table = open_values(training)
    if isinstance(table, LongTable):  # found once: a long table is not read as another one first
        training = training.changed(series_column=table.series.series_columns or None)
    season, num_rows = seen_season(training, table)
    if season is not None and season.cycle and "gaps" in open_ones and lacks_rows(table):
        try:
            filled = training.changed(gaps="fill")
            season, num_rows = seen_season(filled, open_values(filled))
            training = filled
        except DatasetError:
            pass  # there would be too many, or stamps lie beside the clock: they stay as they are
    if season is None:
        return training
    said = None if "patch_length" in open_ones else training.patch_length
    context, patch = suited_to_season(season.rows, num_rows, said)
    found: Mapping[str, Any] = {"context_length": context, "patch_length": patch}
    return training.changed(**{name: value for name, value in found.items() if name in open_ones})


def _shape_of(directory: Path) -> Mapping[str, int]:
    """Read how far a finished model sees, nothing where that is not to be read: who opens it says what is wrong."""
    settings = settings_of(directory / CONFIG) if (directory / CONFIG).is_file() else {}
    shape = {name: settings.get(name) for name in ("context_length", "patch_length")}
    known = {name: value for name, value in shape.items() if type(value) is int}
    return known if len(known) == len(shape) and not list(window_faults(window_stride=1, **known)) else {}

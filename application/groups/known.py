"""All groups of settings, in the order in which they are listed and stand in a run file."""

from application.groups.data import DataSettings, RowSettings, RunSettings
from application.groups.loop import KeepingSettings, LoopSettings, MachineSettings, ModelSettings
from application.groups.panel import ManySeriesSettings, PanelSettings
from application.groups.setting import Settings
from application.groups.table import DirectionSettings, QuantileSettings, TableSettings, WindowSettings
from application.groups.text import (
    CaseSettings,
    ChatSettings,
    ClassSettings,
    DocumentSettings,
    LabelSettings,
    MaskingSettings,
    PackingSettings,
    PairSettings,
    TargetSettings,
    TextSettings,
    TokenSettings,
    WritingSettings,
)
from application.groups.tracking import TrackingSettings
from application.groups.tuning import TuningSettings
from application.groups.values import ValueSettings

GROUPS: tuple[type[Settings], ...] = (
    RunSettings,
    DataSettings,
    RowSettings,
    TextSettings,
    LabelSettings,
    PairSettings,
    ChatSettings,
    DocumentSettings,
    MaskingSettings,
    CaseSettings,
    PackingSettings,
    TokenSettings,
    TableSettings,
    ManySeriesSettings,
    PanelSettings,
    WindowSettings,
    QuantileSettings,
    ValueSettings,
    DirectionSettings,
    ModelSettings,
    TuningSettings,
    LoopSettings,
    ClassSettings,
    TargetSettings,
    KeepingSettings,
    WritingSettings,
    TrackingSettings,
    MachineSettings,
)
# Each setting, in that order.
NAMES: tuple[str, ...] = tuple(name for group in GROUPS for name in group.model_fields)

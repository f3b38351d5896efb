"""Settings of tables of many series, and of columns that say more than the past does."""

from collections.abc import Iterator
from typing import ClassVar

from application.groups.setting import Settings, setting
from application.groups.table import Columns
from domain.showing import shown
from domain.task import Task


class ManySeriesSettings(Settings):
    """What tells the series of a long table apart."""

    title: ClassVar[str] = "Many series"

    series_column: Columns = setting(
        None, "Columns that together tell the series of a long table apart; else found where stamps repeat."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from _faults_of(self, ManySeriesSettings)


class PanelSettings(Settings):
    """What is known of series beside their values."""

    title: ClassVar[str] = "What is known of series"

    static_columns: Columns = setting(
        None, "Columns that describe a series and never change in it; those that are found to are taken too."
    )
    known_columns: Columns = setting(
        None, "Columns whose values are known ahead, such as a promotion; the model sees them at each horizon."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from _faults_of(self, PanelSettings)


def _faults_of(settings: Settings, group: type[Settings]) -> Iterator[str]:
    for name in group.model_fields:
        value = getattr(settings, name)
        if value == ():
            yield f"{name} is empty. Name a column, or leave it out."
        elif value and len({*value}) < len(value):
            yield f"{name} is {shown(list(value))}, but must name each column once."

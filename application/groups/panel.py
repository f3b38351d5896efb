"""Settings of tables of many series, and of columns that say more than the past does."""

from collections.abc import Iterator
from typing import ClassVar

from application.groups.setting import Settings, setting
from application.groups.table import Columns
from domain.showing import shown
from domain.task import Task


class PanelSettings(Settings):
    """What tells the series of a long table apart, and what is known of them beside their values."""

    title: ClassVar[str] = "Many series"

    series_column: Columns = setting(
        None, "Columns that together tell the series of a long table apart; else found where stamps repeat."
    )
    static_columns: Columns = setting(
        None, "Columns that describe a series and never change in it; those that are found to are taken too."
    )
    known_columns: Columns = setting(
        None, "Columns whose values are known ahead, such as a promotion; the model sees them at each horizon."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        for name in PanelSettings.model_fields:
            value = getattr(self, name)
            if value == ():
                yield f"{name} is empty. Name a column, or leave it out."
            elif value and len({*value}) < len(value):
                yield f"{name} is {shown(list(value))}, but must name each column once."

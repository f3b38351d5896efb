"""Settings of what is told about a run while it goes on."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from application.groups.setting import Settings, listed_names, setting
from domain.task import Task
from domain.tracking import tracker_faults

Trackers = Annotated[tuple[str, ...], BeforeValidator(listed_names)]


class TrackingSettings(Settings):
    """Who else is told what happens."""

    title: ClassVar[str] = "Tracking"

    trackers: Trackers = setting(
        (), "Who keeps metrics and pictures beside the run's own files: tensorboard, mlflow, wandb, trackio."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from tracker_faults(self.trackers)

"""What a checkpoint says of the run it belongs to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from application.training import BEFORE_THERE_WAS_ONE, CALLED_OTHERWISE
from domain.config import TrainingConfig
from domain.exceptions import CheckpointError
from domain.progress import Progress
from infrastructure.manifest import first_fault
from infrastructure.training.fingerprints import TRAINING_ROWS

MAX_CHARACTERS_SHOWN = 60
# Scores from before a change of one of these can be compared with those after it, and are of the weights that would be
# kept: without an average a state that was scored by its average would be kept by its own weights.
_SCORED_ALIKE = {*TrainingConfig.__dataclass_fields__, "epochs"} - {"metric_name", "precision", "average_decay"}


@dataclass(frozen=True)
class Change:
    """Something that the result follows from and that is not as it was when a checkpoint was saved."""

    name: str
    before: Any
    now: Any
    is_data: bool

    def __str__(self) -> str:
        if self.is_data:
            return f"the {self.name} changed"
        return f"{self.name} was {_shown(self.before)} and is {_shown(self.now)}"

    @property
    def leaves_scores(self) -> bool:
        """Tell whether scores from before and after can be compared."""
        return self.name == TRAINING_ROWS if self.is_data else self.name in _SCORED_ALIKE

    @property
    def is_of_unit(self) -> bool:
        """Tell whether batches were measured in rows and are now in tokens, or the other way."""
        return self.name == "batch_tokens" and None in (self.before, self.now)


@dataclass(frozen=True)
class TrainingState:
    """What a checkpoint holds beside tensors.

    `progress` says where the run stands, `settings` and `data` (fingerprints by name) what its result follows from, and
    `machine` what its last bits follow from as well.
    """

    progress: Progress
    settings: Mapping[str, Any]
    data: Mapping[str, str]
    machine: Mapping[str, Any]

    @classmethod
    def read(cls, saved: Any, name: str, step: int) -> "TrainingState":
        """Read what `to_json` gave, from the checkpoint `name` of `step`. Raises: CheckpointError for anything else."""
        known = saved if isinstance(saved, Mapping) else {}
        try:
            state = _CHECKED.validate_python({field: known.get(field) for field in cls.__dataclass_fields__})
        except ValidationError as error:
            raise _foreign(name, first_fault(error)) from error
        if state.progress.step != step:
            raise _foreign(name, f"progress.step is {state.progress.step}")
        for unknown in sorted(set(known["progress"]) - set(Progress.__dataclass_fields__)):
            raise _foreign(name, f"progress.{unknown} is not known")
        for fault in state.progress.faults():
            raise _foreign(name, fault.partition(". ")[0])
        return state

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return asdict(self)

    def changes_since(self, saved: "TrainingState") -> list[Change]:
        """List what is not as it was, in the order of the settings; what was not recorded then counts as None.

        A setting that came later counts as what a run did before there was one.
        A setting that was recorded and is none any more means nothing to the task: earlier versions recorded all.
        """
        known = {**BEFORE_THERE_WAS_ONE, **saved.settings}
        for name, called in CALLED_OTHERWISE.items():
            known[name] = called.get(known.get(name), known.get(name))
        recorded = {name: value for name, value in known.items() if name in self.settings}
        pairs = [(recorded, self.settings, False), (saved.data, self.data, True)]
        return [
            Change(name, before.get(name), now.get(name), is_data)
            for before, now, is_data in pairs
            for name in (*now, *(name for name in before if name not in now))
            if before.get(name) != now.get(name)
        ]


_CHECKED = TypeAdapter(TrainingState)


def _foreign(name: str, fault: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {name} does not hold what this program saves: {fault}.",
        remedy="Delete that checkpoint to go on from the one before it, or train anew.",
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_CHARACTERS_SHOWN else text[: MAX_CHARACTERS_SHOWN - 3] + "..."

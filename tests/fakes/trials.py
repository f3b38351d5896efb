"""A fake of the port of trial runs: nothing is trained, and every kill falls as it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from application.ports import Kill, Trial
from application.training_request import TrainModelRequest

FACTS: Mapping[str, Any] = {"model/model.safetensors": "sha256 00", "metrics.jsonl loss at step 2": 0.5}


@dataclass
class FakeTrials:
    """Remembers kills and names; `missed` kills come too late, `exit_codes` end trials in their order."""

    found: Mapping[str, Any] = field(default_factory=lambda: FACTS)
    missed: Sequence[int] = ()
    exit_codes: Sequence[int] = ()
    seconds: float = 10.0
    kills: list[Kill | None] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    trainings: list[TrainModelRequest] = field(default_factory=list)
    ended: bool | None = None

    def begin(self, parent: str | None) -> str:
        return f"{parent or 'temporary'}/trials"

    def train(self, training: TrainModelRequest, name: str, kill: Kill | None) -> Trial:
        number = len(self.kills)
        was_killed = kill is not None and number not in self.missed
        exit_code = self.exit_codes[number] if number < len(self.exit_codes) else 0
        trial = Trial(
            was_resumed=name in self.names,
            was_killed=was_killed,
            killed_while="killed in training",
            exit_code=137 if was_killed else exit_code,
            errors=("memory ran out.",) if exit_code else (),
            seconds=self.seconds,
            checkpoint="step-00000002",
        )
        self.kills.append(kill)
        self.names.append(name)
        self.trainings.append(training)
        return trial

    def facts(self, name: str) -> Mapping[str, Any]:
        return FACTS if name == "undisturbed" else self.found

    def end(self, keep: bool) -> None:
        self.ended = keep

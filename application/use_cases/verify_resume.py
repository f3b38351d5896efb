"""Verify on this machine that a killed run, resumed, ends as if it had never been killed."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from application.ports import Kill, Trial, Trials
from application.training_request import QUICK_STEPS, TrainModelRequest
from domain.exceptions import ConfigurationError, TrainingError
from domain.showing import shown

__all__ = ["TrialTold", "VerifyResumeRequest", "VerifyResumeResponse", "VerifyResumeUseCase"]

MAX_STEPS = 1_000
MAX_KILLS = 1_000
SAVES = 6  # in a run, so that a save is never far
EVALUATIONS = 3
# Of the time that a run takes when nobody disturbs it. A resumed run has less to do, so later instants would miss it.
LATEST_INSTANT = 0.5
LATEST_SAVE = 2
# Kills of five: one as the process begins to work, two as a checkpoint is being written, two anywhere.
MOMENTS = ("early", "saving", "anywhere", "saving", "anywhere")
EARLY = 0.15
MOST_DIFFERENCES = 20
UNDISTURBED = "undisturbed"
BAD_INPUT = 2


class VerifyResumeRequest(BaseModel):
    """What to verify: a training, how often to kill it, and where; `steps` replaces those of the training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    training: TrainModelRequest
    kills: int = 5
    steps: int | None = None
    output: str | None = None
    keep: bool = False
    seed: int = 0


class TrialTold(BaseModel):
    """One process: how it began, when it was killed, and the newest checkpoint that it left."""

    model_config = ConfigDict(frozen=True)

    run: int
    began: str
    ended: str
    seconds: float
    checkpoint: str


class VerifyResumeResponse(BaseModel):
    """The verdict: `differences` names what is not equal, and `directory` what was kept to be looked at."""

    model_config = ConfigDict(frozen=True)

    equal: bool
    kills: int
    runs: int
    num_facts: int
    differences: tuple[str, ...]
    trials: tuple[TrialTold, ...]
    seconds: float
    directory: str | None = None


class VerifyResumeUseCase:
    """Trains once undisturbed, then again under kills, and compares what the two leave."""

    def __init__(self, trials: Trials) -> None:
        self._trials = trials

    def execute(
        self, request: VerifyResumeRequest, on_trial: Callable[[TrialTold], None] | None = None
    ) -> VerifyResumeResponse:
        """Kill and resume as asked; tells `on_trial` of each process when it has ended.

        Raises: ConfigurationError for a wrong request, TrainingError when a training fails by itself.
        """
        training = shortened(request)
        began = time.monotonic()
        directory = self._trials.begin(request.output)
        keep = request.keep
        try:
            disturbed = _Disturbed(self._trials, training, request, on_trial)
            found = disturbed.differences()
            keep = keep or bool(found)
            return VerifyResumeResponse(
                equal=not found,
                kills=disturbed.num_kills,
                runs=disturbed.num_runs,
                num_facts=disturbed.num_facts,
                differences=tuple(found),
                trials=tuple(disturbed.told),
                seconds=time.monotonic() - began,
                directory=directory if keep else None,
            )
        finally:
            self._trials.end(keep)


class _Disturbed:
    """The undisturbed run, and then as many disturbed ones as the kills take."""

    def __init__(
        self,
        trials: Trials,
        training: TrainModelRequest,
        request: VerifyResumeRequest,
        on_trial: Callable[[TrialTold], None] | None,
    ) -> None:
        self._trials = trials
        self._on_trial = on_trial
        self._seconds = math.inf
        self._training = training
        self._request = request
        self.told: list[TrialTold] = []
        self.num_kills = 0
        self.num_runs = 0
        self.num_facts = 0

    def differences(self) -> list[str]:
        """Carry out everything; gives what differs, each fact once for each run in which it does."""
        self._trial(UNDISTURBED, None)
        expected = self._trials.facts(UNDISTURBED)
        self.num_facts = len(expected)
        kills = self._kills()
        found: list[str] = []
        most_runs = 2 * self._request.kills + 2  # a run that ends before its kill costs one, and not for ever
        while self.num_kills < self._request.kills and self.num_runs < most_runs and not found:
            self.num_runs += 1
            name = f"disturbed-{self.num_runs}"
            while self._trial(name, next(kills)).was_killed:
                pass
            found = [f"{name}: {line}" for line in unequal(expected, self._trials.facts(name))]
        return found

    def _kills(self) -> Iterator[Kill | None]:
        """Draw the kills one after the other, and none when there have been enough."""
        dice = random.Random(self._request.seed)
        while self.num_kills < self._request.kills:
            moment = MOMENTS[self.num_kills % len(MOMENTS)]
            if moment == "saving":
                yield Kill(0.0, saves=dice.randint(1, LATEST_SAVE), share=dice.random())
            else:
                latest = EARLY if moment == "early" else LATEST_INSTANT
                yield Kill(dice.random() * latest * self._seconds)
        while True:
            yield None

    def _trial(self, name: str, kill: Kill | None) -> Trial:
        trial = self._trials.train(self._training, name, kill)
        if trial.exit_code and not trial.was_killed:
            _refuse_failed(trial, name)
        self.num_kills += trial.was_killed
        if not trial.was_killed:
            # The first run may have filled a cache, and a resumed one has less to do: later instants would miss both.
            self._seconds = min(self._seconds, trial.seconds)
        told = TrialTold(
            run=self.num_runs,
            began="resumed" if trial.was_resumed else "anew",
            ended=trial.killed_while if trial.was_killed else "finished",
            seconds=round(trial.seconds, 2),
            checkpoint=trial.checkpoint,
        )
        self.told.append(told)
        if self._on_trial is not None:
            self._on_trial(told)
        return trial


def _refuse_failed(trial: Trial, name: str) -> None:
    """Tell of a training that ended badly and was not killed by us."""
    if trial.exit_code == BAD_INPUT:
        raise ConfigurationError.of(trial.errors)
    raise TrainingError(
        f"a training failed by itself ({name}): {' '.join(trial.errors)}",
        remedy="See that `athanor train` works with these settings, then verify again.",
    )


def shortened(request: VerifyResumeRequest) -> TrainModelRequest:
    """Make a training short: a few steps as `--quick` takes, unless it says how many, with saves among them.

    Raises: ConfigurationError naming every rule that a value breaks.
    """
    training = request.training
    steps = request.steps or training.max_steps or 2 * QUICK_STEPS
    faults = [
        f"{name} is {value}, but must lie between {low} and {high}. Choose another value."
        for name, value, low, high in (
            ("kills", request.kills, 1, MAX_KILLS),
            ("steps", request.steps if request.steps is not None else steps, 2, MAX_STEPS),
        )
        if not low <= value <= high
    ]
    if faults:
        raise ConfigurationError.of(faults)
    short = training.changed(
        quick=True,  # a few rows to score
        max_steps=steps,
        save_steps=min(training.save_steps or steps, max(1, steps // SAVES)),
        eval_steps=min(training.eval_steps or steps, max(1, steps // EVALUATIONS)),
        warmup_steps=1 if training.warmup_steps is None else min(training.warmup_steps, steps),
        logging_steps=1,
        batch_size=None if training.is_measured("batch_size") else training.batch_size,
        time_budget=None,  # what is measured, and where a clock ends a run, differs from one process to the next
        output_dir=None,
        trackers=(),  # a store that people look at is no place for trials
    )
    short.resolved()  # its faults are told before anything begins
    return short


def unequal(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Sequence[str]:
    """Name each fact that two runs do not share, as a person would look it up."""
    lines = []
    for name in sorted({*expected, *found}):
        if name not in found:
            lines.append(f"{name} is missing")
        elif name not in expected:
            lines.append(f"{name} is there, and was not in the undisturbed run")
        elif expected[name] != found[name]:
            lines.append(f"{name} is {shown(found[name])}, and was {shown(expected[name])}")
    rest = len(lines) - MOST_DIFFERENCES
    return lines if rest <= 0 else [*lines[:MOST_DIFFERENCES], f"{rest} more"]

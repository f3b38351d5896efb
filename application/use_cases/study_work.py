"""What one worker of a study does, in the process that began it or in another, until nothing is left to be done."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from application.ports import RunMonitor
from application.search_spaces import default_values
from application.training_request import TrainModelRequest
from application.tune_ports import SearchAdvisor, StudyLedger
from application.tuning_request import TuneModelRequest
from application.use_cases.trial_training import StoppedError, TrialTraining
from domain.exceptions import ConfigurationError, TrainingError
from domain.study import DEFAULTS, FAILED, RUNNING, Search, Trial, first_ones, missing_repeats

TRIALS, REPEATS = "trials", "repeats"
GOES_ON = "the same command goes on."
MOST_ALIKE = 5
OTHER_ROWS = "has learnt from other rows than those before it: the data have changed."


class Watcher(Protocol):
    """Somebody who watches a study, and each training of it."""

    def training(self, doing: str) -> AbstractContextManager[RunMonitor | None]:
        """Watch one training, by what it is."""

    def begun(self, search: Search, notes: Sequence[str]) -> None:
        """Be told what is searched, and what a person should know of it."""

    def ended(self, trial: Trial) -> None:
        """Be told of a training that has ended, whoever carried it out; each once."""


class Unwatched:
    """Watches nothing."""

    def training(self, doing: str) -> AbstractContextManager[RunMonitor | None]:
        """Watch with nobody."""
        return nullcontext()

    def begun(self, search: Search, notes: Sequence[str]) -> None:
        """Say nothing."""

    def ended(self, trial: Trial) -> None:
        """Say nothing."""


class StudyWork:
    """What one worker does: take up what another has left, else a new trial, else one of the best again."""

    def __init__(
        self,
        request: TuneModelRequest,
        search: Search,
        output: str,
        ledger: StudyLedger,
        advisor: SearchAdvisor,
        training: TrialTraining,
        watcher: Watcher,
    ) -> None:
        self._request = request
        self._search = search
        self._output = output
        self._ledger = ledger
        self._advisor = advisor
        self._training = training
        self._watcher = watcher
        self._deadline = None if request.timeout is None else time.monotonic() + request.timeout
        self._told: set[str] = set()
        self._is_exhausted = False

    def until_done(self) -> None:
        """Work until nothing is left that anybody has to do."""
        while True:
            taken = self._ledger.take_up()
            trials = self._ledger.trials()
            self._tell(trials)
            taken = taken or self._begun(trials)
            if taken is None and any(each.state == RUNNING for each in trials):
                taken = self._awaited()
            elif taken is None and self._ledger.trials() == trials:
                return
            if taken is not None:
                self._carry_out(taken)

    def _awaited(self) -> Trial | None:
        """Wait until another worker has ended a training, which may say what is next, or has left one; gives that."""
        known = _ended_ones(self._ledger.trials())
        with self._watcher.training("waiting for other workers") as monitor:
            while True:
                if monitor is not None and (reason := monitor.stop_requested()):
                    raise StoppedError(reason)
                if (taken := self._ledger.take_up()) is not None or _ended_ones(self._ledger.trials()) != known:
                    return taken
                self._ledger.wait()

    def look(self) -> None:
        """Tell what has ended since the last look, a moment later."""
        self._ledger.wait()
        self._tell(self._ledger.trials())

    def shortfall(self) -> tuple[str, ...]:
        """Say why there are fewer trials than were asked for, where there are."""
        count = len(first_ones(self._ledger.trials()))
        if count >= self._request.trials:
            return ()
        why = "the space holds no other settings." if self._is_exhausted else f"the timeout is over; {GOES_ON}"
        return (f"{count} of {self._request.trials} trials were begun: {why}",)

    def _begun(self, trials: Sequence[Trial]) -> Trial | None:
        """Begin what is to be done next; None where that is nothing, or another worker was faster."""
        firsts = first_ones(trials)
        if self._asks(firsts):
            settings = self._settings(firsts)
            if settings is None:
                self._is_exhausted = True
            else:
                return self._taken(Trial(len(firsts), settings))
        if any(each.state == RUNNING for each in firsts):
            return None  # it may be one of the best
        again = missing_repeats(trials, self._search.metric, seeds_of(self._request))
        return self._taken(again[0]) if again else None

    def _taken(self, trial: Trial) -> Trial | None:
        folder = TRIALS if trial.seed is None else REPEATS
        placed = replace(trial, run_dir=str((Path(self._output) / folder / trial.name).absolute()))
        return placed if self._ledger.begin(placed) else None

    def _asks(self, firsts: Sequence[Trial]) -> bool:
        is_late = self._deadline is not None and time.monotonic() >= self._deadline and firsts
        return not (self._is_exhausted or is_late) and len(firsts) < self._request.trials

    def _settings(self, firsts: Sequence[Trial]) -> Mapping[str, Any] | None:
        if not firsts:
            return default_values(self._request.training, self._search.space)
        return self._advisor.suggest(self._search, firsts)

    def _carry_out(self, trial: Trial) -> None:
        """Train it, and keep what became of it; what ends the training before its end leaves it to another worker."""
        which = (
            f"{trial.number + 1} of {self._request.trials}" if trial.seed is None else f"again with seed {trial.seed}"
        )
        try:
            with self._watcher.training(f"trial {trial.number}, {which}") as monitor:
                ended = self._training.carried_out(trial, request_for(self._request.training, trial), monitor)
        except BaseException:
            self._ledger.let_go(trial)
            raise
        if ended.number == DEFAULTS and ended.seed is None and self._training.is_bad_input:
            self._ledger.withdraw(ended)
            raise ConfigurationError.of(self._training.faults)
        others = {each.data for each in self._ledger.trials() if each.seed is None and each.data}
        if ended.seed is None and ended.data and others - {ended.data}:
            self._ledger.finish(replace(ended, state=FAILED, value=None, data="", reason=OTHER_ROWS))
            raise TrainingError(
                f"trial {ended.number} {OTHER_ROWS}", remedy="Begin another study, with another --output."
            )
        self._ledger.finish(ended)
        self._require_hope()
        if monitor is not None and (reason := monitor.stop_requested()):  # it came when all was done and saved
            raise StoppedError(reason)

    def _require_hope(self) -> None:
        """End a study whose trials fail one like the other: what is wrong is not a setting that is searched."""
        last = [each for each in first_ones(self._ledger.trials()) if each.state != RUNNING][-MOST_ALIKE:]
        if len(last) == MOST_ALIKE and {(each.state, each.reason) for each in last} == {(FAILED, last[0].reason)}:
            raise TrainingError(
                f"{MOST_ALIKE} trials in a row have failed alike: {last[0].reason}", remedy=f"Mend it; then {GOES_ON}"
            )

    def _tell(self, trials: Sequence[Trial]) -> None:
        for each in sorted(trials, key=lambda each: (each.seed is not None, each.name)):
            if each.state != RUNNING and each.name not in self._told:
                self._told.add(each.name)
                self._watcher.ended(each)


def _ended_ones(trials: Sequence[Trial]) -> set[str]:
    return {each.name for each in trials if each.state != RUNNING}


def request_for(training: TrainModelRequest, trial: Trial) -> TrainModelRequest:
    """Ask for the training of a trial; that of the defaults is asked for as it was."""
    own = {} if trial.number == DEFAULTS else dict(trial.settings)
    seed = {} if trial.seed is None else {"seed": trial.seed}
    return training.changed(**own, **seed, output_dir=None)


def seeds_of(request: TuneModelRequest) -> list[int]:
    """Give the seeds that the best are trained with; the first is that of the trials."""
    first = request.training.seed
    return [first + number for number in range(request.seeds)]

"""One training of a study: begun, gone on with or known to be done, and judged while it goes on."""

import errno
import math
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from application.monitors import Monitors
from application.ports import RunArchive, RunMonitor
from application.training_request import TrainModelRequest
from application.tune_ports import SearchAdvisor, StudyLedger
from application.use_cases.resume_training import ResumeTrainingUseCase
from application.use_cases.train_model import BAD_INPUT, DIVERGED, TrainModelResponse, TrainModelUseCase
from domain.events import EvaluationCompleted, Event, RunStarted
from domain.exceptions import AthanorError
from domain.metrics import is_better
from domain.runs import FINISHED
from domain.study import COMPLETED, DEFAULTS, FAILED, PRUNED, SHARES, Search, Trial

# What the system says of a disk, word for word in the errors of a run: more trials would meet the same.
_OF_THE_DISK = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)))
LEDGER = "ledger"


class StoppedError(Exception):
    """Somebody who watches has asked for a stop, and the training has saved."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DiskRefusedError(Exception):
    """The disk has refused a training, and would refuse the next one."""

    exit_code = 1


class TrialTraining:
    """Carries out trainings of a study, one after the other.

    `is_bad_input` says of the last one whether what was asked for is wrong, and `faults` what.
    """

    def __init__(
        self,
        train: TrainModelUseCase,
        resume: ResumeTrainingUseCase,
        archive: RunArchive,
        advisor: SearchAdvisor,
        ledger: StudyLedger,
        search: Search,
        output: str,
    ) -> None:
        self._train = train
        self._resume = resume
        self._archive = archive
        self._advisor = advisor
        self._ledger = ledger
        self._search = search
        self._output = output
        self.is_bad_input = False
        self.faults: Sequence[str] = ()

    def carried_out(self, trial: Trial, request: TrainModelRequest, monitor: RunMonitor | None) -> Trial:
        """Train, or go on where a worker before this one came to; gives the trial with what became of it.

        Raises: StoppedError, DiskRefusedError, and RunError when the ledger refuses.
        """
        self.is_bad_input, self.faults = False, ()
        began = time.monotonic()
        trial = self._placed(trial)
        status = self._status_of(trial)
        judge = _Judge(trial, self._search, self._advisor, self._ledger)
        if status == FINISHED:
            response = TrainModelResponse.model_validate(dict(self._archive.summary(trial.run_dir)))
        elif trial.is_hopeless:  # its worker died before it could say so
            return replace(trial, state=PRUNED)
        else:
            response = self._response(trial, request, status, Monitors(judge, *(() if monitor is None else (monitor,))))
        if judge.fault is not None:
            raise judge.fault
        ended = replace(judge.trial, seconds=trial.seconds + time.monotonic() - began)
        return self._ended(ended, response)

    def _placed(self, trial: Trial) -> Trial:
        """Give a training the place that its worker chose, or one of ours where that is on another machine."""
        place = Path(trial.run_dir)
        if place.parent.parent.is_dir():
            return trial
        return replace(trial, run_dir=str((Path(self._output) / place.parent.name / place.name).absolute()))

    def _status_of(self, trial: Trial) -> str | None:
        place = Path(trial.run_dir)
        if not place.parent.is_dir():
            return None
        there = self._archive.runs(str(place.parent))
        return next((facts.status for facts in there if Path(facts.run_dir).name == place.name), None)

    def _response(
        self, trial: Trial, request: TrainModelRequest, status: str | None, monitors: Monitors
    ) -> TrainModelResponse:
        if status is not None:
            return self._resume.execute(trial.run_dir, monitors)
        return self._train.execute(request.changed(output_dir=trial.run_dir), monitors)

    def _ended(self, trial: Trial, response: TrainModelResponse) -> Trial:
        if response.success:
            value = response.best_metric
            if value is None or not math.isfinite(value):
                return replace(trial, state=FAILED, value=None, reason=f"its {self._search.metric} is no number.")
            data = self._archive.data(trial.run_dir).get("training", "")
            return replace(trial, state=COMPLETED, value=value, data=data)
        if response.stop_reason == PRUNED:
            # As of one that was completed: what its run would keep, be that no better than what it began with.
            return replace(
                trial, state=PRUNED, value=trial.value if response.best_metric is None else response.best_metric
            )
        if response.stop_reason not in (None, DIVERGED):
            raise StoppedError(str(response.stop_reason))
        told = " ".join(response.errors)
        if any(word in told for word in _OF_THE_DISK):
            raise DiskRefusedError(told)
        self.is_bad_input, self.faults = response.exit_code == BAD_INPUT, response.errors
        return replace(trial, state=FAILED, value=None, reason=told)


class _Judge:
    """Notes the scores of a training as they come, and asks for its end when others show that it is hopeless."""

    def __init__(self, trial: Trial, search: Search, advisor: SearchAdvisor, ledger: StudyLedger) -> None:
        self.trial = trial
        self.fault: AthanorError | None = None
        self._search = search
        self._advisor = advisor
        self._ledger = ledger
        self._reason = ""

    def notify(self, event: Event) -> None:
        """Heed how long the training is, and its scores."""
        match event:
            case RunStarted():
                self.trial = replace(self.trial, total_steps=event.total_steps)
            case EvaluationCompleted():
                self._scored(event)

    def stop_requested(self) -> str:
        """Give the reason to stop."""
        return self._reason

    def _scored(self, event: EvaluationCompleted) -> None:
        value = event.metrics.get(self._search.metric.removeprefix("eval_"))
        if not isinstance(value, int | float) or not math.isfinite(value):
            return
        best = self.trial.value
        better = value if is_better(value, best, self._search.direction) else best
        self.trial = replace(self.trial, value=better)
        if event.step == 0:  # a preset may be scored before its first step, which says nothing of the settings
            return
        self.trial = replace(self.trial, curve=self.trial.scored(event.step, float(value)))
        try:
            self._judge()
            self._ledger.note(self.trial)
        except AthanorError as error:
            self.fault, self._reason = error, LEDGER
            return
        if self.trial.is_hopeless:
            self._reason = PRUNED

    def _judge(self) -> None:
        """Judge by the others; the defaults and what is trained over seeds are there to be compared with."""
        trial = self.trial
        if trial.seed is not None or trial.share_at(trial.curve[-1][0]) >= SHARES:
            return
        found = self._advisor.judge(self._search, self._ledger.trials(), trial)
        self.trial = replace(trial, kept=found.kept, is_hopeless=found.is_hopeless and trial.number != DEFAULTS)

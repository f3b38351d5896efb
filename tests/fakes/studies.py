"""Fakes of the ports of a tuning: a ledger in memory, trainings whose scores follow from their settings, no files."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from application.ports import RunMonitor
from application.training_request import TrainModelRequest
from application.tuning_request import TuneModelRequest
from application.use_cases.train_model import TrainModelResponse
from domain.events import EvaluationCompleted, RunStarted
from domain.runs import RunFacts
from domain.study import RUNNING, Judgement, Search, Study, Trial, first_ones


@dataclass
class FakeLedger:
    """Holds trials by their names; those of `left` have no worker any more."""

    known: dict[str, Trial] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    waits: int = 0
    is_closed: bool = False
    on_wait: Callable[["FakeLedger"], None] = lambda ledger: None

    def open(self, storage: str | None, name: str, plan: Mapping[str, Any], output: str) -> "FakeLedger":
        return self

    def trials(self) -> Sequence[Trial]:
        return list(self.known.values())

    def begin(self, trial: Trial) -> bool:
        if trial.name in self.known:
            return False
        self.known[trial.name] = trial
        return True

    def take_up(self) -> Trial | None:
        for name in sorted(self.left):
            self.left.remove(name)
            return self.known[name]
        return None

    def note(self, trial: Trial) -> None:
        self.known[trial.name] = trial

    def finish(self, trial: Trial) -> None:
        self.known[trial.name] = trial

    def let_go(self, trial: Trial) -> None:
        self.left.add(trial.name)

    def withdraw(self, trial: Trial) -> None:
        del self.known[trial.name]

    def wait(self) -> None:
        self.waits += 1
        self.on_wait(self)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeAdvisor:
    """Suggests one rate after the other; trials of `hopeless` rates are, at their first score."""

    rates: Sequence[float] = (2e-3, 3e-3, 4e-3, 5e-3)
    hopeless: Sequence[float] = ()

    def suggest(self, search: Search, trials: Sequence[Trial]) -> Mapping[str, Any] | None:
        number = len(first_ones(trials)) - 1
        return {"learning_rate": self.rates[number]} if number < len(self.rates) else None

    def judge(self, search: Search, trials: Sequence[Trial], trial: Trial) -> Judgement:
        return Judgement(trial.settings["learning_rate"] in self.hopeless, {"asked": 1.0})

    def importance(self, search: Search, trials: Sequence[Trial]) -> Mapping[str, float]:
        return {"learning_rate": 1.0}


@dataclass
class FakeStudyFiles:
    kept: TrainModelRequest | None = None
    finished: Study | None = None
    withdrawn: int = 0

    def require_place(self, output: str) -> None:
        """Any place will do."""

    def begin(self, output: str, plan: Mapping[str, Any]) -> None:
        """Nothing is made."""

    def withdraw(self, output: str) -> None:
        self.withdrawn += 1

    def run_file(self, output: str) -> TrainModelRequest | None:
        return self.kept

    def keep_run_file(self, output: str, request: TrainModelRequest) -> str:
        self.kept = request
        return f"{output}/best.yaml"

    def finish(self, study: Study) -> Study:
        self.finished = replace(study, report="report.html")
        return self.finished


@dataclass
class FakeWorkers:
    looks: int = 2
    is_stopped: bool = False

    def start(self, request: TuneModelRequest, output: str) -> None:
        """Nobody is started."""

    def are_at_work(self) -> bool:
        self.looks -= 1
        return self.looks >= 0

    def stop(self) -> None:
        self.is_stopped = True


@dataclass
class FakeTrainings:
    """Trains in no time: the score is 1000 times the rate, or what `answers` gives for a rate and a seed.

    Each training is scored at its half and at its end, and heeds a wish to stop at its half.
    """

    answers: Mapping[tuple[float, int], TrainModelResponse] = field(default_factory=dict)
    asked: list[TrainModelRequest] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    requests: dict[str, TrainModelRequest] = field(default_factory=dict)

    def execute(
        self,
        request: TrainModelRequest | str,
        monitor: RunMonitor | None = None,
        run: Any = None,
        accept_changes: bool = False,
    ) -> TrainModelResponse:
        if isinstance(request, str):
            self.resumed.append(request)
            request = self.requests[request]
        self.asked.append(request)
        rate = request.learning_rate or 1e-3
        if (rate, request.seed) in self.answers:
            return self.answers[rate, request.seed]
        score = 1000 * rate + (request.seed - 42) / 10
        if monitor is not None:
            monitor.notify(RunStarted("run", "text_classification", "cpu", "fp32", 1, 80, 20, 10, 0))
            monitor.notify(EvaluationCompleted(5, 0, {"macro_f1": score / 2}, True, 0.1))
            if reason := monitor.stop_requested():
                return TrainModelResponse(success=False, stop_reason=reason, errors=("stopped.",), exit_code=1)
            monitor.notify(EvaluationCompleted(10, 1, {"macro_f1": score}, True, 0.1))
        return TrainModelResponse(success=True, best_metric=score, stop_reason="completed", run_dir=request.output_dir)


@dataclass
class FakeRuns:
    """An archive that knows runs by their directories, with their state and their best score."""

    known: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    digest: str = "a"

    def runs(self, root: str) -> Sequence[RunFacts]:
        return [RunFacts(path, path, state) for path, (state, _) in self.known.items() if path.startswith(root)]

    def summary(self, path: str) -> Mapping[str, Any]:
        return {"success": True, "best_metric": self.known[path][1], "run_dir": path}

    def data(self, path: str) -> Mapping[str, str]:
        return {"training": self.digest}


@dataclass
class FakeStudyWatcher:
    stop_reason: str = ""
    doing: list[str] = field(default_factory=list)
    told: list[Trial] = field(default_factory=list)
    monitor: RunMonitor | None = None

    def training(self, doing: str) -> AbstractContextManager[RunMonitor | None]:
        self.doing.append(doing)
        return nullcontext(self.monitor)

    def begun(self, search: Search, notes: Sequence[str]) -> None:
        """Nothing is said."""

    def ended(self, trial: Trial) -> None:
        assert trial.state != RUNNING
        self.told.append(trial)

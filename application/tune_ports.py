"""What a tuning needs of the world beside what trainings need: a ledger that workers share, advice, a place."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from application.training_request import TrainModelRequest
from application.tuning_request import TuneModelRequest
from domain.study import Judgement, Search, Study, Trial


class StudyLedger(Protocol):
    """Knows all trainings of a study. Each belongs to one worker at a time, on whatever machine, or to nobody.

    After a kill at any instant a training is in it as its worker last noted, or was never begun; none is lost, and no
    two workers have the same. Every method raises RunError when the database refuses.
    """

    def trials(self) -> Sequence[Trial]:
        """Give all trainings, in no order."""

    def begin(self, trial: Trial) -> bool:
        """Take a new training for this worker; False where there is one of its name already."""

    def take_up(self) -> Trial | None:
        """Take for this worker one that is not finished and whose worker is dead or has let it go; None for none."""

    def note(self, trial: Trial) -> None:
        """Keep how far a training of this worker is. Raises: RunError when it has become that of another."""

    def finish(self, trial: Trial) -> None:
        """Keep what became of a training of this worker. Raises: RunError when it has become that of another."""

    def let_go(self, trial: Trial) -> None:
        """Leave a training of this worker to whoever looks next."""

    def withdraw(self, trial: Trial) -> None:
        """Forget a training of this worker, as if it had never begun."""

    def wait(self) -> None:
        """Let a moment pass in which others may get on."""

    def close(self) -> None:
        """Let go of all, and be no worker any more."""


class StudyLedgers(Protocol):
    """Opens ledgers."""

    def open(self, storage: str | None, name: str, plan: Mapping[str, Any], output: str) -> StudyLedger:
        """Open the ledger of a study, which begins where there is none; `storage` None is a file in `output`.

        Raises: ConfigurationError for an address that is none or a library that is missing, RunError for a study of
        another plan and when the database refuses.
        """


class SearchAdvisor(Protocol):
    """Says which settings are worth a trial. Its answers follow from the search and the trials alone."""

    def suggest(self, search: Search, trials: Sequence[Trial]) -> Mapping[str, Any] | None:
        """Give settings that no trial has had; None where all combinations have been tried."""

    def judge(self, search: Search, trials: Sequence[Trial], trial: Trial) -> Judgement:
        """Judge a trial by its last score, beside others at the same share of their training."""

    def importance(self, search: Search, trials: Sequence[Trial]) -> Mapping[str, float]:
        """Give how much of the difference between scores each setting explains, in sum 1; empty for too few trials."""


class StudyFiles(Protocol):
    """Keeps what a study is and what came of it, beside its runs."""

    def require_place(self, output: str) -> None:
        """Find fault with a place before anything is done for it. Raises: RunError."""

    def begin(self, output: str, plan: Mapping[str, Any]) -> None:
        """Make the directory, or take up one with the same plan. Raises: RunError for any other."""

    def withdraw(self, output: str) -> None:
        """Remove what `begin` has made, where nothing has come of it."""

    def run_file(self, output: str) -> TrainModelRequest | None:
        """Read the run file of the best settings; None where there is none yet."""

    def keep_run_file(self, output: str, request: TrainModelRequest) -> str:
        """Write the run file of the best settings; gives its path. Raises: RunError when the disk refuses."""

    def finish(self, study: Study) -> Study:
        """Write the page and the result, that last; gives it with the place of the page. Raises: RunError."""


class StudyWorkers(Protocol):
    """Processes on this machine that work at a study."""

    def start(self, request: TuneModelRequest, output: str) -> None:
        """Start as many as are asked for. Raises: RunError when the system refuses."""

    def are_at_work(self) -> bool:
        """Tell whether any is still there."""

    def stop(self) -> None:
        """Ask all to save and leave, and see to it that they do."""

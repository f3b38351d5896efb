"""The states of one run: saved while it goes on, taken up again, and the best of them at its end."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from application.phases import phase
from domain.events import CheckpointSaved
from domain.exceptions import CheckpointError, TrainingError
from domain.progress import Progress
from infrastructure.memory import is_out_of_memory
from infrastructure.parallel.ranks import ALONE
from infrastructure.training.background_saver import BackgroundSaver
from infrastructure.training.checkpoint_manager import CheckpointManager, CheckpointNotSavedError
from infrastructure.training.fingerprints import FROZEN_WEIGHTS
from infrastructure.training.machine import RANKS, THREADS, computed_elsewhere, machine_facts, use_threads
from infrastructure.training.optimizers import load_optimizer
from infrastructure.training.session import Session
from infrastructure.training.taking_up import reading_of
from infrastructure.training.training_state import Change, TrainingState

Warn = Callable[[Progress, str], None]


class RunStates:
    """Joins the session of a run with its checkpoints.

    `settings` and `data` are what the result follows from; a state of others is taken up only where that is accepted.
    `warn` is told what a person should know, `saved` what is safe on disk.
    """

    def __init__(
        self,
        session: Session,
        checkpoints: CheckpointManager,
        settings: Mapping[str, Any],
        data: Mapping[str, str],
        warn: Warn,
        saved: Callable[[CheckpointSaved], None],
    ) -> None:
        self._session = session
        self._ranks = session.parallel.ranks
        self._checkpoints = checkpoints
        self._settings = settings
        self._data = data
        self._warn = warn
        self._saved = saved
        self._saver = BackgroundSaver(checkpoints)
        self._writers = self._ranks.beside() if session.parallel.shards else ALONE
        self._known_damage: set[str] = set()

    # Saving

    def save(self, progress: Progress, epoch: int, at_once: bool = False) -> None:
        """Save a state while the training goes on, or `at_once` before this returns.

        A state that the disk refuses costs a warning: the next one is tried again. One that must be there `at_once`
        raises: CheckpointNotSavedError.
        """
        self.settle(progress)
        if self._session.parallel.shards or self._ranks.is_first:
            self._begin_to_save(progress, epoch)
        if at_once:
            self.settle(progress, must_be_saved=True)
            self._ranks.wait_for_all()

    def _begin_to_save(self, progress: Progress, epoch: int) -> None:
        self._saver.save(
            model=self._session.trained,
            optimizer=self._session.optimizer,
            scaler=self._session.precision.scaler,
            epoch=epoch,
            step=progress.step,
            metric_value=progress.rank,
            extra={
                **self._state(progress).to_json(),
                "average": self._session.average.state_dict() if self._session.average else None,
            },
            ranks=self._writers,
        )

    def look(self, progress: Progress) -> None:
        """Tell of a state that was saved, or could not be, since the last look."""
        if self._saver.is_done:
            self.settle(progress)

    def settle(self, progress: Progress, must_be_saved: bool = False) -> None:
        """Wait for the state in flight, if any. Raises: CheckpointNotSavedError when it `must_be_saved` and was not."""
        try:
            metadata = self._saver.wait()
        except CheckpointNotSavedError as error:
            if must_be_saved:
                raise
            self._warn(progress, f"{error.problem} The run goes on and saves again later.")
        else:
            if metadata is not None:
                self._saved(CheckpointSaved(metadata.step, metadata.name, metadata.size_bytes))

    def close(self) -> None:
        """Let the writing thread end."""
        self._saver.close()

    # Taking up

    def restored(self, fresh: Progress, accept_changes: bool = False) -> Progress | None:
        """Load the newest whole state into the session; None when there is none.

        `fresh` is the progress of a run that begins; where changes are accepted it goes on from the saved one.
        Raises: CheckpointError for a state of other settings or data, listing what changed, or of another model.
        """
        known = self._checkpoints.list_checkpoints()
        with phase(f"opening checkpoint {known[-1].name}") if known else nullcontext():
            checkpoint = self._checkpoints.load_latest_checkpoint(reading_of(self._session))
        self._tell_damage(fresh)
        if checkpoint is None:
            return None
        name = checkpoint["metadata"].name
        saved = TrainingState.read(checkpoint["extra"], name, checkpoint["step"])
        changes = self._state(fresh).changes_since(saved)
        if any(change.name == FROZEN_WEIGHTS for change in changes):
            raise _over_other_weights(name, changes)
        if changes and not accept_changes:
            raise _of_another_run(name, changes)
        here = self._machine()
        # Among another number of ranks the last bits are others anyway, and a process has other cores for itself.
        if THREADS in saved.machine and here["device"] == "cpu" and saved.machine.get(RANKS, 1) == here[RANKS]:
            use_threads(saved.machine[THREADS])
        self._load(checkpoint, changes)
        progress = saved.progress
        if changes:
            progress = self._under_other_settings(fresh, progress, changes, checkpoint["epoch"], name)
        for note in fresh.notes:
            progress.note(note)
        if moved := computed_elsewhere(saved.machine, self._machine()):
            self._warn(progress, moved)
        return progress

    def _tell_damage(self, progress: Progress) -> None:
        for message in self._checkpoints.damaged:
            if message not in self._known_damage:
                self._known_damage.add(message)
                self._warn(progress, message)

    def _under_other_settings(
        self, fresh: Progress, saved: Progress, changes: list[Change], epoch: int, name: str
    ) -> Progress:
        scores_remain = all(change.leaves_scores for change in changes)
        fresh.take_up(saved, scores_remain, not any(change.is_of_unit for change in changes))
        told = "; ".join(map(str, changes))
        lost = "" if scores_remain else " Scores from before do not count, for they cannot be compared with later ones."
        self._warn(fresh, f"from step {fresh.step} on the run has other settings or data, as accepted: {told}.{lost}")
        if not scores_remain and self._ranks.is_first:
            # Before the save: after a kill between the two, the next resume would not know that these do not count.
            self._checkpoints.discard(but=name)
        # Saved at once as a state of the new settings, so that a later resume needs no acceptance.
        self.save(fresh, epoch, at_once=True)
        return fresh

    def _load(self, checkpoint: Mapping[str, Any], changes: list[Change]) -> None:
        others = {change.name for change in changes}
        try:
            self._load_weights(checkpoint)
            if "optimizer" not in others:
                load_optimizer(self._session.optimizer, checkpoint["optimizer_state_dict"])
            scaler = self._session.precision.scaler
            if scaler is not None and checkpoint["scaler_state_dict"] is not None:
                scaler.load_state_dict(checkpoint["scaler_state_dict"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            if is_out_of_memory(error):
                raise
            raise CheckpointError(
                f"checkpoint {checkpoint['metadata'].name} is of another model than this run has.",
                remedy="Restore the model, or train anew in another directory.",
            ) from error

    def _load_weights(self, checkpoint: Mapping[str, Any]) -> None:
        self._session.trained.load_state_dict(checkpoint["model_state_dict"])
        if self._session.average is not None:
            # A run that had no average so far begins one at its weights.
            average = checkpoint["extra"]["average"]
            self._session.average.load_state_dict(checkpoint["model_state_dict"] if average is None else average)

    def _state(self, progress: Progress) -> TrainingState:
        return TrainingState(progress, self._settings, self._data, self._machine())

    def _machine(self) -> dict[str, Any]:
        return machine_facts(self._session.device, self._ranks.size, self._session.compiled is not None)

    # The end

    def take_best(self, progress: Progress) -> None:
        """Give the model the weights that scored best, and let `progress` say of which state they are.

        Where the best is damaged or gone the next best takes its place, in words too.
        Raises: TrainingError when no state with a score is whole.
        """
        if progress.best_step is None:
            self._warn_of_no_score(progress)
            return
        best = self._checkpoints.load_best_checkpoint(reading_of(self._session))
        self._tell_damage(progress)
        if best is None:
            raise TrainingError(
                f"the best state, of step {progress.best_step} with a score of {progress.best_metric:g}, is lost, and "
                f"no other with a score is whole. {' '.join(self._checkpoints.damaged)}".rstrip(),
                remedy="Restore that checkpoint and resume, or train anew in another directory.",
            )
        if best["step"] != progress.best_step:
            lost = f"step {progress.best_step} with {progress.best_metric:g}"
            saved = TrainingState.read(best["extra"], best["metadata"].name, best["step"])
            progress.settle_for(saved.progress)
            self._warn(
                progress,
                f"the best state, of {lost}, is damaged or was never saved. "
                f"The model is the next best: step {progress.best_step} with {progress.best_metric:g}.",
            )
        self._load(best, [])

    def _warn_of_no_score(self, progress: Progress) -> None:
        if progress.evaluated_at is not None:
            self._warn(progress, "no evaluation gave a finite score: the model is that of the last step, not a best.")


def _over_other_weights(name: str, changes: list[Change]) -> CheckpointError:
    """Refuse it whatever is accepted: what the state holds is of no use without the weights that it leaves out."""
    return CheckpointError(
        f"checkpoint {name} holds what was trained beside other frozen weights: {'; '.join(map(str, changes))}.",
        remedy="Restore the model that the run began with and what it freezes, or train anew in another directory.",
    )


def _of_another_run(name: str, changes: list[Change]) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {name} was made with other settings or data: {'; '.join(map(str, changes))}.",
        remedy="Restore them, train anew in another directory, or go on all the same: resume RUN --accept-changes.",
    )

"""The checkpoints of one training: saved through crashes and full disks, verified before use, few kept."""

import errno
import math
import operator
import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from domain.exceptions import CheckpointError, ConfigurationError
from domain.retention import CheckpointMetadata, kept, ranked
from infrastructure.files import remove_directory, remove_leftovers
from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.training.checkpoint_files import (
    BY_ONE,
    CheckpointContent,
    Reading,
    read_checkpoint,
    read_metadata,
    verify_checkpoint,
    write_checkpoint,
)
from infrastructure.training.model_weights import open_foreign_weights, unwrapped_names
from infrastructure.training.trained_part import TrainedPart

__all__ = [
    "CheckpointManager",
    "CheckpointMetadata",
    "CheckpointNotSavedError",
    "open_foreign_weights",
    "unwrapped_names",
]

_NAME = re.compile(r"step-[0-9]{8,}")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class CheckpointNotSavedError(CheckpointError):
    """The disk refused a state: the run failed, and what it was given is not to blame."""

    exit_code = 1


@dataclass(frozen=True)
class PreparedCheckpoint:
    """A state ready to be written, and what its manifest will say of it."""

    content: CheckpointContent
    metadata: CheckpointMetadata


class CheckpointManager:
    """Keeps training states in `step-<number>` directories: after a kill at any instant each is whole or absent.

    Of the saved states the best `keep_best` by `metric_name` and the newest stay, `max_checkpoints` in all; "newest"
    is the one of the highest step. A damaged one is named in `damaged` and passed over; it stays on disk until its
    step is saved again, somebody deletes it or room is needed.

    What several ranks hold together is saved and loaded by all of them in one call each, with the same end in all: it
    is one checkpoint, which can be loaded by any number of ranks or by a process alone.
    """

    def __init__(
        self,
        checkpoint_dir: str | Path,
        max_checkpoints: int = 3,
        metric_name: str = "eval_loss",
        mode: str = "min",
        keep_best: int = 1,
    ) -> None:
        if mode not in ("min", "max"):
            raise ConfigurationError(f"mode is {mode!r}, but must be 'min' or 'max'.", remedy="Choose one of the two.")
        if max_checkpoints < 1 or keep_best < 1:
            raise ConfigurationError(
                f"max_checkpoints is {max_checkpoints} and keep_best {keep_best}, but both must be at least 1.",
                remedy="Raise them.",
            )
        self._directory = Path(checkpoint_dir)
        self._max_checkpoints = max_checkpoints
        self._metric_name = metric_name
        self._mode = mode
        self._keep_best = keep_best
        self._damaged: dict[str, str] = {}
        self._make_ready()

    def _make_ready(self) -> None:
        """Make the directory, and remove what a killed process has half written. Raises: CheckpointError."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self._directory)
        except OSError as error:
            raise CheckpointError(
                f"{self._directory} cannot hold checkpoints: {error.strerror}.", remedy="Choose another directory."
            ) from error

    def judge_by(self, metric_name: str, mode: str) -> None:
        """Rank by another metric from now on; scores in the one before count as none."""
        self._metric_name, self._mode = metric_name, mode

    @property
    def damaged(self) -> list[str]:
        """Say which checkpoints were found damaged so far, and how."""
        return list(self._damaged.values())

    def save_checkpoint(
        self,
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        epoch: int = 0,
        step: int = 0,
        metric_value: float | None = None,
        scaler: Any = None,
        extra: Mapping[str, Any] | None = None,
        ranks: Ranks = ALONE,
    ) -> CheckpointMetadata:
        """Save the `state_dict()` of each thing given, and `extra`, a nested state as `split_tree` takes it.

        `ranks` are those that hold the state together.

        A step that was saved before is replaced; a `metric_value` that is not finite counts as none. When the disk is
        full, all checkpoints but the best and the newest make room. Then retention removes those that need not stay.
        Raises: CheckpointNotSavedError when the disk refuses, with the older checkpoints intact; CheckpointError for
        a state that cannot be saved.
        """
        prepared = self.prepared(
            model=model,
            optimizer=optimizer,
            scheduler=scheduler,
            epoch=epoch,
            step=step,
            metric_value=metric_value,
            scaler=scaler,
            extra=extra,
            ranks=ranks,
        )
        return self.write(prepared)

    def prepared(
        self,
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        epoch: int = 0,
        step: int = 0,
        metric_value: float | None = None,
        scaler: Any = None,
        extra: Mapping[str, Any] | None = None,
        ranks: Ranks = ALONE,
        copied: bool = False,
    ) -> PreparedCheckpoint:
        """Make ready what `save_checkpoint` takes; only when it is `copied` may the state change before `write`.

        Raises: CheckpointError for a state that cannot be saved.
        """
        if operator.index(step) < 0:
            raise ConfigurationError(f"step is {step}, but must be at least 0.", remedy="Count steps from 0.")
        parts = {
            "model": None if model is None else _state_of(model),
            "optimizer": None if optimizer is None else optimizer.state_dict(),
            "scheduler": None if scheduler is None else scheduler.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "extra": None if extra is None else dict(extra),
        }
        score = None if metric_value is None or not math.isfinite(metric_value) else float(metric_value)
        name = f"step-{operator.index(step):08d}"
        metadata = CheckpointMetadata(
            name, operator.index(step), operator.index(epoch), self._metric_name, score, time.time(), size_bytes=0
        )
        return PreparedCheckpoint(CheckpointContent.of(parts, copied, ranks), metadata)

    def write(self, prepared: PreparedCheckpoint) -> CheckpointMetadata:
        """Write a state and let those go that need not stay. Raises: CheckpointNotSavedError."""
        saved = self._write(prepared.content, prepared.metadata)
        self._damaged.pop(saved.name, None)
        if not prepared.content.ranks.is_first:
            return saved
        checkpoints = self._comparable()
        stay = kept(checkpoints, self._mode, self._max_checkpoints, self._keep_best) | {saved.name}
        self._delete_all({metadata.name for metadata in checkpoints} - stay)
        return saved

    def discard(self, but: str | None = None) -> None:
        """Delete all checkpoints, damaged ones too, save the one named `but`."""
        self._delete_all({*self._damaged, *(metadata.name for metadata in self.list_checkpoints())} - {but})

    @property
    def size_bytes(self) -> int:
        """Tell what the checkpoints that are not known to be damaged take on disk."""
        return sum(metadata.size_bytes for metadata in self.list_checkpoints())

    @property
    def free_bytes(self) -> int:
        """Tell what the disk has left."""
        return shutil.disk_usage(self._directory).free

    def load_best_checkpoint(self, reading: Reading = BY_ONE) -> dict[str, Any] | None:
        """Load the best whole checkpoint as `load_checkpoint` does; None when none has a score."""
        return self._first_whole(ranked(self._comparable(), self._mode), reading)

    def load_latest_checkpoint(self, reading: Reading = BY_ONE) -> dict[str, Any] | None:
        """Load the newest whole checkpoint as `load_checkpoint` does; None when there is none."""
        return self._first_whole(reversed(self.list_checkpoints()), reading)

    def load_checkpoint(self, name: str, reading: Reading = BY_ONE) -> dict[str, Any] | None:
        """Load one checkpoint, its every byte verified; None when there is none of that name.

        Gives `model_state_dict`, `optimizer_state_dict`, `scheduler_state_dict`, `scaler_state_dict` and `extra`, each
        None when it was not saved, and `epoch`, `step`, `metric_value`, `metadata`. Tensors are on the CPU and whole,
        but for those of which ranks that read it together hold some rows each.
        Raises: CheckpointError when it is damaged or the name is not that of a checkpoint.
        """
        directory = self._place_of(name)
        if not reading.ranks.of_first(directory.is_dir()):
            return None
        try:
            metadata, parts = read_checkpoint(directory, reading)
        except CheckpointError as error:
            self._damaged[name] = str(error)
            raise
        self._damaged.pop(name, None)
        return {
            **{f"{part}_state_dict": parts[part] for part in ("model", "optimizer", "scheduler", "scaler")},
            "extra": parts["extra"],
            "epoch": metadata.epoch,
            "step": metadata.step,
            "metric_value": metadata.metric_value,
            "metadata": metadata,
        }

    def get_best_checkpoint_info(self) -> CheckpointMetadata | None:
        """Tell which checkpoint is best, its bytes unread; None when none has a score."""
        return next(iter(ranked(self._comparable(), self._mode)), None)

    def get_latest_checkpoint_info(self) -> CheckpointMetadata | None:
        """Tell which checkpoint is newest, its bytes unread; None when there is none."""
        return next(reversed(self.list_checkpoints()), None)

    def list_checkpoints(self) -> Sequence[CheckpointMetadata]:
        """Tell of the checkpoints that are not known to be damaged, lowest step first; only manifests are read."""
        found = []
        for directory in self._directory.glob("step-*"):
            if directory.name in self._damaged or not _NAME.fullmatch(directory.name):
                continue
            try:
                found.append(read_metadata(directory))
            except CheckpointError as error:
                # Absent by now means that another process retired it, not that it was damaged.
                if directory.is_dir():
                    self._damaged[directory.name] = str(error)
        return sorted(found, key=lambda metadata: metadata.step)

    def delete_checkpoint(self, name: str) -> bool:
        """Delete a checkpoint, the best or a damaged one too; False when there is none. Raises: CheckpointError."""
        directory = self._place_of(name)
        if not directory.is_dir():
            return False
        try:
            remove_directory(directory)
        except OSError as error:
            raise CheckpointError(
                f"checkpoint {name} cannot be deleted: {error.strerror}.", remedy="Check the permissions."
            ) from error
        self._damaged.pop(name, None)
        return True

    def _place_of(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise CheckpointError(
                f"{name!r} is not the name of a checkpoint.", remedy="Take one from list_checkpoints(): step-00001000."
            )
        return self._directory / name

    def _first_whole(self, checkpoints: Iterable[CheckpointMetadata], reading: Reading) -> dict[str, Any] | None:
        # What one process sees on disk, another may not see yet, or not any more.
        for name in reading.ranks.of_first([metadata.name for metadata in checkpoints]):
            with suppress(CheckpointError):  # it stands in `damaged` now
                checkpoint = self.load_checkpoint(name, reading)
                if checkpoint is not None:
                    return checkpoint
        return None

    def _comparable(self) -> list[CheckpointMetadata]:
        """List the checkpoints; a score in another metric than ours is set aside, for it cannot be ranked with them."""
        return [
            metadata if metadata.metric_name == self._metric_name else replace(metadata, metric_value=None)
            for metadata in self.list_checkpoints()
        ]

    def _write(self, content: CheckpointContent, metadata: CheckpointMetadata) -> CheckpointMetadata:
        directory, is_first = self._directory / metadata.name, content.ranks.is_first
        try:
            try:
                return write_checkpoint(directory, content, metadata)
            except OSError as error:
                if is_first:
                    remove_leftovers(self._directory)
                if error.errno not in _DISK_FULL:
                    raise
                if is_first:
                    self._make_room()
                return write_checkpoint(directory, content, metadata)
        except OSError as error:
            if is_first:
                remove_leftovers(self._directory)
            raise self._not_saved(error, content, metadata) from error

    def _make_room(self) -> None:
        checkpoints = self._comparable()
        # Verified, for the others are about to go: what stays must be worth more than its name.
        newest = next(filter(self._is_whole, reversed(checkpoints)), None)
        best = next(filter(self._is_whole, ranked(checkpoints, self._mode)), None)
        stay = {metadata.name for metadata in (newest, best) if metadata is not None}
        self._delete_all({*self._damaged, *(metadata.name for metadata in checkpoints)} - stay)

    def _is_whole(self, metadata: CheckpointMetadata) -> bool:
        try:
            verify_checkpoint(self._directory / metadata.name)
        except CheckpointError as error:
            self._damaged[metadata.name] = str(error)
            return False
        return True

    def _delete_all(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(CheckpointError):  # one too many on disk is no reason to end a training
                self.delete_checkpoint(name)

    def _not_saved(
        self, error: OSError, content: CheckpointContent, metadata: CheckpointMetadata
    ) -> CheckpointNotSavedError:
        (needed,), free = content.ranks.summed(content.num_bytes), content.ranks.of_first(self.free_bytes)
        return CheckpointNotSavedError(
            f"checkpoint {metadata.name} cannot be written to {self._directory}: {os.strerror(error.errno or 0)}; "
            f"it needs {needed:.0f} bytes, {free} are free.",
            remedy="Make room and resume the run; its best and its newest checkpoint are intact.",
        )


def _state_of(model: Any) -> dict[str, Any]:
    """Give the state of a model of any make; what of one is trained has its names already."""
    return model.state_dict() if isinstance(model, TrainedPart) else unwrapped_names(model.state_dict(), model)

"""Trainings in processes that are forked, so that the libraries are loaded once, and killed when told."""

import ctypes
import gc
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from application.ports import Kill, Trial
from application.training_request import TrainModelRequest
from application.use_cases.resume_training import ResumeTrainingUseCase
from application.use_cases.train_model import TrainModelUseCase
from domain.exceptions import RunError, TrainingError
from domain.run_layout import RunLayout
from domain.strict_json import strict_json
from infrastructure.files import STAGING_PREFIX
from infrastructure.runs.run_facts import facts_of

SECONDS_BETWEEN_LOOKS = 0.002
# From the first sign of a save to the kill, at most: from its first file to its last rename for small models.
LONGEST_SAVE = 0.03
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux
CRASHED = 70


class ForkedTrials:
    """Forks one process for each training. This process itself never computes: torch cannot be forked behind that."""

    def __init__(self, train_model: TrainModelUseCase, resume_training: ResumeTrainingUseCase) -> None:
        self._train_model = train_model
        self._resume_training = resume_training
        self._directory = Path()

    def begin(self, parent: str | None) -> str:
        """Create the directory of the trials. Raises: RunError."""
        try:
            if parent is not None:
                Path(parent).mkdir(parents=True, exist_ok=True)
            self._directory = Path(tempfile.mkdtemp(prefix="athanor-verify-", dir=parent))
        except OSError as error:
            raise RunError(
                f"{parent or tempfile.gettempdir()} cannot be written: {error.strerror or error}.",
                remedy="Choose another --output.",
            ) from error
        return str(self._directory)

    def end(self, keep: bool) -> None:
        """Remove the directory unless it is to be kept."""
        if not keep:
            shutil.rmtree(self._directory, ignore_errors=True)

    def train(self, training: TrainModelRequest, name: str, kill: Kill | None) -> Trial:
        """Train or resume in a process of its own, which has ended when this returns or raises."""
        run, report = self._directory / name, self._directory / "report.json"
        report.unlink(missing_ok=True)
        is_resumed = RunLayout(run).run_file.exists()
        began = time.monotonic()
        saves = _SavesSeen(run)  # before the process begins, which may be faster than this one
        child = self._forked(training, run, report)
        try:
            status, was_killed = _awaited(child, saves, kill, began)
        except BaseException:
            _kill(child)
            os.waitpid(child, 0)
            raise
        told = _read_report(report)
        # What the first process had to load beside this one, the next find loaded.
        _load(told.get("modules", ()))
        exit_code = os.waitstatus_to_exitcode(status)
        return Trial(
            was_resumed=is_resumed,
            was_killed=was_killed and exit_code == -signal.SIGKILL,
            killed_while=_state_of(run),
            exit_code=exit_code if exit_code >= 0 else 128 - exit_code,
            errors=tuple(told.get("errors", ())) or _last_words(exit_code, self._log),
            seconds=time.monotonic() - began,
            checkpoint=_newest_checkpoint(run),
        )

    def facts(self, name: str) -> Mapping[str, Any]:
        """Give what the run has left. Raises: TrainingError when it is not whole."""
        try:
            return facts_of(self._directory / name)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(
                f"{self._directory / name} is not whole after a finished training: {error}.",
                remedy="Verify again with --keep and look at it.",
            ) from error

    @property
    def _log(self) -> Path:
        return self._directory / "output.log"

    def _forked(self, training: TrainModelRequest, run: Path, report: Path) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # a child that looked for garbage in all of this, too, took a third longer
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of numpy wait for work and hold no lock
            child = os.fork()
        if child == 0:
            self._work(training, run, report)
        with suppress(OSError):
            os.setpgid(child, child)  # here and in the child, whoever comes first
        return child

    def _work(self, training: TrainModelRequest, run: Path, report: Path) -> NoReturn:
        """Do the work of the child and end with its exit code, without anything that the parent has registered."""
        exit_code = CRASHED
        try:
            _separate(self._log)
            if RunLayout(run).run_file.exists():
                response = self._resume_training.execute(str(run))
            else:
                response = self._train_model.execute(training.changed(output_dir=str(run)))
            report.write_text(strict_json({"errors": response.errors, "modules": sorted(sys.modules)}))
            exit_code = response.exit_code
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(exit_code)


def _separate(log: Path) -> None:
    """Make a forked process one of its own: group, signals, streams, and the randomness that nobody has seeded."""
    with suppress(OSError):
        os.setpgid(0, 0)  # an interrupt from the terminal is for the parent, which ends this process
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for place, stream in enumerate((nothing, output, output)):
        os.dup2(stream, place)
    # Not those of the parent, which may be other files than these places.
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    random.seed()
    np.random.seed()


def _awaited(child: int, saves: "_SavesSeen", kill: Kill | None, began: float) -> tuple[int, bool]:
    """Wait for the end of a process, and bring it about when told; gives its status and whether that was sent."""
    sent = False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status, sent
        if kill is not None and not sent:
            if kill.saves and saves.count() >= kill.saves:
                time.sleep(kill.share * LONGEST_SAVE)
                sent = _kill(child)
            elif not kill.saves and time.monotonic() - began >= kill.after_seconds:
                sent = _kill(child)
        time.sleep(SECONDS_BETWEEN_LOOKS)


class _SavesSeen:
    """Counts the saves of a run by what appears among its checkpoints: first the half-written one."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._known = {_step_of(name) for name in _checkpoints(run)}
        self._count = 0

    def count(self) -> int:
        """Count those that have begun since this was made."""
        new = {_step_of(name) for name in _checkpoints(self._run)} - self._known
        self._known |= new
        self._count += len(new)
        return self._count


def _step_of(name: str) -> str:
    """Give the step that is saved: `.staging-step-00000002-4711` becomes `step-00000002`."""
    found = re.search(r"step-\d+", name)
    return found.group() if found else name


def _kill(child: int) -> bool:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return True


def _checkpoints(run: Path) -> frozenset[str]:
    """List what stands among the checkpoints, half-written ones too."""
    try:
        return frozenset(os.listdir(RunLayout(run).checkpoints))
    except OSError:
        return frozenset()


def _newest_checkpoint(run: Path) -> str:
    return max((name for name in _checkpoints(run) if name.startswith("step-")), default="")


def _state_of(run: Path) -> str:
    """Say by what a killed process left where it was."""
    checkpoints = _checkpoints(run)
    if any(name.startswith(STAGING_PREFIX) for name in checkpoints):
        return "killed while saving"
    if RunLayout(run).model.exists() or any(run.glob(f"{STAGING_PREFIX}*")):
        return "killed at the end"
    return "killed in training" if checkpoints else "killed at the beginning"


def _read_report(report: Path) -> Mapping[str, Any]:
    try:
        told = json.loads(report.read_text())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _last_words(exit_code: int, log: Path) -> tuple[str, ...]:
    if exit_code == 0:
        return ()
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return (f"it was ended by {name}, which did not come from here; the system may have run out of memory.",)
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return tuple(lines[-1:])
    return ()


def _load(names: list[str]) -> None:
    for name in names:
        if name not in sys.modules and not name.startswith("__"):
            with suppress(Exception):  # whatever it is, the process that needs it will load it
                import_module(name)

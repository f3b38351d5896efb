"""The trainings of a study in a table of a database, sqlite or PostgreSQL, from which workers take one each.

A training changes hands by one statement that names its holder and how often that has been heard of: of two workers
that want it the database serves one, and the other finds nothing changed. What a kill leaves is therefore a whole row.
"""

import json
import platform
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.exceptions import AthanorError, ConfigurationError, RunError
from domain.run_layout import RunLayout
from domain.strict_json import strict_json
from domain.study import RUNNING, Trial
from infrastructure.runs.run_lock import RunLock, is_held
from infrastructure.tuning.database import DATABASE, LONGEST_NAME, opened, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row

WORKERS = "workers"
SECONDS_BETWEEN_BEATS = 5.0
# A worker on another machine that has not been heard of for so long is dead: it may have been in a long write.
SECONDS_OF_SILENCE = 60.0
SECONDS_OF_A_MOMENT = 0.5
NOBODY = ""
ADVISORY_LOCK = int.from_bytes(b"athanor", "big")  # a number of PostgreSQL's users' own, of 64 bits, as it has no names


class StudyLedgers:
    """Opens ledgers; `silence` is how many seconds a worker of another machine may not be heard of."""

    def __init__(self, silence: float = SECONDS_OF_SILENCE) -> None:
        self._silence = silence

    def open(self, storage: str | None, name: str, plan: Mapping[str, Any], output: str) -> "StudyLedger":
        """Open the ledger of a study, which begins where there is none; `storage` None is a file in `output`.

        Raises: ConfigurationError for an address that is none or a library that is missing, RunError for a study of
        another plan and when the database refuses.
        """
        if len(name) > LONGEST_NAME:
            raise ConfigurationError(
                f"the name of the study has {len(name)} letters.", remedy="Give a shorter --study."
            )
        engine = opened(storage or f"sqlite:///{Path(output).absolute() / DATABASE}")
        ledger = StudyLedger(engine, name, Path(output), self._silence)
        try:
            ledger.join(plan)
        except BaseException:
            ledger.close()
            raise
        return ledger


class StudyLedger:
    """Knows all trainings of a study, and holds those of this worker by heartbeats and a lock."""

    def __init__(self, engine: "Engine", name: str, output: Path, silence: float) -> None:
        self._engine = engine
        self._name = name
        self._silence = silence
        self._worker = secrets.token_hex(8)
        self._place = (output / WORKERS / self._worker).absolute()
        self._lock: RunLock | None = None
        self._heard: dict[str, tuple[str, int, float]] = {}  # of each training holder, beats, and when these were new
        self._end = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat of a tuning", daemon=True)

    def join(self, plan: Mapping[str, Any]) -> None:
        """Become a worker of the study. Raises: RunError for a study of another plan, or a database that refuses."""
        studies, _ = tables()
        text = strict_json(plan, sort_keys=True)
        with self._at_once() as connection:
            studies.metadata.create_all(connection)
            known = connection.execute(studies.select().where(studies.c.name == self._name)).first()
            if known is None:
                connection.execute(studies.insert().values(name=self._name, plan=text))
        if known is not None:
            _require_same(self._name, json.loads(known.plan), json.loads(text))
        try:
            self._lock = RunLock.take(self._place)
        except OSError as error:
            raise RunError(
                f"{self._place} cannot be written: {error.strerror or error}.", remedy="Make room there."
            ) from error
        self._heart.start()

    def trials(self) -> Sequence[Trial]:
        """Give all trainings, in no order."""
        return [_trial_of(row) for row in self._rows()]

    def begin(self, trial: Trial) -> bool:
        """Take a new training for this worker; False where there is one of its name already."""
        from sqlalchemy.exc import IntegrityError

        _, jobs = tables()
        own = {"holder": self._worker, "beats": 0, "place": str(self._place), "machine": _machine()}
        try:
            with self._told(), self._engine.begin() as connection:
                connection.execute(
                    jobs.insert().values(
                        study=self._name, name=trial.name, state=trial.state, trial=_text_of(trial), **own
                    )
                )
        except _TakenError:
            return False
        except IntegrityError:
            return False
        return True

    def take_up(self) -> Trial | None:
        """Take one that is not finished and whose worker is dead or has let it go; None for none."""
        for row in sorted(self._rows(), key=lambda row: row.name):
            if row.state == RUNNING and row.holder != self._worker and self._is_left(row) and self._taken(row):
                return _trial_of(row)
        return None

    def note(self, trial: Trial) -> None:
        """Keep how far a training of this worker is. Raises: RunError when it has become that of another."""
        self._write(trial, state=trial.state, trial=_text_of(trial))

    def finish(self, trial: Trial) -> None:
        """Keep what became of a training. Raises: RunError when it has become that of another."""
        self._write(trial, state=trial.state, trial=_text_of(trial), holder=NOBODY)

    def let_go(self, trial: Trial) -> None:
        """Leave a training to whoever looks next; where the database refuses, the end of this worker says it."""
        with suppress(AthanorError):
            self._write(trial, holder=NOBODY)

    def withdraw(self, trial: Trial) -> None:
        """Forget a training of this worker, and the study that has no other."""
        studies, jobs = tables()
        with self._at_once() as connection:
            connection.execute(jobs.delete().where(*self._own(trial)))
            if connection.execute(jobs.select().where(jobs.c.study == self._name)).first() is None:
                connection.execute(studies.delete().where(studies.c.name == self._name))

    def wait(self) -> None:
        """Let a moment pass."""
        time.sleep(SECONDS_OF_A_MOMENT)

    def close(self) -> None:
        """Let go of all, and be no worker any more."""
        self._end.set()
        if self._heart.is_alive():
            self._heart.join()
        held: Sequence[str] = ()
        with suppress(AthanorError):
            self._let_go_of_all()
            held = [row.holder for row in self._rows()]
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()
            self._remove_dead(held)

    def _rows(self) -> "Sequence[Row[Any]]":
        _, jobs = tables()
        with self._told(), self._engine.connect() as connection:
            return connection.execute(jobs.select().where(jobs.c.study == self._name)).all()

    def _write(self, own: Trial, **values: Any) -> None:
        _, jobs = tables()
        with self._told(), self._engine.begin() as connection:
            changed = connection.execute(jobs.update().where(*self._own(own)).values(**values)).rowcount
        if not changed:
            raise RunError(
                f"trial {own.name} has gone to another worker: this one was not heard of for too long.",
                remedy="Begin again; the study goes on.",
            )

    def _own(self, trial: Trial) -> tuple[Any, ...]:
        _, jobs = tables()
        return jobs.c.study == self._name, jobs.c.name == trial.name, jobs.c.holder == self._worker

    def _remove_dead(self, held: Sequence[str]) -> None:
        """Remove the places of this worker and of killed ones, but for those by which others know of their death."""
        home = self._place.parent
        with suppress(OSError):  # others work there, and the last of them removes it
            for place in (each for each in home.iterdir() if each.is_dir() and each.name not in held):
                if not is_held(place):
                    with suppress(OSError):
                        RunLayout(place).lock.unlink(missing_ok=True)
                        place.rmdir()
            home.rmdir()

    def _let_go_of_all(self) -> None:
        _, jobs = tables()
        with self._told(), self._engine.begin() as connection:
            held = (jobs.c.study == self._name, jobs.c.holder == self._worker)
            connection.execute(jobs.update().where(*held).values(holder=NOBODY))

    def _is_left(self, row: "Row[Any]") -> bool:
        """Tell whether nobody works at a training: at once where its worker was on this machine, else after a while."""
        run = _trial_of(row).run_dir
        if run and Path(run).is_dir() and is_held(Path(run)):
            return False
        if row.holder == NOBODY:
            return True
        if row.machine == _machine() and Path(row.place).is_dir():
            return not is_held(Path(row.place))
        holder, beats, since = self._heard.get(row.name, (NOBODY, 0, 0.0))
        if (holder, beats) != (row.holder, row.beats):
            self._heard[row.name] = row.holder, row.beats, time.monotonic()
            return False
        return time.monotonic() - since >= self._silence

    def _taken(self, row: "Row[Any]") -> bool:
        """Become the holder, unless another one has or the former has been heard of again."""
        _, jobs = tables()
        seen = (
            jobs.c.name == row.name,
            jobs.c.holder == row.holder,
            jobs.c.beats == row.beats,
            jobs.c.state == RUNNING,
        )
        own = {"holder": self._worker, "beats": row.beats + 1, "place": str(self._place), "machine": _machine()}
        with self._told(), self._engine.begin() as connection:
            statement = jobs.update().where(jobs.c.study == self._name, *seen).values(**own)
            return connection.execute(statement).rowcount == 1

    def _beat(self) -> None:
        """Let others hear that this worker lives; what the database refuses now it may take the next time."""
        _, jobs = tables()
        held = (jobs.c.study == self._name, jobs.c.holder == self._worker)
        while not self._end.wait(SECONDS_BETWEEN_BEATS):
            with suppress(AthanorError), self._told(), self._engine.begin() as connection:
                connection.execute(jobs.update().where(*held).values(beats=jobs.c.beats + 1))

    @contextmanager
    def _at_once(self) -> "Iterator[Connection]":
        """Begin what no other worker may come between: the first of all of them makes the tables and the study."""
        with self._told(), self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in a sentence what a database refuses, without the password of its address."""
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError

        try:
            yield
        except IntegrityError as error:
            raise _TakenError from error
        except SQLAlchemyError as error:
            where = self._engine.url.render_as_string(hide_password=True)
            told = str(getattr(error, "orig", None) or error).strip().splitlines()
            raise RunError(
                f"the study at {where} cannot be used: {told[0] if told else type(error).__name__}.",
                remedy="See to the database, then the same command goes on.",
            ) from error


class _TakenError(Exception):
    """There is a row of this name."""


def _require_same(name: str, known: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    if differing := [part for part in {**known, **plan} if known.get(part) != plan.get(part)]:
        raise RunError(
            f"the study {name} is there, and differs from this one in: {', '.join(differing)}.",
            remedy="Ask as before, or give another --output or --study.",
        )


@cache
def _machine() -> str:
    """Name this machine since it was started: of two with one name the kernel tells them apart."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return platform.node()[:80]


def _text_of(trial: Trial) -> str:
    return strict_json(asdict(trial))


def _trial_of(row: "Row[Any]") -> Trial:
    known = json.loads(row.trial)
    curve = tuple((int(step), float(value)) for step, value in known.pop("curve"))
    return replace(Trial(**known), curve=curve, state=row.state)

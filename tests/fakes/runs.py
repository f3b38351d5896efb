"""Fakes of the ports about runs that are there: an archive in memory, and a remover that remembers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.exceptions import RunError
from domain.runs import Leftovers, RunFacts


@dataclass
class FakeArchive:
    """Runs known by their names; each is at `runs/NAME`."""

    known: Sequence[RunFacts] = ()
    summaries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings_of: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def runs(self, root: str) -> Sequence[RunFacts]:
        return self.known

    def find(self, name: str, root: str) -> str:
        for run in self.known:
            if name in (run.run_id, run.run_dir):
                return run.run_dir
        raise RunError(f"{name} holds no run.")

    def find_all(self, names: Sequence[str], root: str) -> Sequence[str]:
        return list(dict.fromkeys(self.find(name, root) for name in names))

    def facts(self, path: str) -> RunFacts:
        return next(run for run in self.known if run.run_dir == path)

    def summary(self, path: str) -> Mapping[str, Any]:
        return self.summaries.get(self.facts(path).run_id, {})

    def settings(self, path: str) -> Mapping[str, Any]:
        return self.settings_of.get(self.facts(path).run_id, {})

    def data(self, path: str) -> Mapping[str, str]:
        return self.digests.get(self.facts(path).run_id, {})


@dataclass
class FakeRemover:
    """Each finished run has a leftover of 10 bytes; `faults` and `failing` are by path."""

    faults: Mapping[str, str] = field(default_factory=dict)
    failing: Mapping[str, Exception] = field(default_factory=dict)
    without: Sequence[str] = ()
    deleted: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    beside: Leftovers = field(default_factory=lambda: Leftovers("", "runs", (), 0))

    def fault_of(self, path: str) -> str:
        return self.faults.get(path, "")

    def delete(self, path: str) -> None:
        if path in self.failing:
            raise self.failing[path]
        self.deleted.append(path)

    def leftovers_of(self, path: str) -> Leftovers:
        return Leftovers(path, path, () if path in self.without else (f"{path}/checkpoints",), 10)

    def leftovers_beside(self, root: str) -> Leftovers:
        return self.beside

    def clean(self, leftovers: Leftovers) -> int:
        if leftovers.run_dir in self.failing:
            raise self.failing[leftovers.run_dir]
        self.cleaned.append(leftovers.run_dir)
        return leftovers.num_bytes

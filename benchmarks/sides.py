"""Sides of a benchmark by turns, each in a process of its own, and the rows that they give to the suite's table."""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data"
ROUNDS = 5
# Where other programs take a larger share of the machine, a row says so.
BUSY = 0.1
Side = Mapping[str, Any]
Figures = Mapping[str, Any]


class SideError(Exception):
    """A side could not be measured; says why in one line."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what Athanor gives, what stands beside it, and their ratio in each round.

    `ratios` [rounds] should keep to `least` or `most` by their median; one without any says in `note` why. `others` is
    the share of the machine that other programs took meanwhile.
    """

    what: str
    unit: str
    ours: float | None = None
    beside: str = ""
    theirs: float | None = None
    ratios: tuple[float, ...] = ()
    least: float | None = None
    most: float | None = None
    others: float = 0.0
    note: str = ""
    command: str = ""

    @property
    def is_kept(self) -> bool | None:
        """Tell whether the median keeps to what is wanted; None where nothing is, or nothing was measured."""
        if not self.ratios or (self.least is None and self.most is None):
            return None
        middle = statistics.median(self.ratios)
        return (self.least is None or middle >= self.least) and (self.most is None or middle <= self.most)


@dataclass(frozen=True)
class Turns:
    """What each side gave in each round, and the share of the machine that other programs took in it."""

    rounds: Sequence[Mapping[str, Figures]]
    others: Sequence[float]

    def median(self, side: str, name: str) -> float:
        """Give the median of a figure over the rounds."""
        return statistics.median(one[side][name] for one in self.rounds)

    def ratios(self, side: str, beside: str, name: str) -> tuple[float, ...]:
        """Divide a figure of one side by that of another, round by round."""
        return tuple(one[side][name] / one[beside][name] for one in self.rounds)

    def row(self, what: str, unit: str, side: str, beside: str, name: str, **wanted: Any) -> Row:
        """Set the figure of one side beside that of another; `wanted` are more fields of the row."""
        medians = {"ours": self.median(side, name), "theirs": self.median(beside, name)}
        facts = {"beside": beside, "ratios": self.ratios(side, beside, name), "others": statistics.median(self.others)}
        return Row(what, unit, **{**medians, **facts, **wanted})


def benchmark(
    file: str,
    told: str | None,
    rows: Callable[[argparse.Namespace], Iterable[Row]],
    measure: Callable[[Any], Figures] = dict,
    arguments: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
) -> None:
    """Run a benchmark from its command line: print the `rows` it gives, or what `measure` gives of one side."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--quick", action="store_true", help="less of everything, to see that it works")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--processor",
        dest="rate",
        action="store_const",
        const="per_processor_second",
        default="per_second",
        help="compare seconds of the processor: with OMP_NUM_THREADS=1, what a machine that others use still shows",
    )
    parser.add_argument("--side", type=json.loads, help=argparse.SUPPRESS)
    arguments(parser)
    options = parser.parse_args()
    if options.side is not None:
        print(json.dumps(measure(options.side)))
        return
    words = [word for word in sys.argv[1:] if word != "--json"]
    command = shlex.join(["python", str(Path(file).resolve().relative_to(ROOT)), *words])
    try:
        found = [replace(row, command=command) for row in rows(options)]
    except SideError as error:
        sys.exit(f"{command}: {error}")
    facts = {**machine(), "rounds": options.rounds}
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in found], "machine": facts}))
    else:
        print(f"{table(found)}\n\n{json.dumps(facts)}")


def by_turns(
    file: str, sides: Mapping[str, Side], rounds: int, run: Callable[[str, Side], Figures] | None = None
) -> Turns:
    """Measure all sides in each round, every second round the other way round. Raises: SideError."""
    ask, names = run or in_own_process, list(sides)
    measured: list[Mapping[str, Figures]] = []
    others: list[float] = []
    for number in range(rounds):
        order = names if number % 2 == 0 else names[::-1]
        watch = Others()
        found = {name: ask(file, sides[name]) for name in order}
        measured.append(found)
        others.append(watch.share())
        print(f"round {number + 1} of {rounds}: {json.dumps(found)}, others {others[-1]:.0%}", file=sys.stderr)
    return Turns(measured, others)


def in_own_process(file: str, side: Side, more: Mapping[str, str] = MappingProxyType({})) -> Figures:
    """Measure one side in a process of its own, by the Python that it names, with `more` in its environment.

    Raises: SideError.
    """
    python = side.get("python", sys.executable)
    # What Athanor sets for itself (infrastructure/__init__.py), given to all sides.
    environment = {**os.environ, "GOMP_SPINCOUNT": "1000", **more}
    command = [python, str(Path(file).resolve()), "--side", json.dumps(side)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        raise SideError(f"{side.get('name', side)}: {lines[-1]}")
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


class Others:
    """Watches what other programs take of the machine from now on."""

    def __init__(self) -> None:
        self._began = self._now()

    @staticmethod
    def _now() -> tuple[float, float, float]:
        own = sum(
            used.ru_utime + used.ru_stime
            for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        try:
            user, nice, system, _, _, *rest = map(
                int, Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]
            )
        except OSError:
            return time.perf_counter(), own, own
        return time.perf_counter(), own, (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")

    def share(self) -> float:
        """Give the share of all processors that was taken by others; none where the kernel does not say."""
        clock, own, all_of_it = (now - then for now, then in zip(self._now(), self._began, strict=True))
        return max(0.0, all_of_it - own) / (clock * (os.cpu_count() or 1))


def table(rows: Sequence[Row]) -> str:
    """Write rows as a table of Markdown."""
    lines = [
        "| what | unit | Athanor | beside it | | ratio (least to most) | rounds | wanted | command |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        wanted = " ".join(
            f"{word} {value:g}" for word, value in (("at least", row.least), ("at most", row.most)) if value is not None
        )
        kept = {None: "", True: ", kept", False: ", **missed**"}[row.is_kept]
        cells = (
            row.what,
            row.unit,
            _figure(row.ours),
            row.beside,
            _figure(row.theirs),
            _ratio(row),
            str(len(row.ratios) or ""),
            wanted + kept,
            f"`{row.command}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _ratio(row: Row) -> str:
    told = []
    if row.ratios:
        told.append(f"{statistics.median(row.ratios):.3g} ({min(row.ratios):.3g} to {max(row.ratios):.3g})")
    if row.note:
        told.append(row.note)
    if row.others > BUSY:
        told.append(f"other programs took {row.others:.0%} of the machine")
    return "; ".join(told)


def machine() -> dict[str, Any]:
    """Give the facts without which a time means nothing."""
    import torch

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        **{name: versions[name] for name in ("torch", "transformers") if (versions := versions_of((name,)))},
    }


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """Give the versions of those packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Name the processor of this machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())

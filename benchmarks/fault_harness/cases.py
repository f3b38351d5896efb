"""Cases, the two processes that work through them, and the tables that come of it."""

import json
import os
import select
import shlex
import shutil
import struct
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from benchmarks.fault_harness.stage import Verdict

_NUMBER = struct.Struct("=i")


@dataclass(frozen=True)
class Case:
    """One attack. `name` is its own within section and task; cases of one `group` share a line of the table.

    `right` says in words which outcome is right; `attack` gets a folder of its own.
    """

    section: str
    task: str
    group: str
    name: str
    right: str
    attack: Callable[[Path], Verdict]

    @property
    def title(self) -> str:
        """Name it among all."""
        return f"{self.section}/{self.task}/{self.group}/{self.name}"


@dataclass(frozen=True)
class Skipped:
    """A part of a section that this machine cannot try, with the reason."""

    section: str
    reason: str


@dataclass(frozen=True)
class Result:
    """What came of a case."""

    section: str
    task: str
    group: str
    name: str
    right: str
    outcome: str
    fault: str
    tries: int = 1

    @property
    def title(self) -> str:
        """Name it among all."""
        return f"{self.section}/{self.task}/{self.group}/{self.name}"

    @property
    def repeat(self) -> str:
        """Give the command that tries this case alone."""
        return f"python benchmarks/faults.py --keep --case {shlex.quote(self.title)}"


def work_through(cases: Sequence[Case], scratch: Path, num_workers: int, keep: bool = False) -> Iterator[Result]:
    """Try all cases, so many at a time; yields results as they come.

    Workers are forks of this process, for cases are closures over what it has imported and found out.
    """
    tickets, counter = os.pipe()
    answers = [os.pipe() for _ in range(num_workers)]
    for _, writing in answers:
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork() == 0:
            os.close(counter)
            _work(cases, tickets, writing, scratch, keep)
        os.close(writing)
    os.close(tickets)
    open_pipes = {reading: b"" for reading, _ in answers}
    waiting = iter(range(len(cases)))
    for number in islice(waiting, num_workers):
        os.write(counter, _NUMBER.pack(number))
    unanswered = len(cases)
    try:
        while unanswered:
            for reading in select.select(list(open_pipes), [], [])[0]:
                read = os.read(reading, 65536)
                assert read, "a worker of the harness has died"
                *lines, open_pipes[reading] = (open_pipes[reading] + read).split(b"\n")
                for line in lines:
                    unanswered -= 1
                    following = next(waiting, None)
                    if following is not None:
                        os.write(counter, _NUMBER.pack(following))
                    yield Result(**json.loads(line))
    finally:
        os.close(counter)
        for reading, _ in answers:
            os.close(reading)
        for _ in answers:
            os.wait()


def _work(cases: Sequence[Case], tickets: int, answers: int, scratch: Path, keep: bool) -> None:
    try:
        while ticket := os.read(tickets, _NUMBER.size):
            [number] = _NUMBER.unpack(ticket)
            result = tried(cases[number], scratch / f"{number:05d}", keep)
            os.write(answers, json.dumps(asdict(result)).encode() + b"\n")
    finally:
        os._exit(0)


def tried(case: Case, place: Path, keep: bool = False) -> Result:
    """Try one case in a folder of its own, which stays when `keep` is said and something was wrong."""
    place.mkdir(parents=True, exist_ok=True)
    try:
        verdict = case.attack(place)
    except Exception:
        verdict = Verdict("the harness failed", f"the harness failed: {traceback.format_exc()[-600:]}")
    if keep and verdict.fault:
        print(f"kept: {place}", file=sys.stderr)
    else:
        shutil.rmtree(place, ignore_errors=True)
    return Result(
        case.section, case.task, case.group, case.name, case.right, verdict.outcome, verdict.fault, verdict.tries
    )


def table_of(results: Sequence[Result], skipped: Sequence[Skipped] = ()) -> str:
    """Give a table in Markdown: a line for each section, task and group."""
    lines = [
        "| section | task | fault | tried | as it should be | right is | what came |",
        "|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.section, result.task, result.group), []).append(result)
    for (section, task, group), members in groups.items():
        tried, good = (sum(m.tries for m in part) for part in (members, [m for m in members if not m.fault]))
        outcomes = Counter(member.outcome for member in members)
        came = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
        lines.append(f"| {section} | {task} | {group} | {tried} | {good} | {members[0].right} | {came} |")
    lines += [f"| {part.section} | | not tried: {part.reason} | 0 | | | |" for part in skipped]
    return "\n".join(lines)


def failures_of(results: Sequence[Result]) -> str:
    """List what went wrong, each with the command that repeats it."""
    return "\n".join(f"- {r.title}: {r.fault}\n  {r.repeat}" for r in results if r.fault)

"""A model that writes programs, scored by running their tests: drawn, run apart, counted and shown."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from application.phases import phase
from domain.interval import Interval
from domain.program_tests import OUTCOMES, PASSED, Program, ProgramTesting, Verdict, pass_at
from domain.significance import binomial_interval
from infrastructure.data.sources.problems import Problem
from infrastructure.reports.page.blocks import Block, Choice, Column, Facts, Group, Paragraph, Section, Table, Texts
from infrastructure.sandbox.programs import PROTECTIONS, processors, run_programs
from infrastructure.statistics.ratios import interval_of_ratio
from infrastructure.tasks.writing.programs import program_of

ROWS_AT_ONCE = 64
SHOWN_OF_AN_OUTCOME = 4
_MOST_SEEDS = 2**31

Answer = Callable[[Sequence[str], Mapping[str, Any]], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class ScoredPrograms:
    """What a model wrote, the programs in it, and what became of each: all [N][samples]."""

    testing: ProgramTesting
    problems: Sequence[Problem]
    written: Sequence[Sequence[str]]
    programs: Sequence[Sequence[Program]]
    verdicts: Sequence[Sequence[Verdict]]

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """Give pass@k, and how many programs had each outcome."""
        counts = Counter(verdict.outcome for verdicts in self.verdicts for verdict in verdicts)
        means = {f"pass@{k}": float(self._by_row(k).mean()) for k in self.testing.ks}
        return {**means, "num_programs": counts.total(), **{name: counts[name] for name in OUTCOMES}}

    @cached_property
    def intervals(self) -> Mapping[str, Interval]:
        """Say how sure each pass@k is, over problems; which programs were drawn is not in it."""
        return {f"pass@{k}": _interval_of(self._by_row(k)) for k in self.testing.ks}

    @cached_property
    def rows(self) -> list[Mapping[str, Any]]:
        """Tell each row: what was written, the programs in it, what became of them and why."""
        return [
            {
                "row": problem.name,
                "passed": _num_passed(verdicts),
                "outcomes": [verdict.outcome for verdict in verdicts],
                "told": [verdict.told for verdict in verdicts],
                "written": list(written),
                "programs": [program.text for program in programs],
            }
            for problem, written, programs, verdicts in self._by_problem()
        ]

    @property
    def sections(self) -> list[Section]:
        """Show what was run how, each row, and programs of each outcome."""
        limits, testing = self.testing.limits, self.testing
        facts = {
            "programs a row": f"{testing.samples:,}",
            "temperature": f"{testing.heat:g}",
            "seed": str(testing.seed),
            "limits of a program": f"{limits.time_limit} s of a processor, {limits.memory_limit:,} MiB",
        }
        columns = [
            Column("row"),
            Column("passed", "count"),
            Column("programs", "count"),
            Column("first fault", "prose"),
        ]
        rows = [[row["row"], row["passed"], testing.samples, next(filter(None, row["told"]), "")] for row in self.rows]
        return [
            Section("Tests", [Facts(facts), Paragraph(PROTECTIONS, "note")]),
            Section("Programs by row", [Table("Rows in their order", columns, rows)]),
            Section("Programs", [Choice("What became of them", self._views())]),
        ]

    def _views(self) -> dict[str, Block]:
        views: dict[str, Block] = {}
        for outcome in OUTCOMES:
            shown = [
                Texts(
                    f"{problem.name}: {verdict.told or outcome}",
                    {"written": text, "program": program.text, "tests": program.tests},
                )
                for problem, written, programs, verdicts in self._by_problem()
                for text, program, verdict in zip(written, programs, verdicts, strict=True)
                if verdict.outcome == outcome
            ]
            if shown:
                views[f"{outcome} ({len(shown):,})"] = Group(shown[:SHOWN_OF_AN_OUTCOME])
        return views

    def _by_problem(self) -> Iterator[tuple[Problem, Sequence[str], Sequence[Program], Sequence[Verdict]]]:
        return zip(self.problems, self.written, self.programs, self.verdicts, strict=True)

    def _by_row(self, k: int) -> np.ndarray:
        """Give pass@k of each row [N]."""
        return np.array([pass_at(k, len(verdicts), _num_passed(verdicts)) for verdicts in self.verdicts])


def score_by_tests(problems: Sequence[Problem], testing: ProgramTesting, answer: Answer) -> ScoredPrograms:
    """Have a model write programs for each problem and run their tests; `answer` answers texts under options.

    Raises: ConfigurationError where programs cannot be run apart.
    """
    written = _written(problems, testing, answer)
    programs = [[program_of(problem, text) for text in texts] for problem, texts in zip(problems, written, strict=True)]
    flat = [program for of_row in programs for program in of_row]
    with phase("running tests", len(flat), "programs") as running:
        verdicts = run_programs(flat, testing.limits, processors(), running.advance)
    by_row = [verdicts[start : start + testing.samples] for start in range(0, len(flat), testing.samples)]
    return ScoredPrograms(testing, problems, written, programs, by_row)


def _written(problems: Sequence[Problem], testing: ProgramTesting, answer: Answer) -> list[list[str]]:
    """Have texts written for each problem.

    What is drawn for one depends on the seed and on its question, not on the rows beside it or on their order.
    """
    longest = {} if testing.max_new_tokens is None else {"max_new_tokens": testing.max_new_tokens}
    written: list[list[str]] = []
    with phase("writing programs", len(problems)) as writing:
        at_once = ROWS_AT_ONCE if testing.heat == 0 else 1
        for start in range(0, len(problems), at_once):
            part = problems[start : start + at_once]
            options: dict[str, Any] = dict(longest)
            if testing.heat > 0:
                options |= {"temperature": testing.heat, "seed": _seed_of(part[0], testing.seed)}
            asked = [problem.source for problem in part for _ in range(testing.samples)]
            texts = [told["text"] for told in answer(asked, options)]
            written += [texts[at : at + testing.samples] for at in range(0, len(texts), testing.samples)]
            writing.advance(len(part))
    return written


def _seed_of(problem: Problem, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}\n{problem.source}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % _MOST_SEEDS


def _num_passed(verdicts: Sequence[Verdict]) -> int:
    return sum(verdict.outcome == PASSED for verdict in verdicts)


def _interval_of(values: np.ndarray) -> Interval:
    """Give the interval of a mean over rows; where each is passed or not at all, that of a share."""
    if np.isin(values, (0.0, 1.0)).all():
        return Interval(*binomial_interval(float(values.sum()), len(values)))
    return interval_of_ratio(values, np.ones(len(values)))

"""Build labelled rows from source code: functions of projects, labelled by a scanner and by fixes in their history."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from platform import python_version
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from application.groups.setting import share_below_one, within
from application.harvesting import Harvest
from application.phases import advance, phase
from application.ports import CloneFinder, CodeFunctions, CodeMeasures, CodeProjects, CodeScanner, RowFiles
from domain.code_rows import FILE, GROUPS, PROJECT, CodeRow, Limits, Unit, grouped, split_by_family
from domain.exceptions import ConfigurationError, DatasetError
from domain.showing import shown
from domain.source_address import Address, Reach, ReadingOfCode
from domain.task import SEVERITIES
from domain.version import VERSION
from domain.weak_labels import LABEL_OF_FINDING, SAFE

EXACT = "functions that repeat another"
NEAR = "functions that nearly repeat another"
UNMEASURED = "functions that cannot be measured"
SHORT, LONG = "functions that are too short", "functions that are too long"
COMPLEX, UNMAINTAINABLE = "functions that are too complex", "functions whose maintainability is too low"


class BuildDatasetRequest(BaseModel):
    """Directories and addresses of git repositories, and the file that their functions become rows of.

    `fixes` adds functions before and after commits that mend weaknesses, of at most `max_fix` functions each; `tests`
    keeps files of tests. What a function must lie within is `min_lines` to `min_maintainability`. One that shares
    `near_duplicates` of its runs of tokens with one before is left out. `group` says what stays on one side of a split:
    "project", or "file" within it; None takes the project where there are several. `validation_share` of the rows are
    marked as such, drawn by `seed`. A repository may take `timeout` seconds and `max_mib` to fetch. `force` replaces
    what stands at `output`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[str, ...]
    output: str
    fixes: bool = False
    max_fix: int = 10
    tests: bool = False
    min_lines: int = 3
    max_lines: int = 300
    max_complexity: int = 50
    min_maintainability: float = 10.0
    near_duplicates: float = 0.8
    group: str | None = None
    validation_share: float = 0.2
    seed: int = 0
    timeout: int = 600
    max_mib: int = 1_024
    force: bool = False

    @classmethod
    def checked(cls, **fields: Any) -> Self:
        """Make a request of fields of any type. Raises: ConfigurationError with every one that does not fit."""
        try:
            return cls(**fields)
        except ValidationError as error:
            told = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}." for fault in error.errors()]
            remedy = f"The options are {', '.join(cls.model_fields)}."
            raise ConfigurationError(" ".join(told), remedy=remedy) from error

    @property
    def limits(self) -> Limits:
        """What a function must lie within."""
        return Limits(self.min_lines, self.max_lines, self.max_complexity, self.min_maintainability)

    @property
    def reading(self) -> ReadingOfCode:
        """What of a project is read."""
        return ReadingOfCode(Reach(self.timeout, self.max_mib), self.tests, self.fixes)

    def require(self) -> None:
        """Find fault with what can be told without a file. Raises: ConfigurationError with every fault."""
        faults = list(self._faults())
        if faults:
            raise ConfigurationError.of(faults)

    def _faults(self) -> Iterator[str]:
        if not self.sources:
            yield "no source is given. Name directories or addresses of git repositories."
        if self.group not in (None, *GROUPS):
            yield f"group is {shown(self.group)}, but must be one of {', '.join(GROUPS)}. Choose one or leave it out."
        yield from within("min_lines", self.min_lines, 1, self.max_lines)
        yield from within("max_lines", self.max_lines, 1, 100_000)
        yield from within("max_complexity", self.max_complexity, 1, 100_000)
        yield from within("max_fix", self.max_fix, 1, 1_000)
        yield from within("seed", self.seed, 0, 2**32 - 1)
        yield from within("timeout", self.timeout, 1, 7 * 24 * 3600)
        yield from within("max_mib", self.max_mib, 1, 1 << 20)
        yield from share_below_one("validation_share", self.validation_share)
        if not 0.0 <= self.min_maintainability <= 100.0:
            yield f"min_maintainability is {self.min_maintainability}, but must lie between 0 and 100. Choose another."
        if not 0.0 < self.near_duplicates <= 1.0:
            yield f"near_duplicates is {self.near_duplicates}, but must be above 0 and at most 1. Choose another."


@dataclass(frozen=True)
class BuildDatasetResponse:
    """What was written: where, and the `card` that stands beside it; `notes` are sentences for a person."""

    output: str
    card_path: str
    card: Mapping[str, Any]
    notes: tuple[str, ...]


class BuildDatasetUseCase:
    """Reads projects, labels their functions, leaves out what teaches little, splits by project and writes."""

    def __init__(
        self,
        projects: CodeProjects,
        functions: CodeFunctions,
        scanner: CodeScanner,
        measures: CodeMeasures,
        clones: CloneFinder,
        files: RowFiles,
    ) -> None:
        self._projects = projects
        self._functions = functions
        self._scanner = scanner
        self._measures = measures
        self._clones = clones
        self._files = files

    def execute(self, request: BuildDatasetRequest) -> BuildDatasetResponse:
        """Write rows and their card; the same sources at the same commits give the same bytes.

        Raises: ConfigurationError, DatasetError, with nothing written.
        """
        request.require()
        self._files.require(request.output, request.force)
        versions = self._versions()
        addresses = self._projects.named(request.sources)
        units: list[Unit] = []
        told = [self._harvested(address, request, units) for address in addresses]
        left_out = sum((Counter(project["left_out"]) for project in told), Counter())
        kept = list(self._without_repeats(self._within_limits(units, request.limits, left_out), request, left_out))
        kept.sort(key=lambda unit: unit.first.order)
        rows = _split([row for unit in kept for row in unit.rows], request)
        if not rows:
            raise DatasetError(
                f"no function is left: {_listed(left_out)}.", remedy="Name other sources, or widen the limits."
            )
        card = _card(request, versions, told, rows, left_out)
        with phase("writing", len(rows)):
            self._files.write(request.output, [row.as_row() for row in rows], card)
        notes = tuple(_notes(request, addresses, told, rows))
        return BuildDatasetResponse(request.output, self._files.card_of(request.output), card, notes)

    def _versions(self) -> dict[str, str]:
        """Name what decides the rows beside the sources. Raises: ConfigurationError for a library that is missing."""
        return {
            "athanor": VERSION,
            "python": python_version(),
            self._scanner.name: self._scanner.version,
            "radon": self._measures.version,
            "datasketch": self._clones.version,
        }

    def _harvested(self, address: Address, request: BuildDatasetRequest, units: list[Unit]) -> dict[str, Any]:
        """Add the functions of a project to the others; gives what is told of it."""
        with self._projects.opened(address, request.output, request.reading) as project:
            licence = project.licence
            harvest = Harvest(project, self._functions, self._scanner, licence)
            fixed = list(harvest.fixed(request.max_fix)) if request.fixes else []
            labelled = list(harvest.labelled())
            left_out = +(project.left_out + harvest.left_out)
            units += [*fixed, *labelled]
            return {
                "source": address.shown,
                "project": project.project,
                "asked": address.pin or None,
                "commit": project.commit or None,
                "licence": licence,
                "functions": len(labelled),
                **({"pairs": len(fixed)} if request.fixes else {}),
                "left_out": dict(sorted(left_out.items())),
            }

    def _within_limits(self, units: Sequence[Unit], limits: Limits, left_out: Counter[str]) -> Iterator[Unit]:
        with phase("measuring", len(units), "functions"):
            for unit in units:
                advance(1)
                reasons = filter(None, (self._beyond(row.code, limits) for row in unit.rows))
                if reason := next(reasons, ""):
                    left_out[reason] += len(unit.rows)
                else:
                    yield unit

    def _beyond(self, code: str, limits: Limits) -> str:
        """Say which limit a function breaks; empty for none."""
        num_lines = code.count("\n")
        if not limits.min_lines <= num_lines <= limits.max_lines:
            return SHORT if num_lines < limits.min_lines else LONG
        found = self._measures.measures(code)
        if found is None:
            return UNMEASURED
        if found.complexity > limits.max_complexity:
            return COMPLEX
        return UNMAINTAINABLE if found.maintainability < limits.min_maintainability else ""

    def _without_repeats(
        self, units: Iterator[Unit], request: BuildDatasetRequest, left_out: Counter[str]
    ) -> Iterator[Unit]:
        """Keep one of each cluster of near-duplicates, whatever its labels: pairs first, then the worst label.

        A pair counts as its text before the fix, and is kept or left out as a whole.
        """
        seen: set[str] = set()
        new = []
        for unit in sorted(units, key=_worth):
            codes = {row.code for row in unit.rows}
            if codes & seen:
                left_out[EXACT] += len(unit.rows)
            else:
                new.append(unit)
                seen |= codes
        with phase("comparing", len(new), "functions"):
            texts = ([row.code for row in unit.rows] for unit in new)
            for unit, is_near in zip(new, self._clones.near(texts, request.near_duplicates), strict=True):
                advance(1)
                if is_near:
                    left_out[NEAR] += len(unit.rows)
                else:
                    yield unit


def _worth(unit: Unit) -> tuple[Any, ...]:
    """Sort what is kept of several that are alike to the front; pairs of one project stay the newest first."""
    first = unit.first
    if len(unit.rows) > 1:
        return (0, first.project)
    return (1, -SEVERITIES.index(first.label), first.order)


def _split(rows: Sequence[CodeRow], request: BuildDatasetRequest) -> list[CodeRow]:
    group = request.group or _group_of(rows)
    return split_by_family(grouped(rows, group), request.validation_share, request.seed)


def _group_of(rows: Sequence[CodeRow]) -> str:
    return PROJECT if len({row.project for row in rows}) > 1 else FILE


def _card(
    request: BuildDatasetRequest,
    versions: Mapping[str, str],
    told: Sequence[Mapping[str, Any]],
    rows: Sequence[CodeRow],
    left_out: Mapping[str, int],
) -> dict[str, Any]:
    """Tell of the rows what a reader of them must know; no time and no place of this machine is in it."""
    settings = request.model_dump(exclude={"sources", "output", "force", "timeout", "max_mib"})
    labels = Counter(row.label for row in rows)
    return {
        "task": "security_classification",
        "num_rows": len(rows),
        "num_pairs": sum(bool(row.pair_id) for row in rows) // 2,
        "labels": {label: labels[label] for label in SEVERITIES},
        "labelled_by": dict(sorted(Counter(row.labelled_by for row in rows).items())),
        "splits": dict(sorted(Counter(row.split for row in rows).items())),
        "licences": dict(sorted(Counter(row.licence for row in rows).items())),
        "sources": list(told),
        "left_out": {reason: count for reason, count in sorted(left_out.items()) if count},
        "settings": {**settings, "group": request.group or _group_of(rows)},
        "label_of_finding": LABEL_OF_FINDING,
        "versions": dict(versions),
    }


def _notes(
    request: BuildDatasetRequest,
    addresses: Sequence[Address],
    told: Sequence[Mapping[str, Any]],
    rows: Sequence[CodeRow],
) -> Iterator[str]:
    for address, project in zip(addresses, told, strict=True):
        if project["commit"] and not address.pin:
            uncommitted = "; what is not committed was not read" if address.directory is not None else ""
            yield f"{address.shown} was read at its HEAD, {project['commit']}{uncommitted}."
        if not project["functions"] and not project.get("pairs"):
            yield f"{address.shown} has no function to read."
    families: dict[str, set[str]] = {}
    for row in rows:
        families.setdefault(row.label, set()).add(row.family)
    if len({row.project for row in rows}) == 1 and request.group is None:
        yield "All rows are of one project, so files stay on one side of a split, and not projects."
    alone = [label for label in SEVERITIES if len(families.get(label, ())) == 1]
    if alone:
        yield (
            f"Rows labelled {', '.join(alone)} stand in one {request.group or _group_of(rows)} alone, and a training"
            " wants each label on both sides of its split: add sources."
        )
    if set(families) == {SAFE}:
        yield "Every row is safe: there is nothing to learn from them."


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()) if count) or "none was found"

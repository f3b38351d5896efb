"""Build labelled rows from source code: functions of projects, labelled by a scanner and by fixes in their history."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from platform import python_version
from typing import Any

from application.checked_request import CheckedRequest
from application.choosing_rows import group_of, within_limits, without_repeats
from application.dataset_ports import CloneFinder, CodeFunctions, CodeMeasures, CodeProjects, CodeScanner, RowFiles
from application.groups.setting import share_below_one, within
from application.harvesting import Harvest
from application.phases import phase
from application.told_rows import card_of, notes_on_rows, notes_on_sources
from domain.code_rows import GROUPS, Limits, Unit, grouped, split_by_family
from domain.exceptions import ConfigurationError, DatasetError
from domain.showing import shown
from domain.source_address import Address, Reach, ReadingOfCode
from domain.version import VERSION


class BuildDatasetRequest(CheckedRequest):
    """Directories and addresses of git repositories, and the file that their functions become rows of.

    `fixes` adds functions before and after commits that mend weaknesses, of at most `max_fix` functions each; `tests`
    keeps files of tests. What a function must lie within is `min_lines` to `min_maintainability`. One that shares
    `near_duplicates` of its runs of tokens with one before is left out. `group` says what stays on one side of a split:
    "project", or "file" within it; None takes the project where there are several. `validation_share` of the rows are
    marked as such, drawn by `seed`. A repository may take `timeout` seconds and `max_mib` to fetch. `force` replaces
    what stands at `output`.
    """

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

    @property
    def limits(self) -> Limits:
        """What a function must lie within."""
        return Limits(self.min_lines, self.max_lines, self.max_complexity, self.min_maintainability)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the rows beside the sources."""
        return self.model_dump(exclude={"sources", "output", "force", "timeout", "max_mib"})

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
        fitting = within_limits(units, self._measures, request.limits, left_out)
        kept = without_repeats(fitting, self._clones, request.near_duplicates, left_out)
        group = request.group or group_of(kept)
        rows = split_by_family(grouped(kept, group), request.validation_share, request.seed)
        if not rows:
            raise DatasetError(
                f"no function is left: {_listed(left_out)}.", remedy="Name other sources, or widen the limits."
            )
        card = {**card_of(rows, told, left_out), "settings": request.settings | {"group": group}, "versions": versions}
        with phase("writing", len(rows)):
            self._files.write(request.output, [row.as_row() for row in rows], card)
        notes = (*notes_on_sources(addresses, told), *notes_on_rows(rows, group, request.group is not None))
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


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()) if count) or "none was found"

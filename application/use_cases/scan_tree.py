"""Look for weaknesses in a tree of source code."""

import math
import os
import re
import time
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from application.scan_ports import Baselines, Examiners, ScanFiles, SourceTrees
from domain.exceptions import ConfigurationError
from domain.findings import FINDING_SEVERITIES
from domain.joined_findings import Thresholds, findings_of, in_order
from domain.known_findings import KnownFinding, not_known
from domain.scan import ENDINGS, EXPECTED_SHARE, FORMATS, TEXT, ExaminedFile, ScanFinding, ScanReport
from domain.showing import shown

DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


class ScanTreeRequest(BaseModel):
    """Where to look, with what, and what to tell of it.

    `paths` are files and directories. With `run`, a run or model directory whose labels are severities, its model
    speaks beside the scanner, where it is at least `min_score` sure; `expected_share` of all pieces are held to be
    weak before it speaks. `since` names a revision of git: only files that
    differ from it are looked at. `baseline` is a file whose findings are known, `write_baseline` one to keep all
    findings of this scan in. The report is written to `output` as `form`, which else follows from the
    ending of the name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    paths: tuple[str, ...]
    run: str | None = None
    form: str | None = None
    output: str | None = None
    min_severity: str = "medium"
    min_score: float = 0.7
    expected_share: float = EXPECTED_SHARE
    baseline: str | None = None
    write_baseline: str | None = None
    since: str | None = None
    device: str = "auto"

    @property
    def written_form(self) -> str:
        """The form that the report is written in."""
        if self.form is not None:
            return self.form
        return next((form for ending, form in ENDINGS.items() if str(self.output).lower().endswith(ending)), TEXT)

    def faults(self) -> Iterator[str]:
        """Say what is wrong with what was asked for."""
        if not self.paths:
            yield "there is nothing to look at. Name a file or a directory, such as . for this one."
        if "" in self.paths:  # what a variable that is not set leaves
            yield "a path is empty. Name a file or a directory, such as . for this one."
        if self.min_severity not in FINDING_SEVERITIES:
            names = ", ".join(FINDING_SEVERITIES)
            yield f"min_severity is {shown(self.min_severity)}, but must be one of {names}. Choose one of them."
        if not math.isfinite(self.min_score) or not 0.0 < self.min_score <= 1.0:
            yield f"min_score is {self.min_score}, but must be above 0 and at most 1. Write, for example, 0.7."
        if not 0.0 < self.expected_share < 1.0:
            told = f"expected_share is {self.expected_share}, but must lie between 0 and 1"
            yield f"{told}. Write, for example, {EXPECTED_SHARE}."
        if self.written_form not in FORMATS:
            yield f"format is {shown(self.form)}, but must be one of {', '.join(FORMATS)}. Choose one of them."
        if not DEVICE.fullmatch(self.device):  # a model that need not be asked would never find out
            yield f"device is {shown(self.device)}, but must be auto, cpu, mps, cuda or cuda:NUMBER. Leave it at auto."
        if self.since is not None and self.write_baseline is not None:
            yield "a baseline of changed files alone would forget all others. Write it without since."
        yield from self._places_taken()

    def _places_taken(self) -> Iterator[str]:
        """Say what would be written over something that is read, or that is written too."""
        taken = {os.path.abspath(path): "path" for path in self.paths}
        if self.baseline is not None:
            taken[os.path.abspath(self.baseline)] = "baseline"
        if self.write_baseline is not None:
            place = os.path.abspath(self.write_baseline)
            if taken.get(place) == "path":
                yield f"write_baseline and path are the same file {self.write_baseline}. Name two."
            taken[place] = "baseline"
        if self.output is not None and os.path.abspath(self.output) in taken:
            yield f"output and {taken[os.path.abspath(self.output)]} are the same file {self.output}. Name two."


class ScanTreeUseCase:
    """Gathers files, has them examined, and tells what is new."""

    def __init__(self, trees: SourceTrees, examiners: Examiners, baselines: Baselines, files: ScanFiles) -> None:
        self._trees = trees
        self._examiners = examiners
        self._baselines = baselines
        self._files = files

    def execute(self, request: ScanTreeRequest) -> ScanReport:
        """Scan, write what was asked for, and give what was found.

        Raises: ConfigurationError naming all that is wrong with the request, DatasetError, ModelError.
        """
        began = time.monotonic()
        if faults := tuple(request.faults()):
            raise ConfigurationError.of(faults)
        for place in (request.output, request.write_baseline):
            if place is not None:
                self._files.require(place)
        known = self._baselines.read(request.baseline) if request.baseline is not None else ()
        examiner = self._examiners.open(request.run, request.device, request.expected_share)
        gathered = self._trees.gather(request.paths, request.since)
        examined = examiner.examine(gathered.files, request.min_score)
        thresholds = Thresholds(request.min_severity, request.min_score, request.expected_share)
        found, num_mild = _found(examined, thresholds)
        seen = {file.path for file in examined}
        new = not_known(found, known, lambda path: path in seen or not self._trees.holds(gathered.base, path))
        if request.write_baseline is not None:
            entries = sorted(KnownFinding(finding.path, finding.fingerprint) for finding in found)
            self._baselines.write(request.write_baseline, entries)
        verdicts = [verdict for file in examined for _, verdict in file.pieces if verdict is not None]
        report = ScanReport(
            base=gathered.base,
            findings=tuple(in_order(new)),
            num_files=len(examined),
            num_pieces=sum(len(file.pieces) for file in examined),
            num_known=len(found) - len(new),
            num_mild=num_mild,
            num_unsure=sum(map(thresholds.is_unsure, verdicts)),
            min_severity=request.min_severity,
            min_score=request.min_score,
            skipped=gathered.skipped,
            unreadable={file.path: file.unreadable for file in examined if file.unreadable},
            notes=(*examiner.notes, *gathered.notes),
            scanner=examiner.scanner,
            model=examiner.model,
            seconds=time.monotonic() - began,
            since=request.since,
        )
        if request.output is not None:
            self._files.write(request.output, self._files.text_of(report, request.written_form))
        return report

    def text_of(self, report: ScanReport, form: str) -> str:
        """Give a report in one of its forms."""
        return self._files.text_of(report, form)


def _found(examined: Sequence[ExaminedFile], thresholds: Thresholds) -> tuple[list[ScanFinding], int]:
    found: list[ScanFinding] = []
    num_mild = 0
    for file in examined:
        told, mild = findings_of(file, thresholds)
        found += told
        num_mild += mild
    return found, num_mild

"""What is found in source files: by Bandit, by a model, and before in the same content."""

import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from application.phases import phase
from domain.exceptions import ConfigurationError, DatasetError
from domain.scan import ExaminedFile, ModelFacts, SourceFile
from domain.version import VERSION
from infrastructure.scan.judging import FileAtHand, Judge, Judged
from infrastructure.scan.kept import KeptFindings, key_of
from infrastructure.scan.model import ScanModel
from infrastructure.scan.read_files import ReadFile, text_of_file
from infrastructure.scan.readers import read_apart
from infrastructure.scanners.known import is_installed

SCANNER = "bandit"
INSTALL = "pip install 'athanor[security]'"
WITHOUT_SCANNER = f"the model speaks alone: this Python has no bandit. Run: {INSTALL}."
CUT = "the model read the beginning alone of {:,} of {:,} pieces, which are longer than its max_length."
NOT_CALIBRATED = "the scores of the model are as it gives them: its run was trained before they were calibrated."


class SecurityExaminers:
    """Opens Bandit where it is installed, and the model of a run."""

    def open(self, run: str | None, device: str, expected_share: float) -> "SecurityExaminer":
        """Raises: ConfigurationError where there is neither, ModelError for a run that says nothing of code."""
        has_scanner = is_installed(SCANNER)
        if run is None and not has_scanner:
            raise ConfigurationError(
                "there is nothing to look with: this Python has no bandit, and no run is named.",
                remedy=f"Run {INSTALL}, or name a run of security_classification with --run.",
            )
        model = None if run is None else ScanModel.of(run, device, expected_share)
        return SecurityExaminer(SCANNER if has_scanner else "", model)


class SecurityExaminer:
    """Reads files apart, and asks the model about pieces that it has not judged before."""

    def __init__(self, scanner: str, model: ScanModel | None) -> None:
        self._scanner = scanner
        self._model = model
        self._kept = KeptFindings()
        self._notes: list[str] = []
        if not scanner:
            self._notes.append(WITHOUT_SCANNER)
        if model is not None and not model.facts.num_rows:
            self._notes.append(NOT_CALIBRATED)

    @property
    def scanner(self) -> str | None:
        """Name Bandit and its version."""
        return f"{self._scanner} {metadata.version(self._scanner)}" if self._scanner else None

    @property
    def model(self) -> ModelFacts | None:
        """Tell of the model."""
        return None if self._model is None else self._model.facts

    @property
    def notes(self) -> Sequence[str]:
        """Say what is missing, and whether anything could be kept."""
        return (*self._notes, *self._kept.notes)

    def examine(self, files: Sequence[SourceFile], min_score: float) -> Sequence[ExaminedFile]:
        """Examine files in their order. Raises: ModelError, TrainingError when memory is too small."""
        read = self._read(files)
        verdicts = {} if self._model is None else Judge(self._model, self._kept).verdicts(read, min_score)
        judged = [verdicts[digest] for file in read for _, digest in file.read.pieces if digest in verdicts]
        if num_cut := sum(one.is_cut for one in judged):
            self._notes.append(CUT.format(num_cut, len(judged)))
        return [_examined(file, verdicts, min_score) for file in read]

    def _read(self, files: Sequence[SourceFile]) -> list[FileAtHand]:
        version = self.scanner, sys.version_info[:3], VERSION
        keys = [key_of("file", file.digest, *version) for file in files]
        found: dict[int, ReadFile] = {}
        for at, value in _by_place(keys, self._kept.get(keys)).items():
            try:
                found[at] = ReadFile.from_json(value)
            except (ValueError, TypeError, LookupError):
                continue
        missing = [at for at in range(len(files)) if at not in found]
        new: dict[bytes, Any] = {}
        with phase("reading files", len(missing), "files") as progress:
            for number, read in read_apart([files[at] for at in missing], self._scanner):
                at = missing[number]
                found[at] = read
                if not read.fault:
                    new[keys[at]] = read.as_json()
                progress.advance()
        self._kept.put(new)
        return [FileAtHand(file, found[at]) for at, file in enumerate(files)]


def _examined(file: FileAtHand, verdicts: Mapping[str, Judged], min_score: float) -> ExaminedFile:
    read, source = file.read, file.source
    pieces = tuple((piece, verdicts[digest].at(piece) if digest in verdicts else None) for piece, digest in read.pieces)
    is_told = bool(read.findings) or any(verdict is not None and verdict.score >= min_score for _, verdict in pieces)
    try:
        text = text_of_file(source).split("\n") if is_told else ()
    except DatasetError as error:
        return ExaminedFile(source.path, unreadable=str(error.problem))
    return ExaminedFile(source.path, pieces, read.findings, read.fault or read.unreadable, text)


def _by_place(keys: Sequence[bytes], kept: Mapping[bytes, Any]) -> dict[int, Any]:
    return {at: kept[key] for at, key in enumerate(keys) if key in kept}

"""Make of a finished model something that runs elsewhere, and prove that it answers as the model does."""

from dataclasses import replace
from difflib import get_close_matches
from math import isfinite
from shlex import join
from typing import Any

from application.checked_request import CheckedRequest
from application.export_ports import Draft, ModelExporter, Wanted
from application.phases import phase
from domain.exceptions import ConfigurationError, ExportError
from domain.export import (
    CALIBRATIONS,
    DYNAMIC,
    FORMATS,
    FP32,
    MAX_DROP,
    ONNX_INT8,
    WEIGHTS,
    Export,
    Parity,
    Score,
)
from domain.showing import shown

LONGEST_WORD_COMPARED = 80  # comparing long words takes minutes


class ExportModelRequest(CheckedRequest):
    """A run or model directory and the format it is to have.

    `output_dir` is a directory that does not exist yet, None for one beside the run. `weights` are the number format of
    the weights, None for that of the format; `calibration` says how int8 finds the range of what is computed. An export
    that loses more than `max_drop` points, or is not what the model is, is refused unless `force` is given.
    `dataset_path` are rows to compare on, None for the evaluation part of the run.
    """

    run: str
    format: str
    output_dir: str | None = None
    weights: str | None = None
    calibration: str | None = None
    max_drop: float = MAX_DROP
    force: bool = False
    dataset_path: str | None = None


class ExportModelUseCase:
    """Writes an export aside, compares it with its model, and keeps it where it answers as the model does."""

    def __init__(self, exporter: ModelExporter) -> None:
        self._exporter = exporter

    def execute(self, request: ExportModelRequest) -> Export:
        """Raises: ConfigurationError, ModelError, RunError, DatasetError; ExportError for an export that is refused."""
        wanted = _wanted(request)
        self._exporter.require(wanted)
        with self._exporter.draft(wanted) as draft:
            with phase(f"exporting to {wanted.format}"):
                draft.write()
            parity, score = draft.compared()
            faults = _faults(wanted, request.max_drop, parity, score)
            if faults and not request.force:
                raise ExportError.of([f"export refused: {fault}" for fault in faults])
            with phase("measuring the speed"):
                speed, threads = draft.speed()
            told = _told(wanted, draft, parity, score)
            return draft.keep(replace(told, speed=speed, threads=threads, faults=faults, command=_command(request)))


def _wanted(request: ExportModelRequest) -> Wanted:
    """Decide what is left open. Raises: ConfigurationError with every fault."""
    faults = [*_faults_of_format(request)]
    if not (isfinite(request.max_drop) and request.max_drop >= 0):
        faults.append(f"max_drop is {request.max_drop}, but must be 0 or more points.")
    if faults:
        raise ConfigurationError.of(faults)
    return Wanted(
        run=request.run,
        output_dir=request.output_dir or "",
        format=request.format,
        weights=request.weights or WEIGHTS[request.format][0],
        calibration=(request.calibration or DYNAMIC) if request.format == ONNX_INT8 else None,
        dataset_path=request.dataset_path,
    )


def _faults_of_format(request: ExportModelRequest) -> list[str]:
    if request.format not in FORMATS:
        return [_unknown("format", request.format, FORMATS)]
    faults = []
    if request.calibration is not None:
        if request.format != ONNX_INT8:
            faults.append(
                f"calibration means nothing to format {request.format}: only {ONNX_INT8} has any. Leave it out."
            )
        elif request.calibration not in CALIBRATIONS:
            faults.append(_unknown("calibration", request.calibration, CALIBRATIONS))
    if request.weights is not None and request.weights not in WEIGHTS[request.format]:
        known = WEIGHTS[request.format]
        faults.append(
            f"weights is {shown(request.weights)}, but of format {request.format} must be {' or '.join(known)}."
        )
    return faults


def _unknown(setting: str, word: str, known: Any) -> str:
    nearest = get_close_matches(word[:LONGEST_WORD_COMPARED], known, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"{setting} is {shown(word)}, but must be one of {', '.join(known)}.{hint}"


def _faults(wanted: Wanted, max_drop: float, parity: Parity, score: Score | None) -> tuple[str, ...]:
    """Say what speaks against keeping an export: fp32 must be its model, and what is rounded may lose a little."""
    if wanted.weights == FP32:
        return tuple(parity.faults())
    fault = "" if score is None else score.fault(max_drop)
    return (fault,) if fault else ()


def _told(wanted: Wanted, draft: Draft, parity: Parity, score: Score | None) -> Export:
    before, after = draft.sizes
    return Export(
        task=draft.task,
        format=wanted.format,
        weights=wanted.weights,
        calibration=wanted.calibration,
        output_dir=wanted.output_dir,
        source=wanted.run,
        files={},
        bytes_before=before,
        bytes_after=after,
        rows_told=draft.rows_told,
        parity=parity,
        score=score,
        warnings=tuple(draft.warnings),
    )


def _command(request: ExportModelRequest) -> str:
    """Give the words that ask for the same again."""
    words = ["athanor", "export", request.run, "--format", request.format]
    for option, value in (
        ("--weights", request.weights),
        ("--calibration", request.calibration),
        ("--dataset", request.dataset_path),
        ("--max-drop", None if request.max_drop == MAX_DROP else f"{request.max_drop:g}"),
    ):
        words += [option, value] if value is not None else []
    return join([*words, *(["--force"] if request.force else [])])

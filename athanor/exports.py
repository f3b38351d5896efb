"""Export a finished model, as `athanor export` does."""

from os import PathLike, fspath

from application.use_cases.export_model import ExportModelRequest
from domain.export import MAX_DROP, Export
from infrastructure.container import Container

Place = str | PathLike[str]


def export(
    run: Place,
    format: str,
    *,
    output_dir: Place | None = None,
    weights: str | None = None,
    calibration: str | None = None,
    max_drop: float = MAX_DROP,
    force: bool = False,
    dataset_path: Place | None = None,
) -> Export:
    """Make of a finished model something that runs elsewhere, and compare both on real rows.

    `format` is "onnx", "onnx-int8", "torch-export" or "safetensors". The directory is new, beside the run where
    `output_dir` is None. Rows are those of the evaluation part of the run, or of `dataset_path`. An export that is not
    what the model is, or loses more than `max_drop` points of the metric that chose it, is refused unless `force`.
    Raises: ConfigurationError, ModelError, RunError, DatasetError; ExportError for what is refused.
    """
    request = ExportModelRequest.checked(
        run=fspath(run),
        format=format,
        output_dir=None if output_dir is None else fspath(output_dir),
        weights=weights,
        calibration=calibration,
        max_drop=max_drop,
        force=force,
        dataset_path=None if dataset_path is None else fspath(dataset_path),
    )
    return Container().export_model().execute(request)

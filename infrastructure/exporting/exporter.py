"""Opens finished models for an export, and finds fault with packages and places before that."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import util
from pathlib import Path

from application.export_ports import Wanted
from application.phases import phase
from domain.exceptions import ConfigurationError, ExportError, RunError
from domain.export import INT8, ONNX, ONNX_INT8
from infrastructure.exporting.draft import ExportDraft
from infrastructure.exporting.opened import opened, place_of
from infrastructure.exporting.rows import rows_for
from infrastructure.files import staged_directory

OF_ONNX = ("onnx", "onnxscript", "onnxruntime")


class Exporter:
    """Makes exports in a directory aside, which is renamed when it is whole."""

    def require(self, wanted: Wanted) -> None:
        """Find fault with packages, the model and the place. Raises: ConfigurationError, ModelError, RunError."""
        _require_packages(wanted)
        place_of(wanted.run)
        _require_place(Path(self.output_of(wanted)))

    def output_of(self, wanted: Wanted) -> str:
        """Say where an export goes: where that is said, or beside the run."""
        if wanted.output_dir:
            return wanted.output_dir
        model, run = place_of(wanted.run)
        beside = run or model
        return str(beside.with_name(f"{beside.resolve().name}-{wanted.format}"))

    @contextmanager
    def draft(self, wanted: Wanted) -> Iterator[ExportDraft]:
        """Open a model for an export; nothing of it stays behind the block but what was kept.

        Raises: ModelError, ConfigurationError, DatasetError; ExportError when the disk refuses.
        """
        output = Path(self.output_of(wanted))
        with phase("opening the model"):
            model = opened(wanted.run)
        with phase("reading rows"):
            rows = rows_for(model, wanted.dataset_path)
        made = [path for path in output.absolute().parents if not path.exists()]
        try:
            with staged_directory(output) as staging:
                draft = ExportDraft(model, rows, wanted, staging, output)
                yield draft
                assert draft.is_kept, "what is not kept ends in an error"
        except OSError as error:
            _remove_empty(made)
            raise ExportError(
                f"{output} could not be written: {error.strerror or error}.",
                remedy="Make room, or choose another --output.",
            ) from error
        except BaseException:
            _remove_empty(made)
            raise


def _require_packages(wanted: Wanted) -> None:
    needed = OF_ONNX if wanted.format in (ONNX, ONNX_INT8) else ("torchao",) if wanted.weights == INT8 else ()
    missing = [name for name in needed if util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"format {wanted.format} needs packages, but this Python has no {' and no '.join(missing)}.",
            remedy="Run: pip install 'athanor[export]'.",
        )


def _require_place(output: Path) -> None:
    try:
        if output.exists() or output.is_symlink():
            raise RunError(f"{output} is there already.", remedy="Name another --output, or remove it.")
        parent = next(up for up in output.absolute().parents if up.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise RunError(f"{output} cannot be written there.", remedy="Choose a place you may write to.")
        with suppress(FileNotFoundError):
            os.lstat(output)  # which finds fault with names that no file can have
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RunError(f"output {output} cannot be a directory: {reason}.", remedy="Name another --output.") from error


def _remove_empty(made: list[Path]) -> None:
    """Remove the directories that were made for an export that is none, unless something has come to live there."""
    for path in made:
        try:
            path.rmdir()
        except OSError:
            return

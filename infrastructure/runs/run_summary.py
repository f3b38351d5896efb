"""The summary of a run: the response as JSON, checked when it is read, because anybody may have edited it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from application.use_cases.train_model import TrainModelResponse
from domain.exceptions import RunError
from domain.run_layout import RunLayout
from domain.showing import json_text, shown
from infrastructure.files import write_whole
from infrastructure.plain_files import read_plain

MAX_BYTES = 64 << 20
MAX_FAULTS = 3
_REMEDY = (
    "Restore it, or remove the file: the run then counts as unfinished, and `athanor resume` goes on or trains anew."
)


def read_summary(directory: Path) -> Mapping[str, Any]:
    """Give what a run has told at its end, nothing for one that never came there.

    Raises: RunError naming file, key and remedy when it is not what `write_summary` writes.
    """
    path = RunLayout(directory).summary
    try:
        text = read_plain(path, MAX_BYTES)
        # Checked by the reader that also limits the depth; what it does not know stays as it is.
        TrainModelResponse.model_validate_json(text)
        values: dict[str, Any] = _as_today(json.loads(text))
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        raise RunError(f"{path} is damaged: {_faults(error)}.", remedy=_REMEDY) from error
    except UnicodeDecodeError as error:
        raise RunError(f"{path} is damaged: it is not UTF-8.", remedy=_REMEDY) from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: it is not JSON.", remedy=_REMEDY) from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}.", remedy=_REMEDY) from error
    return values


def _as_today(values: dict[str, Any]) -> dict[str, Any]:
    """Count the best epoch from 1 in a summary from before there were intervals too, when it was counted from 0."""
    epoch = values.get("best_epoch")
    return {**values, "best_epoch": epoch + 1} if "intervals" not in values and isinstance(epoch, int) else values


def write_summary(directory: Path, response: Mapping[str, Any]) -> None:
    """Keep a response. Raises: OSError of the disk."""
    write_whole(RunLayout(directory).summary, json_text(response, indent=2) + "\n")


def _faults(error: ValidationError) -> str:
    told = []
    for fault in error.errors(include_url=False)[:MAX_FAULTS]:
        place = ".".join(str(part)[:40] for part in fault["loc"])
        said = fault["msg"][:1].lower() + fault["msg"][1:200]
        told.append(f"{place} is {shown(fault['input'])}, but {said}" if place else said)
    return "; ".join(told)

"""What of a model may go: its own files, looked through, and nothing of this machine."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from domain.exceptions import ModelError, RunError
from domain.export import EXPORT_FACTS
from domain.hub_names import PART, name_of_data
from domain.run_layout import CARD, README, RunLayout
from domain.runs import FINISHED
from domain.sharing import SharedFile, SharedModel
from domain.showing import shown
from infrastructure.model_files.card import RESTORE, ModelCard, card_text, read_card, require_files, typed_card
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, refuse_other_places, settings_of
from infrastructure.plain_files import read_plain
from infrastructure.runs.run_glance import status_of
from infrastructure.runs.run_summary import read_summary

# What a readme of a run calls the model that it stands beside.
PLACEHOLDER = "OWNER/NAME"
BASE_NAME = "base_model_name_or_path"
LARGEST_README = 8 << 20
# Files that no digest vouches for, of which a model may have some.
BESIDE = (README, ADAPTER_CONFIG, EXPORT_FACTS)
_OF_DATA = ("path", "eval_path")


class FinishedModels:
    """The models of runs, model directories, and directories of `athanor export`."""

    def open(self, path: str, name: str) -> SharedModel:
        """Look through a model; see the port. Raises: ModelError, RunError."""
        directory = _directory(path)
        card = read_card(directory)
        known = typed_card(ModelCard, card, directory)
        if not known.files:
            raise ModelError(f"{directory / CARD} names no files, so nobody knows which belong to it.", remedy=RESTORE)
        refuse_other_places(directory)
        require_files(known, directory)
        _refuse_lonely_adapter(directory)
        return SharedModel(known.task, tuple(_files(directory, card, name)))


def _directory(path: str) -> Path:
    """Find the directory of a model, whose run must have ended if it stands in one."""
    place = Path(path)
    if not os.path.isdir(place):
        raise ModelError(f"{path} is no directory.", remedy="Name a run directory; see `runs list`.")
    within = RunLayout(place).model
    run = place if within.is_dir() else place.resolve().parent
    directory = within if within.is_dir() else place
    if RunLayout(run).run_file.is_file() and RunLayout(run).model.resolve() == directory.resolve():
        status = status_of(run, read_summary(run))
        if status != FINISHED:
            raise RunError(f"{run} is {status}, not finished.", remedy=f"Use `athanor resume {quote(str(run))}` first.")
    return directory


def _refuse_lonely_adapter(directory: Path) -> None:
    if not (directory / ADAPTER_CONFIG).is_file():
        return
    base = settings_of(directory / ADAPTER_CONFIG).get(BASE_NAME)
    if not isinstance(base, str) or os.path.exists(base) or not re.fullmatch(rf"(?:{PART}/)?{PART}", base, re.ASCII):
        raise ModelError(
            f"{directory} is an adapter of {shown(base)}, a directory that nobody else has.",
            remedy="Push that model first and write its name on the hub into"
            f" {directory / ADAPTER_CONFIG} as {BASE_NAME}, or train with --set merge_adapter=true.",
        )


def _files(directory: Path, card: Mapping[str, Any], name: str) -> Iterator[SharedFile]:
    changed = {CARD: card_text(_without_places(card)).encode()}
    if (directory / README).is_file():
        changed[README] = _readme(directory / README, name)
    beside = [name for name in BESIDE if (directory / name).is_file()]
    for file in sorted({*card["files"], *beside, CARD}):
        content = changed.get(file)
        size = (directory / file).stat().st_size if content is None else len(content)
        yield SharedFile(file, size, str(directory / file), content)


def _without_places(card: Mapping[str, Any]) -> dict[str, Any]:
    """Give a card that names files without the directories they lay in."""
    data = card.get("data")
    if not isinstance(data, dict):
        return dict(card)
    named = {key: name_of_data(data[key]) for key in _OF_DATA if isinstance(data.get(key), str)}
    return {**card, "data": {**data, **named}}


def _readme(path: Path, name: str) -> bytes:
    try:
        return read_plain(path, LARGEST_README).replace(PLACEHOLDER, name).encode()
    except (OSError, ValueError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", error)
        raise ModelError(f"{path} cannot be read: {reason}.", remedy="Correct or remove it.") from error

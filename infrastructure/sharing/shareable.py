"""What of a model may go: its own files, looked through, and nothing of this machine."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from shlex import quote
from typing import Any

from domain.exceptions import ModelError, RunError
from domain.export import EXPORT_FACTS
from domain.hub_names import PART, REVISION, name_of_data, name_of_model
from domain.run_layout import CARD, README, RunLayout
from domain.runs import FINISHED
from domain.sharing import SharedFile, SharedModel
from domain.showing import shown
from domain.strict_json import strict_json
from domain.task import is_preset
from infrastructure.model_files.card import RESTORE, ModelCard, card_text, read_card, require_files, typed_card
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, refuse_other_places, settings_of
from infrastructure.plain_files import read_plain
from infrastructure.runs.run_glance import status_of
from infrastructure.runs.run_summary import read_summary

# What a readme of a run calls the model that it stands beside.
PLACEHOLDER = "OWNER/NAME"
BASE_NAME = "base_model_name_or_path"
LARGEST_TEXT = 8 << 20
# Of an export: where it was made, and of what.
_PLACES = ("source", "output_dir")
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
    if not (isinstance(base, str) and _is_of_hub(base)):
        raise ModelError(
            f"{directory} is an adapter of {shown(base)}, a directory that nobody else has.",
            remedy="Push that model first and write its name on the hub into"
            f" {directory / ADAPTER_CONFIG} as {BASE_NAME}, or train with --set merge_adapter=true.",
        )


def _is_of_hub(name: str) -> bool:
    """Tell whether a name can mean a model of the hub, and none of this disk."""
    matched = re.fullmatch(rf"(?:{PART}/)?{PART}(?:@{REVISION})?", name, re.ASCII)
    return matched is not None and not os.path.exists(name)


def _files(directory: Path, card: Mapping[str, Any], name: str) -> Iterator[SharedFile]:
    changed = {CARD: card_text(_without_places(card)).encode()}
    beside = [file for file in BESIDE if (directory / file).is_file()]
    places = _places(directory)
    for file in beside:
        if file != ADAPTER_CONFIG:
            changed[file] = _text(directory / file, {**places, PLACEHOLDER: name}).encode()
    for file in sorted({*card["files"], *beside, CARD}):
        content = changed.get(file)
        size = (directory / file).stat().st_size if content is None else len(content)
        yield SharedFile(file, size, str(directory / file), content)


def _places(directory: Path) -> dict[str, str]:
    """Give the places of this machine that an export tells of, each with its name, the longest first."""
    if not (directory / EXPORT_FACTS).is_file():
        return {}
    facts = settings_of(directory / EXPORT_FACTS)
    known = [str(facts[key]) for key in _PLACES if facts.get(key)]
    return {place: PurePath(place).name or "." for place in sorted(known, key=len, reverse=True)}


def _without_places(card: Mapping[str, Any]) -> dict[str, Any]:
    """Give a card that names files of data, and the model that it began from, without the directories they lay in."""
    told, data, began = dict(card), card.get("data"), card.get("model_name")
    if isinstance(data, dict):
        named = {key: name_of_data(data[key]) for key in _OF_DATA if isinstance(data.get(key), str)}
        told["data"] = {**data, **named}
    if isinstance(began, str) and not (is_preset(began) or _is_of_hub(began)):
        told["model_name"] = name_of_model(began)
    return told


def _text(path: Path, names: Mapping[str, str]) -> str:
    """Read a text with other words in the place of some, as they stand there or as JSON spells them."""
    try:
        text = read_plain(path, LARGEST_TEXT)
    except (OSError, ValueError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", error)
        raise ModelError(f"{path} cannot be read: {reason}.", remedy="Correct or remove it.") from error
    for place, name in names.items():
        for spelt in (place, strict_json(place)[1:-1], strict_json(place, ensure_ascii=False)[1:-1]):
            text = text.replace(spelt, name)
    return text

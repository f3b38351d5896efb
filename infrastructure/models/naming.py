"""What the name of a model means: a local directory or a model of the hub, found before anything is opened."""

import os
import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from domain.exceptions import ModelError
from domain.hub_names import PART, REVISION
from domain.run_layout import RunLayout
from domain.showing import shown
from domain.task import is_preset, looks_like_preset
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, CONFIG
from infrastructure.models.hub import HubModel, Place, fetched

MOST_ENTRIES = 1000
LONGEST_COMPARED = 80  # comparing long names takes minutes
_HUB_NAME = re.compile(rf"(?P<name>(?:{PART}/)?{PART})(?:@(?P<revision>{REVISION}))?", re.ASCII)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_OF_HUB = re.compile(
    rf"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<name>{PART}(?:/(?!tree/|blob/|resolve/){PART})?)",
    re.ASCII | re.IGNORECASE,
)
_SAVED = "Give a directory that save_pretrained wrote."


def place_of(name: str, presets: Collection[str], ask_hub: bool = True) -> Place:
    """Find the directory that a name means, which is none of `presets`; a model of the hub is fetched.

    Without `ask_hub` what the hub's cache has is taken as it is. Raises: ModelError with the nearest name there is.
    """
    if os.path.isdir(name):
        return Place(_with_config(Path(name)))
    if os.path.exists(name):
        inside = Path(name).parent
        whole = f"Give the directory that holds it, {inside}." if (inside / CONFIG).is_file() else _SAVED
        raise ModelError(f"model {shown(name)} is a file, not a directory.", remedy=whole)
    if _ADDRESS.match(name):
        meant = _OF_HUB.match(name)
        remedy = f"Give its name, {meant['name']}." if meant else "Bring its files into a directory and give that."
        raise ModelError(f"model {shown(name)} is an address, and no directory or hub id.", remedy=remedy)
    nearest = _nearest(name, presets)
    hint = f"Did you mean {nearest}?" if nearest else ""
    if _is_path(name):
        raise ModelError(f"model directory {shown(name)} does not exist.", remedy=hint or "Check the path.")
    matched = _HUB_NAME.fullmatch(name)
    if matched is None or (looks_like_preset(name) and "/" not in name):
        raise ModelError(
            f"model {shown(name)} is no preset of this task ({', '.join(presets)}), directory or hub id.",
            remedy=f"{hint or 'Name one of these.'} A hub id has the form name or owner/name, and @revision behind it.",
        )
    model = HubModel(matched["name"], matched["revision"] or "")
    return fetched(model, ask_hub, hint)


def named_on_hub(name: str) -> str:
    """Give the `name` or `owner/name` of a model of the hub; empty for a preset and for a place of this disk."""
    if is_preset(name) or os.path.exists(name) or _is_path(name):
        return ""
    matched = _HUB_NAME.fullmatch(name)
    return matched["name"] if matched else ""


def _with_config(directory: Path) -> Path:
    if _holds_model(directory):
        return directory
    of_run = RunLayout(directory).model
    inside = f"Give {of_run}, the model of that run." if _holds_model(of_run) else _SAVED
    raise ModelError(f"model directory {directory} has no {CONFIG}.", remedy=inside)


def _holds_model(directory: Path) -> bool:
    return (directory / CONFIG).is_file() or (directory / ADAPTER_CONFIG).is_file()


def _is_path(name: str) -> bool:
    """Tell whether a name can only be meant as a path."""
    if name.startswith((".", "/", "~")) or name.endswith("/") or "\\" in name:
        return True
    first, _, rest = name.partition("/")
    return name.partition("@")[0].count("/") > 1 or (bool(rest) and os.path.isdir(first))


def _nearest(name: str, presets: Collection[str]) -> str:
    """Give the preset or the model directory of alike name, beside the place that a path names; empty for none."""
    asked = name.rstrip("/")
    parent, own = os.path.split(asked)
    known = {os.path.join(parent, entry): entry for entry in _model_directories(parent or ".")}
    candidates = [*presets, *known] if not parent else list(known)
    near = get_close_matches(asked[-LONGEST_COMPARED:], candidates, n=1, cutoff=0.75)
    return near[0] if near and own else ""


def _model_directories(parent: str) -> Iterator[str]:
    try:
        with os.scandir(parent) as entries:
            for entry in islice(entries, MOST_ENTRIES):
                if os.path.isfile(os.path.join(entry.path, CONFIG)):
                    yield entry.name
    except (OSError, ValueError):  # there is no such place, or nothing can be called so
        return

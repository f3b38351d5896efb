"""A model of the hub becomes a directory first, so that it is looked at like any other before it is opened."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from domain.exceptions import ModelError
from domain.showing import shown
from infrastructure.data.kept.cache import aside
from infrastructure.hub_access import hub_answers, hub_cache, reason_of
from infrastructure.models.hub_cache import MAIN, Snapshot, cached_names, look_up

# Settings, vocabularies and plain weights; no code, no pickles, no weights in other formats below folders.
WANTED = ("*.json", "*.txt", "*.model", "*.spm", "*.jinja", "model.safetensors", "model-*.safetensors")
UNWANTED = ("*/*",)
FILES = "config.json, tokenizer.json (or the tokenizer's other files) and model.safetensors"


@dataclass(frozen=True)
class HubModel:
    """A model of the hub by `name` or `owner/name`, of one revision or, where that is empty, of its newest."""

    name: str
    revision: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


@dataclass(frozen=True)
class Place:
    """The directory of a model, and what a person should know of the way to it."""

    directory: Path
    notes: tuple[str, ...] = ()


def fetched(model: HubModel, ask_hub: bool = True, hint: str = "") -> Place:
    """Give the directory of a model of the hub: fetched where there is a network, else from the hub's cache.

    Without `ask_hub` the network is asked only for what the cache does not have. A dry run puts what it fetches aside
    and fetches nothing that is cached. `hint` is said to who has named a model that is nowhere. Raises: ModelError.
    """
    place_aside = aside()
    cached = _cached(model)
    prefers_cache = not ask_hub or place_aside is not None
    if cached is not None and cached.is_whole and prefers_cache:
        return _taken(model, cached)
    reason = "the hub does not answer"
    if hub_answers():
        reason = ""
        try:
            return Place(_downloaded(model, place_aside or hub_cache()[0]))
        except Exception as error:  # a dozen kinds, of the network, of the hub and of the disk
            reason = reason_of(error, "model", model.revision)
    if cached is not None and cached.is_whole:
        return _taken(model, cached)
    raise _not_fetched(model, cached, reason, hint)


def _cached(model: HubModel) -> Snapshot | None:
    roots = [place for place in (aside(), hub_cache()[0]) if place is not None]
    found = [snapshot for root in roots if (snapshot := look_up(root, model.name, model.revision)) is not None]
    return next((snapshot for snapshot in found if snapshot.is_whole), found[0] if found else None)


def _taken(model: HubModel, cached: Snapshot) -> Place:
    if cached.name == model.name:
        return Place(cached.directory)
    return Place(cached.directory, (f"model {model}: {cached.name} of the hub's cache is taken for it.",))


def _downloaded(model: HubModel, cache: Path) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            model.name,
            revision=model.revision or MAIN,
            cache_dir=cache,
            allow_patterns=list(WANTED),
            ignore_patterns=list(UNWANTED),
        )
    )


def _not_fetched(model: HubModel, cached: Snapshot | None, reason: str, hint: str) -> ModelError:
    """Say where was looked, what is missing, and which files to put where."""
    cache, variable = hub_cache()
    if cached is not None:
        missing = " and ".join(cached.missing)
        where = f"in {cached.directory} {missing} {'is' if len(cached.missing) == 1 else 'are'} missing"
    else:
        where = f"it is not in the hub's cache {cache}{variable and f' (from {variable})'}"
    hint = hint or _like_a_cached_one(model, cache)
    revision = f" --revision {model.revision}" if model.revision else ""
    way = (
        f"With network, run `hf download {model.name}{revision} --local-dir DIR`, bring DIR here ({FILES}) and use"
        " --model DIR; or bring the cache of there and let HF_HOME name the directory that holds its `hub`."
    )
    return ModelError(
        f"model {shown(str(model))} is no preset and no directory, cannot be fetched from the hub ({reason}), and"
        f" {where}.",
        remedy=f"{hint} {way}".strip(),
    )


def _like_a_cached_one(model: HubModel, cache: Path) -> str:
    nearest = get_close_matches(model.name, cached_names(cache), n=1, cutoff=0.8)
    return f"Did you mean {nearest[0]}, which is cached?" if nearest and nearest[0] != model.name else ""

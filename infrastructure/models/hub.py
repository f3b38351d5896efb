"""A model of the hub becomes a directory first, so that it is looked at like any other before it is opened."""

import urllib.error
import urllib.request
from pathlib import Path

from domain.exceptions import ModelError
from infrastructure.data.kept.cache import aside
from infrastructure.models.model_directory import CONFIG

HUB_TIMEOUT_SECONDS = 5.0
# Settings, vocabularies and plain weights; no code, no pickles, no weights in other formats below folders.
WANTED = ("*.json", "*.txt", "*.model", "*.jinja", "model.safetensors", "model-*.safetensors")
UNWANTED = ("*/*",)


def fetched(name: str) -> Path:
    """Give the directory of a hub id in the cache, fetched where there is a network. Raises: ModelError."""
    from huggingface_hub import snapshot_download, try_to_load_from_cache

    place_aside = aside()
    if place_aside is not None or not _hub_answers():
        cached = try_to_load_from_cache(name, CONFIG)
        if isinstance(cached, str):
            return Path(cached).parent
        if place_aside is None or not _hub_answers():
            raise _not_fetched(name)
    try:
        place = snapshot_download(
            name, cache_dir=place_aside, allow_patterns=list(WANTED), ignore_patterns=list(UNWANTED)
        )
    except Exception as error:  # a dozen kinds, of the network, of the hub and of the disk
        raise _not_fetched(name) from error
    return Path(place)


def _hub_answers() -> bool:
    """Ask once: the library itself would try for a minute where there is no network."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=HUB_TIMEOUT_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _not_fetched(name: str) -> ModelError:
    return ModelError(
        f"model {name!r} cannot be fetched from the hub and is no local directory.",
        remedy=f"With network, run `hf download {name} --local-dir DIR`, bring DIR here and use --model DIR.",
    )

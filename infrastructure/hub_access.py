"""The hub from here: where its files are kept on this disk, whether it answers, and why it gave nothing."""

import os
import urllib.error
import urllib.request
from pathlib import Path

HUB_TIMEOUT_SECONDS = 5.0


def hub_cache() -> tuple[Path, str]:
    """Give the directory of the hub's cache, and the variable of the environment that says so, empty for none."""
    for variable, below in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if named := os.environ.get(variable):
            return Path(os.path.expandvars(named)).expanduser() / below, variable
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home, "huggingface", "hub"), ""


def hub_answers() -> bool:
    """Ask once: the library itself would try for a minute where there is no network."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=HUB_TIMEOUT_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):  # a ValueError is an HF_ENDPOINT that is no address
        return False


def reason_of(error: Exception, noun: str, revision: str) -> str:
    """Say in a few words why the hub gave nothing of a model or a data set."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, GatedRepoError):  # before the next, of which it is a kind
        return "it is given only to who has accepted its terms there and says HF_TOKEN"
    if isinstance(error, RepositoryNotFoundError):
        return f"the hub shows no such {noun} without another HF_TOKEN"
    if isinstance(error, RevisionNotFoundError):
        return f"the hub has no revision {revision} of it"
    if isinstance(error, OSError) and error.strerror:
        return f"the hub's cache cannot be written: {error.strerror}"
    return f"the hub failed with {type(error).__name__}"

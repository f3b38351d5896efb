"""The hub of Hugging Face as a place to send models to."""

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from typing import Any

from domain.exceptions import ConfigurationError, HubError
from domain.sharing import MAIN, Destination, SharedModel
from domain.showing import harmless
from infrastructure.hub_access import hub_answers

# Of a model that stood there before: weights in other files, and what makes a directory an adapter, would be opened.
STALE = ("*.safetensors", "*.safetensors.index.json", "*.onnx", "*.pt2", "adapter_config.json", "export.json")
LONGEST_REASON = 300
LOGIN = "Run `hf auth login`, or put a token that may write into HF_TOKEN."


class HuggingFaceHub:
    """Sends models with the library of the hub, each as one commit."""

    def require(self) -> None:
        """Want a token and a hub that answers. Raises: ConfigurationError, HubError."""
        from huggingface_hub import get_token

        if not get_token():
            raise ConfigurationError("nobody is logged in to the hub.", remedy=LOGIN)
        if not hub_answers():
            from huggingface_hub import constants

            offline = " (HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else ""
            raise HubError(
                f"the hub does not answer at {constants.ENDPOINT}{offline}.",
                remedy="Look at the network, HF_ENDPOINT and HF_HUB_OFFLINE, and push again.",
            )

    def push(self, model: SharedModel, to: Destination) -> str:
        """Send a model; see the port. Raises: HubError."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
        hub = HfApi()
        with _told(to):
            hub.create_repo(to.name, private=to.private or None, exist_ok=True)
            _require_private(hub, to)
            if to.branch != MAIN:
                hub.create_branch(to.name, branch=to.branch, exist_ok=True)
            there = hub.list_repo_files(to.name, revision=to.branch)
            names = [file.name for file in model.files]
            stale = [name for name in there if name not in names and any(fnmatch(name, one) for one in STALE)]
            added = [CommitOperationAdd(file.name, file.path if file.content is None else file.content)
                     for file in model.files]  # fmt: skip
            deleted = [CommitOperationDelete(name) for name in stale]
            done = hub.create_commit(to.name, [*added, *deleted], commit_message=to.message, revision=to.branch)
        return str(done.commit_url)


def _require_private(hub: Any, to: Destination) -> None:
    """Send nothing to where everybody sees it, if that is not wanted."""
    if to.private and not hub.model_info(to.name).private:
        raise HubError(
            f"{to.name} is there already, and everybody sees it: nothing was sent.",
            remedy="Make it private in its settings on the hub, or choose another name.",
        )


@contextmanager
def _told(to: Destination) -> Iterator[None]:
    """Say in a sentence what the hub, the network or this disk refuses."""
    try:
        yield
    except HubError:
        raise
    except Exception as error:  # a dozen kinds, of libraries that change from one version of the hub's to the next
        raise _sentence(error, to) from error


def _sentence(error: Exception, to: Destination) -> HubError:
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return HubError(f"the hub refuses {to.name}: {_reason(error)}.", remedy=_way_out(error))
    if isinstance(error, OSError) and error.strerror and error.filename:
        return HubError(f"{error.filename} cannot be read: {error.strerror}.")
    if isinstance(error, ValueError | RuntimeError | LookupError):  # wrong metadata, an upload that failed
        told = _line(str(error)) or type(error).__name__
        return HubError(f"{to.name} cannot be sent: {told}.", remedy="Correct that and push again.")
    return HubError(
        f"the hub was lost while {to.name} was sent ({type(error).__name__}).",
        remedy="Nothing of it is seen there. Push again; what has arrived is not sent twice.",
    )


def _reason(error: Any) -> str:
    status = getattr(error.response, "status_code", None)
    return _line(error.server_message or f"it answers {status}")


def _way_out(error: Any) -> str:
    status = getattr(error.response, "status_code", None)
    if status in (401, 403):
        return f"The token must be valid and may write for that owner. {LOGIN}"
    if status == 404:
        return "Check the owner, and whether the token may see it."
    return "Push again later." if status is None or status >= 500 else "Correct that and push again."


def _line(text: str) -> str:
    return harmless(" ".join(text.split()))[:LONGEST_REASON].rstrip(".")

"""Give a finished model to others, as `athanor push` does."""

from os import PathLike, fspath

from application.use_cases.push_model import PushModelRequest
from domain.sharing import MAIN, PushedModel
from infrastructure.runs_container import RunsContainer

Place = str | PathLike[str]


def push(
    run: Place, name: str, *, private: bool = False, revision: str = MAIN, message: str = "", dry_run: bool = False
) -> PushedModel:
    """Send a finished model to the hub as `owner/name`: a run, its model directory or an exported one.

    `private` wants a model that nobody else sees, and `revision` is the branch. With `dry_run` nobody is asked, and the
    answer says what would go.
    Raises: ConfigurationError, ModelError, RunError; HubError when the hub does not answer or refuses.
    """
    request = PushModelRequest.checked(
        run=fspath(run), name=name, private=private, revision=revision, message=message, dry_run=dry_run
    )
    return RunsContainer().push_model().execute(request)

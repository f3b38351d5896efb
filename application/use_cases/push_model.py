"""Give a finished model to others."""

from application.checked_request import CheckedRequest
from application.phases import phase
from application.push_ports import ModelHub, ShareableModels
from domain.sharing import MAIN, Destination, PushedModel
from domain.version import VERSION


class PushModelRequest(CheckedRequest):
    """A run, a model directory or an exported one, and the `owner/name` that it is to have on the hub.

    `private` wants a model that nobody else sees. With `dry_run` nobody is asked, and the answer says what would go.
    """

    run: str
    name: str
    private: bool = False
    revision: str = MAIN
    message: str = ""
    dry_run: bool = False


class PushModelUseCase:
    """Looks a model through, and sends what belongs to it."""

    def __init__(self, models: ShareableModels, hub: ModelHub) -> None:
        self._models = models
        self._hub = hub

    def execute(self, request: PushModelRequest) -> PushedModel:
        """Raises: ConfigurationError, ModelError, RunError; HubError when the hub does not answer or refuses."""
        to = Destination(request.name, request.revision, request.private, request.message)
        if not request.dry_run:
            self._hub.require()
        with phase("looking through the model"):
            model = self._models.open(request.run, request.name)
        files = {file.name: file.num_bytes for file in model.files}
        if request.dry_run:
            return PushedModel(to.name, to.branch, files)
        message = to.message or f"{model.task}, trained by Athanor {VERSION}"
        with phase(f"sending to {to.name}"):
            address = self._hub.push(model, Destination(to.name, to.branch, to.private, message))
        return PushedModel(to.name, to.branch, files, address)

"""What `athanor push` needs from outside, said as promises."""

from typing import Protocol

from domain.sharing import Destination, SharedModel


class ShareableModels(Protocol):
    """Finished models on this disk, of which nothing goes that is not theirs: no log, no rows, no path of this machine.

    Raises: ModelError for one that is damaged or that others could not open; RunError for a run that is not finished.
    """

    def open(self, path: str, name: str) -> SharedModel:
        """Look through the model of a run, or a model directory, that is to be called `name` elsewhere."""


class ModelHub(Protocol):
    """A place where models are given to others. After a failure at any instant nobody sees half of a model there.

    Raises: HubError when it does not answer or refuses.
    """

    def require(self) -> None:
        """Find fault before anything is read. Raises: ConfigurationError where nobody is logged in."""

    def push(self, model: SharedModel, to: Destination) -> str:
        """Send all files as one commit, which takes away what an earlier model would leave; gives its address."""

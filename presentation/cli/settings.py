"""Settings as they are typed."""

import json
from typing import TYPE_CHECKING, Any

from domain.exceptions import ConfigurationError
from domain.showing import shown

if TYPE_CHECKING:
    from application.training_request import TrainModelRequest


def parsed(settings: tuple[str, ...]) -> dict[str, Any]:
    """Read KEY=VALUE; a value that is JSON is taken as such, anything else as text."""
    parsed = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise ConfigurationError(
                f"--set {shown(setting)} is not KEY=VALUE.", remedy="Write, for example, --set seed=1."
            )
        try:
            parsed[name] = json.loads(value)
        except (ValueError, RecursionError):  # no JSON, or nested deeper than any setting
            parsed[name] = value
    return parsed


def requested(config: str | None, settings: tuple[str, ...], **options: Any) -> "TrainModelRequest":
    """Make a request of the words of `train`: options and --set override a run file. Raises: ConfigurationError."""
    from application.training_request import TrainModelRequest

    given = {name: value for name, value in options.items() if value is not None} | parsed(settings)
    if config is None:
        return TrainModelRequest(**given)
    from infrastructure.runs_container import RunsContainer

    return RunsContainer().runs().read_request(config).changed(**given)

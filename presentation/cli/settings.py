"""Settings as they are typed."""

import json
from typing import Any

from domain.exceptions import ConfigurationError
from domain.showing import shown


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

"""Places of files that are to be written, asked before anything is computed for them."""

import os
from pathlib import Path

from domain.exceptions import ConfigurationError

# Here a name stands for a device or a part of the system; a file that is renamed onto one would take its place.
_DEVICES = Path("/dev")
_SYSTEM = (Path("/proc"), Path("/sys"))


def require_place(path: str, name: str) -> None:
    """Find fault with the place of a file that is to be written or replaced; `name` is that of its setting.

    Raises: ConfigurationError for what is no file, and for a place that may not be written.
    """
    told = f"{name} {path}" if path else f"{name} is empty: it"
    place = Path(path)
    try:
        if not path or "\0" in path or (place.exists() and not place.is_file()) or _is_of_the_system(place):
            raise ConfigurationError(f"{told} is no file.", remedy="Name a file, new or to be replaced.")
        parent = next(up for up in place.absolute().parents if up.exists())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{name} {path!r} cannot be a file: {reason}.", remedy="Name another.") from error
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{told} cannot be written there.", remedy="Choose a place you may write to.")


def _is_of_the_system(place: Path) -> bool:
    parent = Path(os.path.realpath(place.absolute().parent))
    return parent == _DEVICES or any(parent.is_relative_to(up) for up in _SYSTEM)

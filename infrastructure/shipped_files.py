"""What is shipped with the program: data sets in `data/`, run files in `configs/`."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath

FOLDERS = ("data", "configs")
CHECKOUT = Path(__file__).resolve().parents[1]


def found(path: str) -> Path:
    """Find `data/NAME` or `configs/NAME` among what is shipped, unless a file stands there; any other path is as given.

    So that the same names work in a checkout, in a run file and where a wheel is installed, and files of the user go
    before.
    """
    named = PurePath(path)
    if named.parent.as_posix() in FOLDERS and not Path(path).exists():
        for home in _homes():
            shipped = home / named.as_posix()
            if shipped.is_file():
                return Path(str(shipped))
    return Path(path)


def _homes() -> tuple[Traversable, ...]:
    """Give where the folders are: in the package `athanor` of a wheel, beside it in a checkout."""
    return (files("athanor"), CHECKOUT)

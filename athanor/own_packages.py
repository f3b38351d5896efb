"""The packages that Athanor is made of: their plain names may also be those of packages in a user's project."""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

NAMES = ("domain", "application", "infrastructure", "presentation")
HOME = Path(__file__).resolve().parents[1]


def require_own_packages() -> None:
    """Raises: ImportError, a sentence with the way out, when a project's packages hide Athanor's own."""
    if hidden := clash():
        raise ImportError(hidden, name="athanor")


def clash() -> str:
    """Say which packages Python finds in place of Athanor's own, and how to run beside them; empty when it finds none.

    Nothing is imported to find out.
    """
    hiding = {name: place for name in NAMES if (place := _found_elsewhere(name)) is not None}
    if not hiding:
        return ""
    places, names = (" and ".join(map(str, words)) for words in (hiding.values(), (f"`{name}`" for name in hiding)))
    what = f"hides Athanor's own package {names}" if len(hiding) == 1 else f"hide Athanor's own packages {names}"
    return _printable(
        f"{places} {what}: run the command `athanor`, which works beside that, rename it, or "
        f"{_way_out({place.parent for place in hiding.values()})}."
    )


def _printable(text: str) -> str:
    """Spell out what a terminal would obey: a directory may have any name."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _found_elsewhere(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    spec = find_spec(name) if loaded is None else loaded.__spec__
    place = _place(spec)
    return None if place is None or place.resolve() == HOME / name else place


def _place(spec: ModuleSpec | None) -> Path | None:
    """Give the directory of a package, or the file of a plain module; None for what is not there at all."""
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin else None


def _way_out(parents: set[Path]) -> str:
    """Say how Python can be started so that it does not look there."""
    if parents == {_first_place()} and not sys.flags.safe_path:
        return f"start Python with -P, so that it looks for no packages in {_first_place()}"
    return f"take {' and '.join(map(str, sorted(parents)))} out of the places where Python looks (PYTHONPATH)"


def _first_place() -> Path:
    """Give the directory that Python puts before all others, unless it is started with -P."""
    main = sys.modules["__main__"]
    script = getattr(main, "__file__", None)
    return Path(script).resolve().parent if script and main.__spec__ is None else Path.cwd()

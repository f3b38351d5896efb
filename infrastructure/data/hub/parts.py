"""One part of a data set of the hub, as a file that the readers take; which parts there are is told by the library."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from errno import ENOSPC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from application.phases import phase
from domain.exceptions import DatasetError
from domain.hub_names import HubData, names_hub
from domain.showing import harmless
from infrastructure.data.hub.snapshot import snapshot_of
from infrastructure.data.kept.cache import cache_root, cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry

TRAIN = "train"
# What is scored while a training goes on; a part called test is left for later.
SCORED = ("validation", "valid", "val", "dev")
MOST_SHOWN = 12
LONGEST_COMPARED = 80


def on_this_disk(path: str, part: str = TRAIN) -> str:
    """Give a path as it is, and for a data set of the hub the file that its rows are kept in.

    Where no part of it is named `part` is taken, or the only one there is.
    Raises: DatasetError for one that cannot be fetched or read, or has no such part.
    """
    if not names_hub(path):
        return path
    data = HubData.of(path)
    return str(_kept(settled_part(data, part)))


def settled_part(data: HubData, part: str = TRAIN) -> HubData:
    """Name a commit, a config and a split; `part` is the split where none is named. Raises: DatasetError."""
    if data.is_settled:
        return data
    directory = snapshot_of(data)
    config = _config(data, directory)
    known = _splits(data, directory, config)
    split = data.split or (known[0] if len(known) == 1 else part)
    if split not in known:
        named = [f"{HubData(data.name, data.revision, config, one)}" for one in known]
        raise _unknown(data, "part", split, known, f"Name one, such as {named[0]}." if named else "")
    return HubData(data.name, directory.name, config, split)


def settled_parts(data: HubData) -> tuple[HubData, HubData | None]:
    """Name the part to learn from, and one to be scored on where the data set comes with one. Raises: DatasetError."""
    learnt = settled_part(data)
    if data.split:
        return learnt, None
    known = _splits(learnt, snapshot_of(learnt), learnt.config)
    scored = next((name for name in SCORED if name in known), None)
    if scored is None or learnt.split == scored:
        return learnt, None
    return learnt, HubData(learnt.name, learnt.revision, learnt.config, scored)


# What is held stays in the cache: nothing leaves while this process may read it.
_held: dict[tuple[Path, HubData], CacheEntry] = {}


def _kept(data: HubData) -> Path:
    """Keep the rows of a part in the data cache. Raises: DatasetError."""
    name = re.sub(r"[^\w.-]", "_", f"{data.name.rpartition('/')[2]}-{data.config}-{data.split}.parquet")
    entry = cached("hub", key_of("hub", str(data)), lambda staging: _write(data, staging / name))
    _held[cache_root(), data] = entry
    return entry / name


def _write(data: HubData, target: Path) -> None:
    directory = snapshot_of(data)
    with phase(f"reading {data.name}"), TemporaryDirectory(prefix="athanor-hub-", dir=target.parent) as aside:
        try:
            builder = _builder(data, directory, data.config, aside)
            files = builder.config.data_files
            builder.config.data_files = type(files)({data.split: files[data.split]})  # else all parts are read
            builder.download_and_prepare(verification_mode="no_checks")  # of sizes that a README tells of all parts
            builder.as_dataset(split=data.split).to_parquet(target)
        except (DatasetError, OSError):  # the cache tells of a disk
            raise
        except Exception as error:  # of any format and its parser
            if isinstance(error.__cause__, OSError) and error.__cause__.errno == ENOSPC:
                raise error.__cause__ from error
            raise _unreadable(data, error) from error


def _config(data: HubData, directory: Path) -> str:
    import datasets  # type: ignore[import-untyped]  # it has no stubs

    try:
        known = datasets.get_dataset_config_names(str(directory))
    except Exception as error:  # a README that says nonsense, or no file that it knows
        raise _unreadable(data, error) from error
    config = data.config or (known[0] if len(known) == 1 else "default")
    if config not in known:
        told = "" if data.config else f"Name one, such as {HubData(data.name, data.revision, known[0])}."
        raise _unknown(data, "config", config if data.config else "", known, told)
    return config


def _splits(data: HubData, directory: Path, config: str) -> list[str]:
    with TemporaryDirectory(prefix="athanor-hub-") as aside:
        try:
            builder = _builder(data, directory, config, aside)
        except DatasetError:
            raise
        except Exception as error:  # as above
            raise _unreadable(data, error) from error
    return [str(name) for name in builder.config.data_files or ()]


def _builder(data: HubData, directory: Path, config: str, aside: str) -> Any:
    """Open a directory with the library; nothing outside the files of the data set may be read.

    The README of a data set says which files its parts are, and may say any path or address.
    """
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)  # what goes wrong is told in a sentence
    builder = datasets.load_dataset_builder(str(directory), name=config, cache_dir=aside)
    home = directory.resolve()
    blobs = home.parent.parent / "blobs"
    for files in (builder.config.data_files or {}).values():
        for file in files:
            place = Path(file).resolve()
            if not (place.is_relative_to(home) or place.is_relative_to(blobs)):
                raise DatasetError(
                    f"{data} names a file outside of itself, {str(file)[:80]!r}, which is not read.",
                    remedy="Give the files that you trust as a path.",
                )
    return builder


def _unknown(data: HubData, noun: str, name: str, known: Sequence[str], hint: str) -> DatasetError:
    shown = _listed(known)
    nearest = get_close_matches(name[:LONGEST_COMPARED], known, n=1)
    said = f"{data} has no {noun} {name!r}, but {shown}" if name else f"{data} has several {noun}s: {shown}"
    return DatasetError(f"{said}.", remedy=f"Did you mean {nearest[0]}?" if nearest else hint)


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - MOST_SHOWN} more" if len(every) > MOST_SHOWN else ""
    return ", ".join(every[:MOST_SHOWN]) + more if every else "none that can be read"


def _unreadable(data: HubData, error: Exception) -> DatasetError:
    said = " ".join(str(error.__cause__ or error).split())[:200].rstrip(".")
    return DatasetError(
        f"{data} cannot be read: {harmless(said) or type(error).__name__}.",
        remedy="Its files must be Parquet, CSV, JSON, text or Arrow, and no script; else give them as a path.",
    )

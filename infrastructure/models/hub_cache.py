"""The hub's cache on this disk: which models it holds, which of their snapshots, and what is missing of those.

Its layout is that of the huggingface_hub library: `models--OWNER--NAME/` with `refs/REVISION` (the name of a commit),
`snapshots/COMMIT/` (links) and `blobs/`. Models that once had no owner may lie there under both names.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.exceptions import ModelError
from infrastructure.model_files.model_directory import CONFIG, WEIGHTS, WEIGHTS_INDEX, is_own_name, settings_of
from infrastructure.plain_files import read_plain

FOLDER = "models--"
MAIN = "main"
SHORTEST_COMMIT = 7
LARGEST_REF = 200
# Owners to whom the hub has given the models that had none.
FIRST_OWNERS = (
    "google-bert",
    "openai-community",
    "distilbert",
    "FacebookAI",
    "google-t5",
    "albert",
    "xlnet",
    "almanach",
    "transfo-xl",
)
# Any of them is a tokenizer; some have settings alone, for they read bytes.
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "source.spm",
)


@dataclass(frozen=True)
class Snapshot:
    """Files of one commit of a model, `missing` those without which it cannot be opened; `name` is the model's."""

    name: str
    directory: Path
    missing: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Tell whether it can be opened."""
        return not self.missing


def cached_names(root: Path) -> list[str]:
    """List the models of a cache, as `owner/name` or `name`."""
    with suppress(OSError):
        return sorted(
            entry.name.removeprefix(FOLDER).replace("--", "/", 1)
            for entry in os.scandir(root)
            if entry.name.startswith(FOLDER)
        )
    return []


def look_up(root: Path, name: str, revision: str = "") -> Snapshot | None:
    """Find the best snapshot of a model in a cache: whole before incomplete, that of `main` before newer ones.

    Raises: ModelError where several models could be meant.
    """
    found = [snapshot for known in _also_called(root, name) for snapshot in _snapshots(root, known, revision)]
    return next((snapshot for snapshot in found if snapshot.is_whole), found[0] if found else None)


def _also_called(root: Path, name: str) -> Iterator[str]:
    """Give the name, then the one under which the cache may have the same model. Raises: ModelError."""
    owner, _, own = name.rpartition("/")
    yield name
    if owner in FIRST_OWNERS:
        yield own
    if owner:
        return
    others = [known for known in cached_names(root) if known.rpartition("/")[2] == own and known != own]
    first = [known for known in others if known.partition("/")[0] in FIRST_OWNERS]
    is_known = any(_snapshots(root, name, ""))
    chosen = first or ([] if is_known else others)
    if len(chosen) > 1:
        raise ModelError(
            f"model {name!r} could be {' or '.join(chosen)}, which are all in the hub's cache.",
            remedy="Name one of them with its owner.",
        )
    yield from chosen


def _folder(name: str) -> str:
    return FOLDER + name.replace("/", "--")


def _snapshots(root: Path, name: str, revision: str) -> Iterator[Snapshot]:
    """Give the snapshots of a model in the order in which they would be taken."""
    folder = root / _folder(name)
    for commit in dict.fromkeys(_commits(folder, revision)):
        directory = folder / "snapshots" / commit
        if os.path.isdir(directory):  # what may not be looked at is not there
            yield Snapshot(name, directory, tuple(_missing(directory)))


def _commits(folder: Path, revision: str) -> Iterator[str]:
    """Give the commits that a revision, empty for any, may mean."""
    with suppress(OSError, ValueError):
        ref = folder / "refs" / (revision or MAIN)
        commit = read_plain(ref, LARGEST_REF).strip() if ".." not in ref.parts else ""
        if is_own_name(commit):
            yield commit
    known: list[os.DirEntry[str]] = []
    with suppress(OSError):
        entries = [entry for entry in os.scandir(folder / "snapshots") if os.path.isdir(entry)]
        known = sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in known:
        is_short = len(revision) >= SHORTEST_COMMIT and entry.name.startswith(revision)
        if revision in ("", entry.name) or is_short:
            yield entry.name


def _missing(directory: Path) -> Iterator[str]:
    """Name the files without which a snapshot cannot be opened; a link to a blob that is not there is no file."""
    if not os.path.isfile(directory / CONFIG):
        yield CONFIG
    # Weights of other formats are refused later, in words of their own.
    if not (os.path.isfile(directory / WEIGHTS) or any(directory.glob("pytorch_model*.bin"))):
        yield from _missing_shards(directory)
    if not any(os.path.isfile(directory / name) for name in TOKENIZERS):
        yield TOKENIZERS[0]


def _missing_shards(directory: Path) -> Iterator[str]:
    if not os.path.isfile(directory / WEIGHTS_INDEX):
        yield WEIGHTS
        return
    with suppress(ModelError):  # a damaged index is told by who opens the directory
        named = settings_of(directory / WEIGHTS_INDEX).get("weight_map")
        shards = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
        yield from (name for name in shards if is_own_name(name) and not os.path.isfile(directory / name))

"""The files of a data set of the hub on this disk: fetched where the hub answers, else from its cache."""

from importlib import util
from pathlib import Path

from application.phases import phase
from domain.exceptions import DatasetError
from domain.hub_names import HubData
from domain.showing import shown
from infrastructure.data.kept.cache import aside
from infrastructure.hub_access import hub_answers, hub_cache, reason_of

MAIN = "main"
PACKED = ("", ".gz", ".bz2", ".xz", ".zst")
# Rows in formats that hold no code; scripts, pickles and archives of other files stay where they are.
WANTED = (
    "README.md",
    *(f"*{ending}{packed}" for ending in (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".txt") for packed in PACKED),
    "*.parquet",
    "*.arrow",
)


def snapshot_of(data: HubData) -> Path:
    """Give the directory of a commit, whose name it has; a dry run puts what it fetches aside.

    Raises: DatasetError where neither the hub nor its cache gives it, or where the library that reads it is missing.
    """
    if util.find_spec("datasets") is None:
        raise DatasetError(
            f"{data} is a data set of the hub, but this Python has no datasets, which reads it.",
            remedy="Run: pip install 'athanor[hub]'.",
        )
    reason = "the hub does not answer"
    if hub_answers():
        try:
            with phase(f"fetching {data.name}"):
                return _found(data, aside() or hub_cache()[0], is_local=False)
        except Exception as error:  # a dozen kinds, of the network, of the hub and of the disk
            reason = reason_of(error, "data set", data.revision)
    for place in (aside(), hub_cache()[0]):
        if place is not None and (kept := _kept(data, place)) is not None:
            return kept
    raise _not_fetched(data, reason)


def _kept(data: HubData, place: Path) -> Path | None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _found(data, place, is_local=True)
    except (LocalEntryNotFoundError, OSError, ValueError):  # it is not there, or may not be looked at
        return None


def _found(data: HubData, place: Path, is_local: bool) -> Path:
    from huggingface_hub import snapshot_download

    return Path(
        snapshot_download(
            data.name,
            repo_type="dataset",
            revision=data.revision or MAIN,
            cache_dir=place,
            allow_patterns=list(WANTED),
            local_files_only=is_local,
        )
    )


def _not_fetched(data: HubData, reason: str) -> DatasetError:
    cache, variable = hub_cache()
    revision = f" --revision {data.revision}" if data.revision else ""
    return DatasetError(
        f"data set {shown(str(data))} cannot be fetched from the hub ({reason}), and it is not in the hub's cache"
        f" {cache}{variable and f' (from {variable})'}.",
        remedy=f"Check the name. With network, run `hf download {data.name} --repo-type dataset{revision}` and bring"
        " the cache of there; or give its files as a path.",
    )

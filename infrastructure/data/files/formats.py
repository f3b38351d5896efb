"""Endings of the files that keep their cells by column, and the directories that do."""

from pathlib import Path

PARQUET = ".parquet"
ARROW = (".arrow", ".feather", ".ipc")
EXCEL = (".xlsx", ".xlsm", ".xls")
COLUMNAR = (PARQUET, *ARROW, *EXCEL)
STATE, FEATURES, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"


def is_saved_dataset(path: Path) -> bool:
    """Tell whether a directory is one that `save_to_disk` of the library `datasets` wrote."""
    return (path / SPLITS).is_file() or all((path / name).is_file() for name in (STATE, FEATURES))


def ending_of(path: Path) -> str:
    """Give the suffix that decides how a file is read, `.gz` set aside."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1] if suffixes else ""

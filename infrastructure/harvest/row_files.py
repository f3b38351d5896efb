"""Rows and their card as two files, which are both there when both are whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from application.answers import INTEGER, TEXT, WORDS, Answers, Column
from domain.exceptions import ConfigurationError
from domain.showing import json_text
from infrastructure.answers.answer_files import write_answers
from infrastructure.files import sha256_of, staged_file
from infrastructure.places import require_place

ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
_INTEGERS = ("line",)
_NESTED = ("findings", "marks")


class RowFiles:
    """Writes JSON lines and Parquet, with the card as JSON beside them."""

    def card_of(self, path: str) -> str:
        """Name the card of a file of rows. Raises: ConfigurationError for a name that says no format."""
        place = Path(path)
        for ending in ENDINGS:
            if place.name.lower().endswith(ending) and len(place.name) > len(ending):
                return str(place.with_name(f"{place.name[: -len(ending)]}.card.json"))
        raise ConfigurationError(
            f"--output {path} must end in one of {', '.join(ENDINGS)}, which says its format.", remedy="Rename it."
        )

    def require(self, path: str, replaces: bool) -> None:
        """Find fault with a place before anything is done for it. Raises: ConfigurationError."""
        for place in map(Path, (path, self.card_of(path))):
            require_place(str(place), "--output")
            if not place.parent.is_dir():
                raise ConfigurationError(
                    f"--output {place} lies in no directory.", remedy=f"Make {place.parent} first."
                )
            if place.is_symlink():
                raise ConfigurationError(f"--output {place} is a link.", remedy="Name another place.")
            if place.exists() and not replaces:
                raise ConfigurationError(
                    f"--output {place} is there already.", remedy="Name another file, or give --force to replace it."
                )

    def write(self, path: str, rows: Sequence[Mapping[str, Any]], card: Mapping[str, Any]) -> None:
        """Write both, or none of them. Raises: ConfigurationError for a disk that refuses."""
        try:
            with staged_file(Path(path)) as of_rows, staged_file(Path(self.card_of(path))) as of_card:
                write_answers(of_rows, Answers(rows, columns=_columns(rows), num_rows=len(rows)), str(Path(path)))
                told = {**card, "rows_sha256": sha256_of(of_rows)}
                of_card.write_text(f"{json_text(told, indent=2)}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"--output {path} cannot be written: {error.strerror or error}.",
                remedy="Make room, or choose another place.",
            ) from error


def _columns(rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Say what each column holds; nested cells become JSON where a file has none."""
    return tuple(
        Column(name, INTEGER if name in _INTEGERS else WORDS if name in _NESTED else TEXT)
        for name in (rows[0] if rows else ())
    )

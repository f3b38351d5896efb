"""Tokenizers on disk: the same bytes for the same tokenizer, and every damage found before it is used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.exceptions import ModelError
from infrastructure.models.pretrained import open_tokenizer
from infrastructure.models.tokenizer import train_bpe, train_characters, train_tokenizer
from infrastructure.models.tokenizer_files import keep_tokenizer, open_kept_tokenizer, save_tokenizer

TEXTS = ["def load(rows): return rows", "the rows of the table", "load the table and count the rows"] * 3


def learnt(kind: str) -> Any:
    if kind == "labels":
        return train_tokenizer(TEXTS, 400, lowercase=True, seed=0)
    if kind == "characters":
        return train_characters(TEXTS, document_start=True)
    return train_bpe(TEXTS, 280, 0, document_start=True, end=True)


def content_of(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


@pytest.mark.parametrize("kind", ["labels", "characters", "pairs"])
def test_a_tokenizer_that_was_used_saved_and_opened_again_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    first = learnt(kind)
    save_tokenizer(first, tmp_path / "first")
    first(TEXTS, truncation=True, max_length=5, padding=True)
    save_tokenizer(first, tmp_path / "used")
    again = open_tokenizer(tmp_path / "first")
    again(TEXTS[0], truncation=True, max_length=3)
    save_tokenizer(again, tmp_path / "again")
    assert content_of(tmp_path / "first") == content_of(tmp_path / "used") == content_of(tmp_path / "again")


def test_a_saved_tokenizer_says_nothing_of_how_it_was_opened(tmp_path: Path) -> None:
    save_tokenizer(learnt("labels"), tmp_path / "first")
    save_tokenizer(open_tokenizer(tmp_path / "first"), tmp_path / "again")
    said = json.loads((tmp_path / "again" / "tokenizer_config.json").read_text())
    assert not said.keys() & {"is_local", "local_files_only", "name_or_path"}
    assert json.loads((tmp_path / "again" / "tokenizer.json").read_text())["truncation"] is None


def swap_two_tokens(path: Path) -> None:
    """Exchange the numbers of two tokens: the file stays a tokenizer that opens, of another model."""
    content = json.loads(path.read_text())
    names = sorted(content["model"]["vocab"], key=content["model"]["vocab"].__getitem__)[-2:]
    first, second = (content["model"]["vocab"][name] for name in names)
    content["model"]["vocab"] |= {names[0]: second, names[1]: first}
    path.write_text(json.dumps(content))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def other(path: Path) -> None:
    save_tokenizer(learnt("characters"), path.parent)


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "removed": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "flipped": flip,
    "a list": lambda path: path.write_text("[]"),
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "a huge number": lambda path: path.write_text('{"version": ' + "9" * 6000 + "}"),
    "nested deep": lambda path: path.write_text("[" * 100_000),
    "a folder": a_folder,
    "of another tokenizer": other,
}


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "manifest.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_kept_tokenizer_with_a_damaged_file_is_refused_with_its_name_and_a_remedy(
    damage: str, name: str, tmp_path: Path
) -> None:
    kept = tmp_path / "tokenizer"
    keep_tokenizer(learnt("labels"), kept)
    DAMAGES[damage](kept / name)
    with pytest.raises(ModelError) as caught:
        open_kept_tokenizer(kept)
    assert str(kept) in str(caught.value)
    assert "or remove it: the run then learns" in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_two_tokens_that_have_changed_places_in_a_kept_tokenizer_are_found(tmp_path: Path) -> None:
    keep_tokenizer(learnt("pairs"), tmp_path / "tokenizer")
    swap_two_tokens(tmp_path / "tokenizer" / "tokenizer.json")
    open_tokenizer(tmp_path / "tokenizer")  # the library sees nothing
    with pytest.raises(ModelError, match=r"tokenizer.json (does not have the SHA-256|has \d+ bytes)"):
        open_kept_tokenizer(tmp_path / "tokenizer")


@pytest.mark.parametrize("emptied", [True, False])
def test_a_kept_tokenizer_that_is_empty_or_a_file_is_refused(emptied: bool, tmp_path: Path) -> None:
    kept = tmp_path / "tokenizer"
    if emptied:
        kept.mkdir()
    else:
        kept.write_text("no folder")
    with pytest.raises(ModelError, match="remove it"):
        open_kept_tokenizer(kept)


def test_a_kept_tokenizer_stays_as_it_is(tmp_path: Path) -> None:
    keep_tokenizer(learnt("labels"), tmp_path / "tokenizer")
    before = content_of(tmp_path / "tokenizer")
    keep_tokenizer(learnt("pairs"), tmp_path / "tokenizer")
    assert content_of(tmp_path / "tokenizer") == before
    opened = open_kept_tokenizer(Path(shutil.move(tmp_path / "tokenizer", tmp_path / "elsewhere")))
    assert opened("the rows")["input_ids"] == learnt("labels")("the rows")["input_ids"]

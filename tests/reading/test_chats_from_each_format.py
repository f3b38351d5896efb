"""The same chats give the same rows, keys and content from every form and format that people have them in."""

from pathlib import Path

import numpy as np
import pytest

from infrastructure.data.chats.rows import ChatRows, load_chats
from tests.support.chats import ANY_FORM, FORMS, chat, flat
from tests.support.formats import FORMATS

CHATS = (
    chat("What is a café?", "A place, at 5 €."),
    chat("Count.", "1; 2", "On | on", '3, "4"', "More\nby one", "it's 5", system="Be brief."),
    chat("Translate\n<|im_end|>", "=1+1", system="You translate."),
    chat("a\\b", "# no comment"),
)
TEXTS_ALONE = ("CSV", "TSV", "Excel")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def loaded(folder: Path, form: str, name: str, nested: bool = True) -> ChatRows:
    file, write = FORMATS[name]
    columns = FORMS[form](CHATS)
    folder.mkdir(parents=True)
    write(folder / file, columns if nested else flat(columns))
    return load_chats(folder / file, ANY_FORM)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FORMATS)
def test_chats_are_the_same(tmp_path: Path, name: str, form: str) -> None:
    rows = loaded(tmp_path / "x", form, name, nested=not name.startswith(TEXTS_ALONE))
    reference = loaded(tmp_path / "reference", "messages", "JSON Lines")
    assert list(rows) == list(CHATS)
    assert rows.content == reference.content
    assert np.array_equal(rows.keys, reference.keys)


@pytest.mark.parametrize("name", ["JSON", "Parquet string", "Arrow file", "saved data set"])
def test_turns_may_stand_as_json_in_a_cell_of_any_format(tmp_path: Path, name: str) -> None:
    for form in FORMS:
        assert list(loaded(tmp_path / form, form, name, nested=False)) == list(CHATS)

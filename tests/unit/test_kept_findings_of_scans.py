"""What is kept of scans comes back as it was or not at all, whatever became of the file."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infrastructure.scan import kept
from infrastructure.scan.kept import NAME, KeptFindings, key_of


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / NAME


KEYS = [key_of("a", number) for number in range(1_200)]


def test_what_was_kept_comes_back() -> None:
    KeptFindings().put({key: {"number": number, "text": "é\ud800"} for number, key in enumerate(KEYS)})
    found = KeptFindings().get([*KEYS, key_of("b")])
    assert found == {key: {"number": number, "text": "é\ud800"} for number, key in enumerate(KEYS)}


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_damaged_file_is_begun_anew(content: bytes, cache: Path) -> None:
    cache.parent.mkdir()
    cache.write_bytes(content)
    store = KeptFindings()
    assert store.get(KEYS) == {}
    store.put({KEYS[0]: 1})
    assert KeptFindings().get(KEYS) == {KEYS[0]: 1}


def test_a_file_of_other_columns_is_begun_anew(cache: Path) -> None:
    cache.parent.mkdir()
    with sqlite3.connect(cache) as connection:
        connection.execute("CREATE TABLE kept (name TEXT)")
    KeptFindings().put({KEYS[0]: 1})
    assert KeptFindings().get(KEYS) == {KEYS[0]: 1}


def test_a_value_that_was_changed_is_not_given(cache: Path) -> None:
    KeptFindings().put({KEYS[0]: 1, KEYS[1]: 2})
    with sqlite3.connect(cache) as connection:
        connection.execute("UPDATE kept SET value = '3' WHERE key = ?", (KEYS[0],))
        connection.execute("UPDATE kept SET value = NULL WHERE key = ?", (KEYS[1],))
    assert KeptFindings().get(KEYS) == {}


def test_a_damage_within_is_survived(cache: Path) -> None:
    KeptFindings().put(dict.fromkeys(KEYS, "x" * 500))
    content = bytearray(cache.read_bytes())
    content[20_000:200_000] = b"\xaa" * 180_000
    cache.write_bytes(content)
    store = KeptFindings()
    assert all(value == "x" * 500 for value in store.get(KEYS).values())
    store.put({KEYS[0]: 1})
    assert KeptFindings().get(KEYS[:1]) in ({}, {KEYS[0]: 1}, {KEYS[0]: "x" * 500})
    KeptFindings().put({KEYS[0]: 2})
    assert KeptFindings().get(KEYS[:1]) == {KEYS[0]: 2}


def test_a_place_that_cannot_be_written_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "file"))
    store = KeptFindings()
    store.put({KEYS[0]: 1})
    assert store.get(KEYS) == {}
    (note,) = store.notes
    assert note.startswith("what is found is not kept for the next scan:")


def test_a_full_disk_is_told_and_survived(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    KeptFindings().put({KEYS[0]: 1})
    store = KeptFindings()
    connected = store._connected

    def full() -> sqlite3.Connection | None:
        connection = connected()
        assert connection is not None
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(store, "_connected", full)
    store.put(dict.fromkeys(KEYS, "x" * 5000))
    (note,) = store.notes
    assert "full" in note
    assert KeptFindings().get(KEYS) == {KEYS[0]: 1}


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_ENTRIES", 100)
    monkeypatch.setattr(kept, "FEW_LEFT", 50)
    monkeypatch.setattr("time.time", lambda: 1)
    KeptFindings().put(dict.fromkeys(KEYS[:90], 1))
    monkeypatch.setattr("time.time", lambda: 2)
    KeptFindings().put(dict.fromkeys(KEYS[90:120], 2))
    assert len(KeptFindings().get(KEYS)) == 50
    assert set(KEYS[90:120]) <= set(KeptFindings().get(KEYS))


def test_several_at_once_lose_nothing() -> None:
    def write(part: int) -> list[str]:
        store = KeptFindings()
        for key in KEYS[part::4]:
            store.put({key: part})
        return store.notes

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [[], [], [], []]
    assert len(KeptFindings().get(KEYS)) == len(KEYS)

"""Checked chats, kept on disk and mapped into memory."""

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from application.phases import phase
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from infrastructure.data.chats.chat import ROLES, Chat, Turn, prompt_part
from infrastructure.data.chats.check import ChatCheck
from infrastructure.data.chats.forms import ChatSought
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import TextColumn
from infrastructure.data.labels.rows import append_text, content_sha256, white_space_key
from infrastructure.data.sources.checking import good_rows
from infrastructure.data.sources.fields import Say
from infrastructure.data.splitting import split_by_key

_FILES = ("texts.bin", "ends.npy", "roles.npy", "chat_ends.npy")


@dataclass(frozen=True)
class ChatRows(Sequence[Chat]):
    """All chats of one file, in its order.

    Turn t of all says `texts[t]` by role `ROLES[roles[t]]`, and row i is made of those up to `chat_ends[i]`. `keys` [N]
    are equal for chats that are equal up to white space before their first answer; `lines` [N] are those of the file.
    `warnings` say where the chats were found and what was unusual.
    """

    path: Path
    sha256: str
    cache_key: str
    texts: TextColumn
    roles: np.ndarray
    chat_ends: np.ndarray
    keys: np.ndarray
    lines: np.ndarray
    entry: CacheEntry
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.chat_ends)

    def __getitem__(self, row: int) -> Chat:  # type: ignore[override]  # slices are of no use here
        return tuple(Turn(ROLES[self.roles[turn]], self.texts[turn]) for turn in self.turns_of(row))

    def turns_of(self, row: int) -> range:
        """Give the places of the turns of a chat among those of all."""
        row = range(len(self))[row]
        return range(int(self.chat_ends[row - 1]) if row else 0, int(self.chat_ends[row]))

    @property
    def content(self) -> str:
        """Give what differs when any turn does, whatever format and form it stands in."""
        return self.entry.digest_of(*_FILES)

    def name_of(self, row: int) -> str:
        """Name a row the way an editor finds it."""
        return f"{self.path.name}:{int(self.lines[row])}"


def load_chats(path: Path, wanted: ChatSought, reading: Reading = AS_FOUND) -> ChatRows:
    """Read and check a file once; later calls map what the first one kept.

    Raises: DatasetError with the first faults of the file and their number, or for the file as a whole.
    """
    sha256 = content_sha256(path)
    key = key_of("chats", sha256, path.name, wanted, reading.decisive)
    check = ChatCheck(path.name, wanted)
    return keep_chats(path, sha256, key, lambda say: good_rows(path, check, reading, say, nested=True))


def keep_chats(path: Path, sha256: str, key: str, chats: Callable[[Say], Iterable[tuple[int, Chat]]]) -> ChatRows:
    """Map the chats kept under `key`, or make and keep them, each with its line. Raises: whatever `chats` raises."""

    def make(staging: Path) -> None:
        warnings: list[str] = []
        _keep(chats(warnings.append), staging)
        (staging / "chats.json").write_text(json.dumps({"warnings": warnings}, allow_nan=False), encoding="utf-8")

    with phase(f"reading {path.name}"):
        entry = cached("chats", key, make)
    facts = json.loads((entry / "chats.json").read_text(encoding="utf-8"))
    names = ("roles", "chat_ends", "keys", "lines")
    return ChatRows(
        path=path,
        sha256=sha256,
        cache_key=key,
        entry=entry,
        texts=TextColumn(entry),
        warnings=tuple(facts["warnings"]),
        **{name: np.load(entry / f"{name}.npy", mmap_mode="r") for name in names},
    )


def split_chats(rows: ChatRows, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Divide chats by the seed: row numbers to learn from, those to score on, and how many repeat a question.

    Chats that are equal up to white space before their first answer stay on one side.
    Raises: DatasetError when there is one question only.
    """
    parts = split_by_key(rows.keys, share, seed)
    if parts is None:
        begin = "1 chat" if len(rows) == 1 else f"{len(rows):,} chats that all begin with the same question"
        raise DatasetError(
            f"{rows.path.name} has {begin}, but a split needs two different ones.",
            remedy="Add chats, or give the evaluation part with --set eval_dataset=PATH.",
        )
    return parts


def chats_not_in(rows: ChatRows, other: ChatRows) -> np.ndarray:
    """Give the numbers of chats whose turns before the first answer, white space aside, do not occur in `other`."""
    return np.flatnonzero(~np.isin(rows.keys, other.keys))


def key_of_chat(chat: Chat) -> int:
    """Give 64 bits that are equal for chats which differ in white space alone before the first answer."""
    return white_space_key("\0".join(part for turn in prompt_part(chat) for part in (turn.role, turn.content)))


def _keep(chats: Iterable[tuple[int, Chat]], directory: Path) -> None:
    ends, chat_ends, keys, lines, roles = array("q"), array("q"), array("Q"), array("q"), array("B")
    end = 0
    with (directory / "texts.bin").open("wb") as texts:
        for line, chat in chats:
            for turn in chat:
                end += append_text(texts, turn.content)
                ends.append(end)
                roles.append(ROLES.index(turn.role))
            chat_ends.append(len(ends))
            keys.append(key_of_chat(chat))
            lines.append(line)
    columns: dict[str, np.ndarray] = {
        "ends": np.frombuffer(ends, dtype=np.int64),
        "roles": np.frombuffer(roles, dtype=np.uint8),
        "chat_ends": np.frombuffer(chat_ends, dtype=np.int64),
        "keys": np.frombuffer(keys, dtype=np.uint64),
        "lines": np.frombuffer(lines, dtype=np.int64),
    }
    for name, column in columns.items():
        np.save(directory / f"{name}.npy", column)

"""Chats as ids with what is learnt of them, made once, kept on disk and mapped into memory."""

import json
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from application.phases import phase
from domain.exceptions import DatasetError
from infrastructure.data.chats.chat import Chat
from infrastructure.data.chats.chat_format import ChatFormat
from infrastructure.data.chats.division import Piece, RefusedChatError, whole_or_divided
from infrastructure.data.chats.rows import ChatRows
from infrastructure.data.files.row import MAX_FAULTS_SHOWN
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import MappedBytes
from infrastructure.data.tokens.tokenization import CHARACTERS_PER_TOKEN

CHATS_PER_CALL = 64
FEWEST_TOKENS_A_TURN = 3
FORMAT = 1  # another one where chats become other ids
REMEDY = "Correct the chat, or give another template with --set chat_template=chatml or the path of a .jinja file."
_FILES = ("tokens.bin", "learnt.bin", "ends.npy", "chats.npy", "answers.npy", "was_cut.npy", "are_learnt.npy")


class PieceStore:
    """Pieces of chats, in the order of the file.

    Piece i belongs to row `chats[i]`, whose turn `answers[i]` is its last answer. `was_cut` tells which had more ids,
    `are_learnt` in which something is left to learn. `one_answer_each` tells whether each answer has its own piece.
    """

    def __init__(self, entry: CacheEntry) -> None:
        self._entry = entry
        self._tokens, self._learnt = MappedBytes(entry / "tokens.bin"), MappedBytes(entry / "learnt.bin")
        self._ends: np.ndarray = np.load(entry / "ends.npy")
        self.chats: np.ndarray = np.load(entry / "chats.npy")
        self.answers: np.ndarray = np.load(entry / "answers.npy")
        self.was_cut: np.ndarray = np.load(entry / "was_cut.npy")
        self.are_learnt: np.ndarray = np.load(entry / "are_learnt.npy")
        self.one_answer_each = bool(json.loads((entry / "pieces.json").read_text(encoding="utf-8"))["one_answer_each"])

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each piece [N]."""
        return np.diff(self._ends, prepend=0)

    @property
    def sha256(self) -> str:
        """Give what differs when any token of any piece does, or is learnt where it was not."""
        return self._entry.digest_of(*_FILES)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Give ids [L] int64 and what is learnt of them [L] bool."""
        start, end = int(self._ends[index - 1]) if index else 0, int(self._ends[index])
        ids = np.frombuffer(self._tokens.read(4 * start, 4 * end), dtype=np.int32).astype(np.int64)
        return ids, np.frombuffer(self._learnt.read(start, end), dtype=np.bool_)


def kept_pieces(rows: ChatRows, chats: ChatFormat, max_length: int) -> PieceStore:
    """Encode all chats of a file, or map those of an earlier call.

    Raises: DatasetError with the chats that the template refuses, ModelError when it takes too long.
    """
    key = key_of("pieces of chats", FORMAT, rows.cache_key, chats.fingerprint, max_length)
    return PieceStore(cached("chat tokens", key, lambda staging: _keep(rows, chats, max_length, staging)))


def _keep(rows: ChatRows, chats: ChatFormat, max_length: int, directory: Path) -> None:
    ends, owners, answers, was_cut, are_learnt = array("q"), array("q"), array("q"), array("b"), array("b")
    total = 0
    one_answer_each = False
    with (directory / "tokens.bin").open("wb") as tokens, (directory / "learnt.bin").open("wb") as learnt:
        for row, piece in _encoded(rows, chats, max_length):
            total += len(piece.ids)
            ends.append(total)
            owners.append(row)
            answers.append(piece.answer)
            was_cut.append(piece.was_cut)
            are_learnt.append(any(piece.learnt[1:]))  # nothing stands before the first to learn it from
            one_answer_each = one_answer_each or piece.is_copy
            tokens.write(np.asarray(piece.ids, dtype=np.int32).tobytes())
            learnt.write(np.asarray(piece.learnt, dtype=np.bool_).tobytes())
    for name, column in (("ends", ends), ("chats", owners), ("answers", answers)):
        np.save(directory / f"{name}.npy", np.frombuffer(column, dtype=np.int64))
    for name, flags in (("was_cut", was_cut), ("are_learnt", are_learnt)):
        np.save(directory / f"{name}.npy", np.frombuffer(flags, dtype=np.bool_))
    (directory / "pieces.json").write_text(
        json.dumps({"one_answer_each": one_answer_each}, allow_nan=False), encoding="utf-8"
    )


def _encoded(rows: ChatRows, chats: ChatFormat, max_length: int) -> Iterator[tuple[int, Piece]]:
    """Give the pieces of all chats with their rows. Raises: DatasetError after the last one."""
    faults: list[str] = []
    num_faults = 0
    with phase("tokenising", len(rows), "chats") as done, chats.at_work(max_length) as encoder:
        for start in range(0, len(rows), CHATS_PER_CALL):
            batch = {row: answered(rows[row]) for row in range(start, min(start + CHATS_PER_CALL, len(rows)))}
            short = {row: chat for row, chat in batch.items() if not _is_surely_long(chat, max_length)}
            found = dict(zip(short, encoder.pieces(list(short.values())), strict=True))
            for row, chat in batch.items():
                done.advance()
                try:
                    for piece in whole_or_divided(chat, found.get(row), encoder, max_length):
                        yield row, piece
                except RefusedChatError as refusal:
                    num_faults += 1
                    if num_faults <= MAX_FAULTS_SHOWN:
                        faults.append(f"{rows.name_of(row)}: {refusal}: {REMEDY}")
    if num_faults > len(faults):
        faults.append(f"{rows.path.name}: {num_faults:,} faults in all, the first are shown.")
    if faults:
        raise DatasetError.of(faults)


def answered(chat: Chat) -> Chat:
    """Give a chat up to its last answer."""
    last = max(number for number, turn in enumerate(chat) if turn.role == "assistant")
    return chat[: last + 1]


def _is_surely_long(chat: Chat, max_length: int) -> bool:
    """Tell of a chat that cannot fit: to write it once for each answer takes time with the square of its length."""
    num_characters = sum(len(turn.content) for turn in chat)
    return num_characters > max_length * CHARACTERS_PER_TOKEN or len(chat) * FEWEST_TOKENS_A_TURN > max_length

"""Chats ready for a decoder: some pieces of a file of chats."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.exceptions import DatasetError
from domain.showing import counted
from infrastructure.data.chats.chat import ROLES, Turn
from infrastructure.data.chats.chat_format import ChatFormat
from infrastructure.data.chats.piece_store import PieceStore, kept_pieces
from infrastructure.data.chats.rows import ChatRows
from infrastructure.data.pairs.datasets import IGNORED
from infrastructure.data.some_rows import as_tensors, digest_of
from infrastructure.data.tokens.tokenization import length_statistics, rows_fingerprint

if TYPE_CHECKING:
    from torch import Tensor


class ChatDataset:
    """The pieces of some chats of a file, an item each.

    `dataset[i]` holds `input_ids` [L] int64 and `labels` [L], equal but for -100 where the assistant does not write.
    A chat of at most `max_length` tokens is one piece, and a longer one is divided between exchanges, the turn of the
    system before each; an exchange that is longer by itself loses its end. What has no room for an answer is left out.
    Raises: DatasetError with every chat that the template refuses, or when nothing is left to learn.
    """

    def __init__(self, rows: ChatRows, indices: np.ndarray, chats: ChatFormat, max_length: int) -> None:
        self.rows, self._max_length = rows, max_length
        self._format = chats
        self._store: PieceStore = kept_pieces(rows, chats, max_length)
        chosen = np.isin(self._store.chats, indices)
        self.pieces: np.ndarray = np.flatnonzero(chosen & self._store.are_learnt)
        if not len(self.pieces):
            raise DatasetError(
                f"{rows.path.name}: no answer begins within max_length {max_length} tokens of its chat.",
                remedy="Use a larger --max-length.",
            )
        self.lengths: np.ndarray = self._store.lengths[self.pieces]
        self.was_cut: np.ndarray = self._store.was_cut[self.pieces]
        self._num_left_out = int((chosen & ~self._store.are_learnt).sum())
        self._num_chats = len(indices)

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> "dict[str, Tensor]":
        return as_tensors(self.arrays(index))

    def arrays(self, index: int) -> dict[str, np.ndarray]:
        """Give `input_ids` and `labels` of a piece."""
        ids, learnt = self._store[self._piece(index)]
        return {"input_ids": ids, "labels": np.where(learnt, ids, IGNORED)}

    @property
    def num_cut(self) -> int:
        """Number of pieces that had more tokens."""
        return int(self.was_cut.sum())

    @property
    def statistics(self) -> Mapping[str, Any]:
        """Counts a person wants to see before training; lengths are tokens."""
        return {**length_statistics(self.lengths), "num_chats": self._num_chats, "num_cut": self.num_cut}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was unusual in the file."""
        return (*self.rows.warnings, *self.told())

    def told(self) -> tuple[str, ...]:
        """Say what the template and `max_length` have made of the chats."""
        name, longest = self.rows.path.name, f"max_length {self._max_length}"
        divided = np.bincount(self._store.chats[self.pieces])
        sentences = [
            f"the chat template leaves out what the {role} says, which {name} has."
            for role in self._format.leaves_out
            if role in ROLES and bool((self.rows.roles == ROLES.index(role)).any())
        ]
        if self._store.one_answer_each:
            sentences.append(
                f"the chat template changes earlier turns when later ones follow: each of the {len(self):,} answers of"
                f" {name} is learnt in a copy of its chat that ends with it."
            )
        elif num_divided := int((divided > 1).sum()):
            are, were = ("is", "was") if num_divided == 1 else ("are", "were")
            sentences.append(
                f"{num_divided:,} of {self._num_chats:,} chats of {name} {are} longer than {longest} and {were} divided"
                f" between exchanges into {int(divided[divided > 1].sum()):,} pieces."
            )
        if self.num_cut:
            longer = f"{counted(self.num_cut, 'exchange')} of {name} longer than {longest}"
            sentences.append(f"{longer} lost {'its' if self.num_cut == 1 else 'their'} end.")
        if self._num_left_out:
            without = (
                f"{counted(self._num_left_out, 'exchange')} of {name} without an answer that begins within {longest}"
            )
            sentences.append(f"{without} {'was' if self._num_left_out == 1 else 'were'} left out.")
        return tuple(sentences)

    @property
    def sha256(self) -> str:
        """Name the content of the file."""
        return self.rows.sha256

    @property
    def fingerprint(self) -> str:
        """Give what differs when a chat, their order, a token or what is learnt does."""
        return rows_fingerprint(self.rows.content, self._store.sha256, self._format.fingerprint, self.pieces)

    def digest(self, index: int) -> str:
        """Give what is equal for the same turns with the same last answer, in whatever file they stand."""
        return digest_of(self.source(index), self.reference(index))

    def row_id(self, index: int) -> str:
        """Name a piece by its chat the way an editor finds it, and by its last turn."""
        piece = self._piece(index)
        return f"{self.rows.name_of(int(self._store.chats[piece]))} turn {int(self._store.answers[piece]) + 1}"

    def turns(self, index: int) -> Sequence[Turn]:
        """Give the turns up to the last answer of a piece, without it."""
        piece = self._piece(index)
        return self.rows[int(self._store.chats[piece])][: int(self._store.answers[piece])]

    def source(self, index: int) -> str:
        """Give what the last answer of a piece answers, for people."""
        return shown_turns(self.turns(index))

    def reference(self, index: int) -> str:
        """Give the last answer of a piece."""
        piece = self._piece(index)
        return self.rows[int(self._store.chats[piece])][int(self._store.answers[piece])].content

    def prompt(self, index: int) -> list[int]:
        """Give the ids before the last answer of a piece: what a model is asked with."""
        ids, learnt = self._store[self._piece(index)]
        begins = np.flatnonzero(learnt & ~np.concatenate([[False], learnt[:-1]]))
        prompt: list[int] = ids[: begins[-1]].tolist()
        return prompt

    def _piece(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return int(self.pieces[index])


def shown_turns(turns: Sequence[Turn]) -> str:
    """Write turns for people: a single one as it is, several with their roles."""
    if len(turns) == 1:
        return turns[0].content
    return "\n".join(f"{turn.role}: {turn.content}" for turn in turns)

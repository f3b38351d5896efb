"""Rows of tokens that the graph of a decoder has read, with the keys and values that it keeps of them."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from infrastructure.exported.graph import Graph

PAST, PRESENT = "past_key_values.", "present."
# Scores held at a time, 64 MiB of them: longer rows are read in parts, each behind what was kept of the one before.
SCORES_AT_ONCE = 1 << 24
Arrays = Mapping[str, np.ndarray]


class Rows:
    """Rows of a decoder; `read` is what it sees of a source: keys and values of each layer, and their mask."""

    def __init__(self, decoder: Graph, count: int, vocabulary: int, read: Arrays | None = None) -> None:
        self._decoder = decoder
        self._vocabulary = vocabulary
        self._read = dict(read or {})
        names = (name for name in decoder.inputs if name.startswith(PAST) and name not in self._read)
        self._kept = {name: _nothing(decoder.input_shapes[name], count) for name in names}  # [B, H, P, D] each
        self._mask = np.zeros((count, 0), dtype=np.int64)  # [B, P]

    def read(self, ids: np.ndarray, mask: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Read tokens [B, T], of which `mask` [B, T] counts; gives the scores [B, t, V] of the tokens behind, in parts.

        A row is filled up on its left with what does not count, or on its right where nothing more is to be read.
        """
        width = max(1, SCORES_AT_ONCE // (len(ids) * self._vocabulary))
        for start in range(0, ids.shape[1], width):
            part = slice(start, min(start + width, ids.shape[1]))
            yield part, self._part(ids[:, part], mask[:, part])

    def advance(self, tokens: np.ndarray) -> np.ndarray:
        """Read one token [B] of each row; gives the scores [B, V] of the next ones."""
        return self._part(tokens[:, None], np.ones((len(tokens), 1), dtype=np.int64))[:, -1]

    def keep(self, rows: Sequence[int] | np.ndarray) -> None:
        """Go on with these rows alone, one as often as it is named."""
        chosen = np.asarray(rows)
        self._mask = self._mask[chosen]
        self._read = {name: array[chosen] for name, array in self._read.items()}
        self._kept = {name: array[chosen] for name, array in self._kept.items()}

    def _part(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        self._mask = np.concatenate((self._mask, mask), axis=1)
        positions = np.maximum(self._mask.cumsum(1)[:, -ids.shape[1] :] - 1, 0)
        told = {"input_ids": ids, "attention_mask": self._mask, "position_ids": positions}
        found = self._decoder({**told, **self._read, **self._kept})
        self._kept = {name: found[PRESENT + name.removeprefix(PAST)] for name in self._kept}
        return found["logits"]


def of_source(presents: Arrays, mask: np.ndarray) -> dict[str, np.ndarray]:
    """Turn what an encoder gives into what a decoder reads of it."""
    read = {PAST + name.removeprefix(PRESENT): array for name, array in presents.items()}
    return {**read, "encoder_attention_mask": mask}


def _nothing(shape: Sequence[int | str], count: int) -> np.ndarray:
    _, heads, _, size = shape
    return np.zeros((count, int(heads), 0, int(size)), dtype=np.float32)

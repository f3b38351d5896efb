"""Which of many texts have just ended: at a token, at a stop string, in a loop, or because they are long enough."""

from collections.abc import Sequence

import torch
from torch import Tensor

from domain.generation import LONGEST_BLOCK, loop_length
from infrastructure.writing.ends import Ends


class Texts:
    """The new tokens of rows that are being written, and how often their last ones repeat earlier ones."""

    def __init__(self, ends: Ends, device: torch.device) -> None:
        self._ends = ends
        self._tokens = torch.tensor(list(ends.tokens), dtype=torch.long, device=device)
        blocks = range(1, LONGEST_BLOCK + 1) if ends.max_repeats else ()
        repeated = [loop_length(block, ends.max_repeats) - block for block in blocks]
        self._repeated = torch.tensor(repeated, dtype=torch.long, device=device)
        self.ids = torch.empty(0, 0, dtype=torch.long, device=device)  # [R, longest room]
        self.lengths = torch.empty(0, dtype=torch.long, device=device)
        self.rooms = torch.empty(0, dtype=torch.long, device=device)
        # Of each row its last tokens, latest first, and how many of them in a row equal those a block before.
        self._latest = torch.empty(0, len(repeated), dtype=torch.long, device=device)
        self._equal = torch.empty(0, len(repeated), dtype=torch.long, device=device)

    def join(self, rooms: Sequence[int]) -> None:
        """Begin a text in new rows, with room for so many tokens."""
        count = len(rooms)
        longest = max(self.ids.shape[1], *rooms)
        ids = self.ids.new_zeros(len(self.ids) + count, longest)
        ids[: len(self.ids), : self.ids.shape[1]] = self.ids
        self.ids = ids
        self.lengths = torch.cat((self.lengths, self.lengths.new_zeros(count)))
        self.rooms = torch.cat((self.rooms, self.rooms.new_tensor(list(rooms))))
        self._latest = torch.cat((self._latest, self._latest.new_full((count, self._latest.shape[1]), -1)))
        self._equal = torch.cat((self._equal, self._equal.new_zeros(count, self._equal.shape[1])))

    def ended(self, rows: "Tensor | slice", tokens: Tensor) -> Tensor:
        """Say which of the texts of `rows` would end with `tokens` [N] behind them."""
        lengths = self.lengths[rows]
        ended = lengths + 1 >= self.rooms[rows]
        if len(self._tokens):
            ended |= torch.isin(tokens, self._tokens)
        if self._ends.max_repeats:
            ended |= (self._equals(rows, tokens) >= self._repeated).any(-1)
        if self._ends.at_string is not None:
            written = zip(self.ids[rows].tolist(), lengths.tolist(), tokens.tolist(), strict=True)
            found = [self._ends.at_string([*ids[:length], token]) for ids, length, token in written]
            ended |= torch.tensor(found, device=ended.device)
        return ended

    def _equals(self, rows: "Tensor | slice", tokens: Tensor) -> Tensor:
        return (self._equal[rows] + 1) * (self._latest[rows] == tokens[:, None])

    def write(self, tokens: Tensor) -> None:
        """Put one of `tokens` [R] behind each text."""
        if self._ends.max_repeats:
            self._equal = self._equals(slice(None), tokens)
            self._latest = torch.cat((tokens[:, None], self._latest[:, :-1]), 1)
        self.ids.scatter_(1, self.lengths[:, None], tokens[:, None])
        self.lengths += 1

    def with_token(self, row: Tensor, token: Tensor) -> list[int]:
        """Give the ids of one text with a token behind them."""
        return [*self.ids[row, : int(self.lengths[row])].tolist(), int(token)]

    def follow(self, rows: Tensor) -> None:
        """Let the texts be those that the rows `rows` [R] were."""
        self.ids, self.lengths, self.rooms = self.ids[rows], self.lengths[rows], self.rooms[rows]
        self._equal, self._latest = self._equal[rows], self._latest[rows]

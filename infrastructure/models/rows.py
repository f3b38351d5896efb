"""Rows of a padded batch one behind the other: where each token stands, and which rows are attended to together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# Scores that may be computed for nothing, per head, before rows are attended to by themselves: a further group has its
# price too.
SPARE_SCORES = 50_000
# Scores of a group per head: with more of them they no longer fit the caches of a CPU.
MOST_SCORES = 1_000_000


@dataclass(frozen=True)
class Group:
    """Rows that are attended to in one product, padded to the longest of them, which has `length` tokens."""

    first_row: int
    num_rows: int
    num_tokens: int
    length: int
    slots: Tensor | None  # [num_tokens], their places in [num_rows * length]; None where all are taken

    @property
    def rows(self) -> slice:
        """Where the rows stand among all, longest first."""
        return slice(self.first_row, self.first_row + self.num_rows)


class Rows:
    """Where the tokens of a batch [B, L] stand when its padding is taken away.

    `order` [B] are the rows as they follow each other, `lengths` how long each of these is, and `places` [T] where in
    the flattened batch their tokens stand. Made on the CPU, so that no device is asked for a number.
    """

    def __init__(self, lengths: Sequence[int], width: int, order: Sequence[int], cuts: Sequence[int]) -> None:
        self.shape = (len(lengths), width)
        self.order = torch.tensor(order)
        self.lengths = [lengths[row] for row in order]
        self.num_tokens = sum(lengths)
        self.places = torch.cat([torch.arange(lengths[row]) + row * width for row in order])
        self.groups = self._cut(cuts)

    def _cut(self, cuts: Sequence[int]) -> list[Group]:
        groups = []
        for first, last in zip([0, *cuts], [*cuts, len(self.lengths)], strict=True):
            lengths = self.lengths[first:last]
            length = max(lengths)
            slots = None
            if len(set(lengths)) > 1:
                slots = torch.cat([torch.arange(own) + row * length for row, own in enumerate(lengths)])
            groups.append(Group(first, last - first, sum(lengths), length, slots))
        return groups

    def are_of(self, states: Tensor) -> bool:
        """Tell whether states [B, L, D], or [1, T, D] without padding, are those of these rows."""
        return tuple(states.shape[:2]) in (self.shape, (1, self.num_tokens))

    @property
    def sizes(self) -> list[int]:
        """How many tokens the groups have."""
        return [group.num_tokens for group in self.groups]

    def to(self, device: torch.device) -> "Rows":
        """Bring what indexes tensors to a device."""
        if device.type == "cpu":
            return self
        moved = object.__new__(Rows)
        moved.__dict__.update(self.__dict__)
        moved.order, moved.places = (
            one.pin_memory().to(device, non_blocking=True) for one in (self.order, self.places)
        )
        moved.groups = [
            group
            if group.slots is None
            else Group(**{**vars(group), "slots": group.slots.pin_memory().to(device, non_blocking=True)})
            for group in self.groups
        ]
        return moved

    @cached_property
    def borders(self) -> Tensor:
        """Where the rows begin among the tokens, and where the last one ends, int32 [B + 1]."""
        borders = torch.tensor([0, *self.lengths]).cumsum(0)
        return borders.to(torch.int32).to(self.places.device, non_blocking=True)


def lengths_in(mask: Tensor) -> list[int] | None:
    """Give the lengths of rows whose mask [B, L] is 1 at their beginning and 0 behind; None for any other mask."""
    lengths = mask.sum(1)
    prefix = torch.arange(mask.shape[1]) < lengths[:, None]
    return lengths.tolist() if bool((prefix == mask.bool()).all()) and bool(lengths.all()) else None


def rows_of(masks: Sequence[Tensor], least_padding: int = 1) -> list[Rows]:
    """Lay out batches [B, L_i] that belong together row by row, all in one order and cut into the same groups.

    None where a mask is no beginning of its row, or there are fewer places of padding than the least.
    """
    lengths = [lengths_in(mask) for mask in masks]
    known = [one for one in lengths if one is not None]
    num_padding = sum(mask.numel() for mask in masks) - sum(map(sum, known))
    if len(known) < len(masks) or num_padding < least_padding:
        return []
    order = sorted(range(len(known[0])), key=lambda row: tuple(-one[row] for one in known))
    cuts = _cuts([[one[row] for row in order] for one in known])
    return [Rows(own, mask.shape[1], order, cuts) for own, mask in zip(known, masks, strict=True)]


def _cuts(lengths: Sequence[Sequence[int]]) -> list[int]:
    """Say before which rows a new group begins, so that few scores of padding are computed."""
    cuts: list[int] = []
    first, used = 0, 0
    for row in range(len(lengths[0])):
        used += max(one[row] for one in lengths) ** 2
        longest = max(max(one[first : row + 1]) for one in lengths)
        scores = (row - first + 1) * longest**2
        if row > first and (scores - used > SPARE_SCORES or scores > MOST_SCORES):
            cuts.append(row)
            first, used = row, max(one[row] for one in lengths) ** 2
    return cuts

"""Keys and values of the rows that are being written, kept in place of being joined anew for each token."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.cache_utils import CacheLayerMixin


@dataclass
class Extent:
    """What all layers hold in common: `rows` and `columns` in use of the `capacity` and `width` that are laid out."""

    capacity: int
    rows: int = 0
    columns: int = 0
    width: int = 0


class KeptLayer(CacheLayerMixin):
    """Keys and values of one layer, [capacity, H, width, D] each, of which a model sees the rows in use.

    It sees all columns, for the products of torch are several times as fast where rows lie close together. Those that
    are not in use hold zeros or what an earlier row left, and a mask hides them.
    """

    is_sliding = False  # windows are a matter of the mask

    def __init__(self, extent: Extent) -> None:
        super().__init__()
        self._extent = extent
        self._kept: Sequence[Tensor] = ()
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Do nothing: the first rows that join bring the buffers along."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **options: object
    ) -> tuple[Tensor, Tensor]:
        """Keep what a token gives, [rows, H, 1, D] each; gives all that is kept of these rows."""
        at = self._extent.columns
        for kept, new in zip(self._kept, (key_states, value_states), strict=True):
            kept[: len(new), :, at : at + new.shape[2]] = new
        assert self.keys is not None
        assert self.values is not None
        return self.keys, self.values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Give how many columns a model sees, and the first of them."""
        return self._extent.width, 0

    def get_seq_length(self) -> int:
        """Give the columns in use."""
        return self._extent.columns

    def get_max_length(self) -> int:
        """Say that there is none."""
        return -1

    def join(self, new: Sequence[Tensor], at: int, copies: int) -> None:
        """Put rows [N, H, L, D] behind those in use, `copies` of each, from column `at` on."""
        size, width = self._extent.capacity, self._extent.width
        if not self._kept:
            self._kept = [one.new_zeros(size, one.shape[1], width, one.shape[3], dtype=_form(one)) for one in new]
        first = self._extent.rows
        for kept, one in zip(self._kept, new, strict=True):
            kept[first : first + len(one) * copies, :, at : at + one.shape[2]] = one.repeat_interleave(copies, 0)

    def lay_out(self, width: int, columns: slice) -> None:
        """Move columns of the rows in use to the beginning of so many that are laid out."""
        rows, moved = self._extent.rows, []
        for kept in self._kept:
            moved.append(kept.new_zeros(len(kept), kept.shape[1], width, kept.shape[3]))
            moved[-1][:rows, :, : columns.stop - columns.start] = kept[:rows, :, columns]
        self._kept = moved

    def take(self, to: Tensor, of: Tensor, columns: slice) -> None:
        """Let rows `to` hold in some columns what rows `of` held."""
        for kept in self._kept:
            kept[:, :, columns][to] = kept[:, :, columns][of]

    def show(self) -> None:
        """Let the model see the rows in use, after they or the columns have changed."""
        self.keys, self.values = (kept[: self._extent.rows] for kept in self._kept)


def _form(states: Tensor) -> torch.dtype:
    # Autocast computes products in this format: rounded once when kept, and not all of them again for each token.
    device = states.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else states.dtype

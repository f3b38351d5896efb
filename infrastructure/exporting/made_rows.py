"""Rows for an export whose run has none left: random tokens of many lengths."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from infrastructure.exporting.graph import Shape
from infrastructure.exporting.opened import Opened
from infrastructure.tasks.adapter import Batch

NUM_BATCHES, ROWS = 8, 8
LONGEST = 128


def made_batches(opened: Opened, shape: Shape) -> Iterator[tuple[Sequence[int], Batch]]:
    """Give batches of rows from 1 token to as many as the model reads, the same every time."""
    generator = torch.Generator().manual_seed(0)
    for number in range(NUM_BATCHES):
        rows = range(number * ROWS, (number + 1) * ROWS)
        yield rows, _tokens(opened, number, generator)


def _tokens(opened: Opened, number: int, generator: torch.Generator) -> Batch:
    model: Any = opened.model
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    longest = min(LONGEST, int(opened.facts.get("max_length", LONGEST)))
    length = max(1, longest * (number + 1) // NUM_BATCHES)
    ids = torch.randint(vocabulary, (ROWS, length), generator=generator)
    lengths = torch.randint(1, length + 1, (ROWS,), generator=generator)
    mask = (torch.arange(length)[None, :] < lengths[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask}

"""Texts of the likeliest token each time."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from infrastructure.models.decoding.batch import Batch
from infrastructure.models.decoding.ends import Texts
from infrastructure.models.decoding.waiting import Waiting, kept_of
from infrastructure.writing.ends import Ends


@torch.no_grad()
def write_greedily(
    batch: Batch, waiting: Waiting, ends: Ends, on_token: Callable[[Tensor], None] | None = None
) -> Iterator[tuple[int, list[int]]]:
    """Write on from prompts; gives the number of each and its new tokens, as they end.

    `on_token` is told the token [1] of a single prompt.
    """
    texts = Texts(ends, batch.device)
    numbers: list[int] = []
    tokens = torch.empty(0, dtype=torch.long, device=batch.device)
    while waiting or numbers:
        scores = [batch.advance(tokens)] if numbers else []
        if joining := waiting.joining(batch):
            scores.append(batch.join([waiting.prompts[number] for number in joining]))
            texts.join([waiting.rooms[number] for number in joining])
            numbers += joining
        tokens = torch.cat(scores).argmax(-1)
        if on_token:
            on_token(tokens)
        ended = texts.ended(slice(None), tokens)
        texts.write(tokens)
        if gone := ended.nonzero().flatten().tolist():
            for row in gone:
                yield numbers[row], ends.without(texts.ids[row, : int(texts.lengths[row])].tolist())
            order = kept_of(len(numbers), gone)
            batch.keep(order)
            rows = torch.tensor(order, dtype=torch.long, device=batch.device)
            texts.follow(rows)
            tokens, numbers = tokens[rows], [numbers[row] for row in order]

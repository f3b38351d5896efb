"""Rows for an export whose run has none left: random tokens of many lengths, random windows."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from infrastructure.exporting.following import windows_of_code
from infrastructure.exporting.opened import Opened
from infrastructure.models.flow.model import FlowClassifier
from infrastructure.models.forecaster import Forecaster

NUM_BATCHES, ROWS = 8, 8
LONGEST = 128

Made = dict[str, Tensor]


def made_batches(opened: Opened) -> Iterator[tuple[Sequence[int], Made]]:
    """Give batches of what a model is asked with, rows from 1 token up to its longest; the same every time."""
    for number in range(NUM_BATCHES):
        rows = range(number * ROWS, (number + 1) * ROWS)
        if isinstance(opened.model, Forecaster):
            yield rows, windows_of(opened.model, ROWS, seed=number)
        elif isinstance(opened.model, FlowClassifier):
            yield rows, windows_of_code(opened.model, ROWS, _length(opened, number), number)
        else:
            yield rows, _tokens(opened, number)


def _tokens(opened: Opened, number: int) -> Made:
    generator = torch.Generator().manual_seed(number)
    vocabulary = int(opened.model.get_input_embeddings().weight.shape[0])
    length = _length(opened, number)
    ids = torch.randint(vocabulary, (ROWS, length), generator=generator)
    lengths = torch.randint(1, length + 1, (ROWS,), generator=generator)
    return {
        "input_ids": ids,
        "attention_mask": (torch.arange(length)[None, :] < lengths[:, None]).long(),
        "position_ids": torch.arange(length).expand(ROWS, -1).clone(),
        "decoder_input_ids": torch.randint(vocabulary, (ROWS, length), generator=generator),
    }


def _length(opened: Opened, number: int) -> int:
    longest = min(LONGEST, int(opened.facts.get("max_length", LONGEST)))
    return max(1, longest * (number + 1) // NUM_BATCHES)


def windows_of(model: Forecaster, rows: int = 3, seed: int = 0) -> Made:
    """Make what a forecaster is given of so many windows, on the scale of the inputs."""
    config, generator = model.config, torch.Generator().manual_seed(seed)
    length, steps = config.context_length, max(config.horizons)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(rows, *shape, generator=generator)

    def categories(sizes: Sequence[int], *shape: int) -> Tensor:
        return (
            torch.stack([torch.randint(size + 1, (rows, *shape), generator=generator) for size in sizes], dim=-1)
            if len(sizes)
            else torch.zeros(rows, *shape, 0, dtype=torch.long)
        )

    seen: Made = {
        "values": numbers(length, config.num_inputs),
        "observed": numbers(length, config.num_inputs) > -1.5,
        "calendar": numbers(length, config.num_calendar),
    }
    if not config.covariates:
        return seen
    known = list(config.category_sizes)[len(config.category_sizes) - config.num_known_categories :]
    return {
        **seen,
        "categories": categories(config.category_sizes, length),
        "ahead": numbers(steps, 2 * config.num_known + config.num_calendar),
        "ahead_categories": categories(known, steps),
        "zero": numbers(config.num_targets),
        "static": numbers(config.num_static),
        "static_categories": categories(config.static_sizes),
    }

"""The graph of a reader that follows values, and what it knows beside its layers."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.numpy import save_file
from torch import Tensor, nn

from infrastructure.code_reading.batching import INPUTS
from infrastructure.exporting.graph import Graph, Side, Standing, Tensors
from infrastructure.exporting.reading import MODEL, Reading
from infrastructure.model_files.exports import JUDGING_FILE
from infrastructure.models.flow.model import FlowClassifier

WINDOWS, TOKENS, LINKS = 3, 12, 2  # of an example


@dataclass(frozen=True, kw_only=True)
class ReaderOfCode(Reading):
    """One graph, asked about windows; what it says of them is judged by what `model` knows beside its layers."""

    model: FlowClassifier

    def together(self, sides: Mapping[str, Side]) -> Standing:
        """Let it stand for the model."""
        return _Reader(sides, self.model)


class _Reader(Standing):
    def __init__(self, sides: Mapping[str, Side], model: FlowClassifier) -> None:
        super().__init__(sides)
        self.grams, self.severities_of = model.grams, model.severities_of

    def forward(self, **windows: Tensor) -> Tensors:
        said = self.sides[MODEL](windows)
        self.told = {"logits": said["kinds"]}
        return dict(said)

    def hear(self, found: Any) -> None:
        """Take the verdict on whole texts for what was told of windows."""
        _, _, logits, _ = found
        self.told = {"logits": torch.from_numpy(logits)}


def reader_of_code(model: FlowClassifier) -> ReaderOfCode:
    """Give the graph of a reader: `marks` [W, L, M] and `kinds` [W, K] of windows."""
    graph = Graph(MODEL, _Saying(model), windows_of_code(model), AXES_OF_WINDOWS, ("marks", "kinds"))
    facts = {"outputs": ["marks", "kinds"], "judging": JUDGING_FILE}
    return ReaderOfCode(graph, "logits", is_choice=True, facts=facts, model=model)


class _Saying(nn.Module):
    def __init__(self, model: FlowClassifier) -> None:
        super().__init__()
        self.model = deepcopy(model)
        self.model.grams = None  # it judges beside the graph, whose file would hold it a second time

    def forward(self, **windows: Tensor) -> Tensors:
        return dict(self.model(**windows))


AXES_OF_WINDOWS = dict.fromkeys(INPUTS, (0, 1))


def windows_of_code(
    model: FlowClassifier, rows: int = WINDOWS, length: int = TOKENS, seed: int = 0
) -> dict[str, Tensor]:
    """Make windows of random tokens."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, length + 1, (rows,), generator=generator)
    return {
        "input_ids": torch.randint(model.config.vocab_size, (rows, length), generator=generator),
        "roles": torch.randint(model.roles.num_embeddings, (rows, length), generator=generator),
        "links": torch.randint(-1, length, (rows, length, LINKS), generator=generator),
        "attention_mask": (torch.arange(length)[None, :] < lengths[:, None]).long(),
    }


def write_judging(model: FlowClassifier, directory: Path) -> None:
    """Write what a reader knows beside its layers. Raises: OSError."""
    save_file(model.judging.to_arrays(), directory / JUDGING_FILE)

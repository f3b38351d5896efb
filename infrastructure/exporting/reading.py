"""Graphs of models that read and give numbers: classifiers, encoders, forecasters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from infrastructure.exporting.graph import Graph, Side, Standing, Tensors
from infrastructure.models.forecaster import Forecaster

MODEL = "model"
ROWS, TOKENS = 3, 12  # of an example


@dataclass(frozen=True)
class Reading:
    """One graph, asked with the tensors of a batch as they are."""

    graph: Graph
    compared: str
    is_choice: bool
    facts: Mapping[str, Any]
    has_head: bool = True

    @property
    def graphs(self) -> Sequence[Graph]:
        """Give the one graph."""
        return (self.graph,)

    @property
    def asked(self) -> Sequence[str]:
        """Name what the graph is given."""
        return tuple(self.graph.inputs)

    def together(self, sides: Mapping[str, Side]) -> Standing:
        """Let it stand for the model."""
        return _OneGraph(sides)


class _OneGraph(Standing):
    def forward(self, **inputs: Tensor) -> Tensors:
        self.told = self.sides[MODEL](inputs)
        return self.told


def classifier(model: nn.Module) -> Reading:
    """Give the graph of a model that labels texts: `logits` [B, C]."""
    graph = Graph(MODEL, _Classifying(model), tokens_of(model), AXES_OF_TOKENS, ("logits",))
    return Reading(graph, "logits", is_choice=True, facts={"outputs": ["logits"]})


class _Classifying(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensors:
        return {"logits": self.model(input_ids=input_ids, attention_mask=attention_mask).logits.float()}


def encoder(model: nn.Module) -> Reading:
    """Give the graph of an encoder without its head: `last_hidden_state` [B, L, D], `sentence_embedding` [B, D]."""
    outputs = ("last_hidden_state", "sentence_embedding")
    graph = Graph(MODEL, _Embedding(model), tokens_of(model), AXES_OF_TOKENS, outputs)
    return Reading(graph, "sentence_embedding", is_choice=False, facts={"outputs": list(outputs)}, has_head=False)


class _Embedding(nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.body = model.base_model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensors:
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp_min(1.0)
        return {"last_hidden_state": hidden, "sentence_embedding": mean}


AXES_OF_TOKENS: Mapping[str, Sequence[int]] = {"input_ids": (0, 1), "attention_mask": (0, 1)}


def tokens_of(model: Any) -> dict[str, Tensor]:
    """Make an example of what models of texts are given, with padding in it."""
    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    ids = torch.arange(ROWS * TOKENS).reshape(ROWS, TOKENS) % vocabulary
    mask = torch.ones_like(ids)
    mask[1, TOKENS // 2 :] = 0
    return {"input_ids": ids, "attention_mask": mask}


def forecaster(model: Forecaster, windows: Tensors) -> Reading:
    """Give the graph of a forecaster, of which `windows` are an example; it sees histories of one length alone."""
    outputs = ("logits",) if model.config.num_classes else _Forecasting.OUTPUTS
    graph = Graph(MODEL, _Forecasting(model, outputs), windows, dict.fromkeys(windows, (0,)), outputs)
    is_choice = bool(model.config.num_classes)
    return Reading(graph, outputs[0], is_choice, facts={"outputs": list(outputs)})


class _Forecasting(nn.Module):
    OUTPUTS: ClassVar[Sequence[str]] = ("forecast", "assumed", "thin")

    def __init__(self, model: Forecaster, outputs: Sequence[str]) -> None:
        super().__init__()
        self.model, self.outputs = model, outputs

    def forward(self, **windows: Tensor) -> Tensors:
        found = self.model(**windows)
        return {name: found[name] for name in self.outputs}

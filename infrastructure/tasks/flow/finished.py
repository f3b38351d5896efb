"""A finished reader at work, by a model of torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from domain.task import Task
from infrastructure.code_reading.batching import Arrays
from infrastructure.models.flow.factory import FlowReader
from infrastructure.tasks.flow.adapter import FlowClassification
from infrastructure.tasks.flow.answering import FlowAnswers, Knowledge
from infrastructure.tasks.kind import Note, OnText
from infrastructure.tasks.labels.answering import ClassifierCard
from infrastructure.tasks.labels.finished import AnsweringLabels


@dataclass(frozen=True)
class FinishedFlow(FlowAnswers, AnsweringLabels):
    """Labels code with the lines that decide."""

    reader: FlowReader
    card: ClassifierCard
    task: Task

    @property
    def adapter(self) -> FlowClassification:
        """The task as the loop knows it."""
        return FlowClassification.of(self.reader.model.config, self.scoring, self.card.max_length)

    @cached_property
    def knowledge(self) -> Knowledge:
        """What the reader knows."""
        model = self.reader.model
        return Knowledge(self.reader.vocabulary, model.judging, model.config.marks, model.config.kinds)

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give of each text its label, the lines that decide it and the kind of weakness."""
        device = next(model.parameters()).device

        @torch.no_grad()
        def ask(windows: Arrays) -> Arrays:
            said = model(**{name: torch.from_numpy(array).to(device) for name, array in windows.items()})
            return {name: tensor.float().cpu().numpy() for name, tensor in said.items()}

        return self.told(ask, inputs, note)

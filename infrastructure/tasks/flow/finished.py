"""A finished reader at work: labels with the lines that decide them and the kind of weakness."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit
from torch import Tensor, nn

from domain.task import Task
from infrastructure.data.labels.annotating import Annotated
from infrastructure.data.labels.carried import CWE, MARKS, PART
from infrastructure.data.labels.rows import LabelledRows
from infrastructure.models.flow.factory import FlowReader
from infrastructure.models.flow.grams import grams_of
from infrastructure.models.flow.vocabulary import Encoded
from infrastructure.models.flow.windows import lines_of, windows_of
from infrastructure.tasks.flow.adapter import FlowClassification
from infrastructure.tasks.flow.rows import FlowRows, bounded, flow_rows
from infrastructure.tasks.kind import Note, OnText
from infrastructure.tasks.labels.answering import ClassifierCard
from infrastructure.tasks.labels.finished import AnsweringLabels
from infrastructure.tasks.labels.scoring import LabelScoring, labelled

# From this probability on a token makes its line one that is told.
LEAST_SCORE = 0.5
# Of the texts that are asked together: a megabyte of code has some hundred windows.
WINDOWS_AT_ONCE = 512
CARRIED = (MARKS, CWE, PART)


@dataclass(frozen=True)
class FinishedFlow(AnsweringLabels):
    """Labels code with the lines that decide."""

    reader: FlowReader
    card: ClassifierCard
    task: Task
    carried: ClassVar[tuple[str, ...]] = CARRIED

    @property
    def adapter(self) -> FlowClassification:
        """The task as the loop knows it."""
        scoring = LabelScoring(self.card.labels, negative_label=self.task.negative_label)
        config = self.reader.model.config
        return FlowClassification.of(config, scoring, self.card.max_length)

    def ready(self, rows: LabelledRows, indices: np.ndarray) -> FlowRows:
        """Read some rows into ids."""
        config = self.reader.model.config
        return flow_rows(rows, indices, tuple(self.labels), self.reader.vocabulary, config.marks, config.kinds)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a text."""
        return {"label": None, "scores": None, "cwe": None, "lines": None, "error": reason}

    def answers(
        self, model: nn.Module, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give of each text `label` and `scores` (probabilities).

        Where the label names a weakness, `cwe` is its likeliest kind, if the model knows any, and `lines` are those
        that decide it, the worst first, counted from 1.
        """
        group: list[tuple[Annotated, Encoded]] = []
        num_windows = 0
        for read in self.card.as_read(inputs, note):
            encoded = self.reader.vocabulary.encode(bounded(read.text))
            count = len(windows_of(encoded.ids, self.card.max_length))
            if group and num_windows + count > WINDOWS_AT_ONCE:
                yield from self._answered(model, group)
                group, num_windows = [], 0
            group.append((read, encoded))
            num_windows += count
        if group:
            yield from self._answered(model, group)

    def _answered(self, model: nn.Module, group: Sequence[tuple[Annotated, Encoded]]) -> Iterator[Mapping[str, Any]]:
        encoded, adapter = [one for _, one in group], self.adapter
        batch = adapter.collate([one.item() for one in encoded], None)
        device = next(model.parameters()).device
        marks, verdict = adapter.read(model, {name: tensor.to(device) for name, tensor in batch.items()})
        worst = marks[..., 0].cpu()  # [W, L]
        kinds = verdict.kinds.argmax(-1).cpu()
        of_tokens = self._of_tokens(encoded, worst)
        for row, answer in enumerate(labelled(verdict.logits.cpu().numpy(), self.card.labels)):
            is_weak = answer["label"] != self.task.negative_label
            yield {
                **answer,
                "cwe": self._kind(int(kinds[row])) if is_weak else None,
                "lines": self._lines(*group[row], of_tokens[row]) if is_weak else [],
            }

    def _of_tokens(self, encoded: Sequence[Encoded], worst: Tensor) -> list[np.ndarray]:
        """Give of each token [L] of each text how likely it decides, from scores of windows [W, L].

        That is the greatest score that it has in any window, and what runs of tokens say that end in its line.
        """
        found, window = [], 0
        for one in encoded:
            scores = np.full(len(one.ids), -np.inf, dtype=np.float32)
            for start, end in windows_of(one.ids, self.card.max_length):
                said = worst[window, 1 : 1 + end - start].float().numpy()
                scores[start:end] = np.maximum(scores[start:end], said)
                window += 1
            if self.reader.model.grams is not None:
                shares = self.reader.model.grams.shares(grams_of(one.ids, len(self.reader.vocabulary)))
                line = lines_of(one.ids)
                scores += np.bincount(line, shares)[line].astype(np.float32)
            found.append(expit(scores))
        return found

    def _lines(self, read: Annotated, encoded: Encoded, scores: np.ndarray) -> list[int]:
        """Give the lines of the code that decide, counted without what stands in front of it."""
        in_code = encoded.spans[:, 0] >= read.offset_of(0)
        lines = lines_told(bounded(read.text), encoded.spans[in_code], scores[in_code])
        return [line - read.num_headers for line in lines]

    def _kind(self, place: int) -> str | None:
        kinds = self.reader.model.config.kinds
        return f"CWE-{kinds[place]}" if kinds and kinds[place] else None


def lines_told(text: str, spans: np.ndarray, scores: np.ndarray) -> list[int]:
    """Give the lines, counted from 1, of tokens that score enough, the best first; where none does, that of the best.

    Shapes: spans [L, 2] in characters, scores [L] probabilities.
    """
    if not len(scores):
        return []
    chosen = np.flatnonzero(scores >= min(LEAST_SCORE, float(scores.max())))
    breaks = np.flatnonzero(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32) == ord("\n"))
    best: dict[int, float] = {}
    for place in chosen:
        line = int(np.searchsorted(breaks, spans[place, 0])) + 1
        best[line] = max(best.get(line, 0.0), float(scores[place]))
    return sorted(best, key=lambda line: (-best[line], line))

"""Answers of a reader that follows values: labels with the lines that decide them and the kind of weakness."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from infrastructure.code_reading.batching import Arrays, Windowing, asked_in_parts
from infrastructure.code_reading.grams import grams_of
from infrastructure.code_reading.verdict import Judging
from infrastructure.code_reading.vocabulary import Encoded, Vocabulary
from infrastructure.code_reading.windows import lines_of, windows_of
from infrastructure.data.labels.annotating import Annotated
from infrastructure.data.labels.carried import CWE, MARKS, PART
from infrastructure.data.labels.rows import LabelledRows
from infrastructure.tasks.flow.rows import FlowRows, bounded, flow_rows
from infrastructure.tasks.kind import Note
from infrastructure.tasks.labels.answering import LabelAnswers
from infrastructure.tasks.labels.scoring import labelled

# From this probability on a token makes its line one that is told.
LEAST_SCORE = 0.5
# Of the texts that are asked together: a megabyte of code has some hundred windows.
WINDOWS_AT_ONCE = 512
CARRIED = (MARKS, CWE, PART)
# Of what `INPUTS` windows take to `marks` [W, L, M] and `kinds` [W, K], scores in fp32.
Ask = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class Knowledge:
    """What a finished reader knows beside its layers: words, how it judges, and the names of what it tells."""

    vocabulary: Vocabulary
    judging: Judging
    mark_names: Sequence[str]
    kinds: Sequence[int]


class FlowAnswers(LabelAnswers, ABC):
    """Labels code with the lines that decide, whatever computes the model: it is asked by arrays."""

    carried: ClassVar[tuple[str, ...]] = CARRIED

    @property
    @abstractmethod
    def knowledge(self) -> Knowledge:
        """What the reader knows."""

    def ready(self, rows: LabelledRows, indices: np.ndarray) -> FlowRows:
        """Read some rows into ids."""
        known = self.knowledge
        return flow_rows(rows, indices, tuple(self.labels), known.vocabulary, known.mark_names, known.kinds)

    def unanswered(self, reason: str) -> Mapping[str, Any]:
        """Answer a row without a text."""
        return {"label": None, "scores": None, "cwe": None, "lines": None, "error": reason}

    def told(self, ask: Ask, inputs: Sequence[str], note: Note) -> Iterator[Mapping[str, Any]]:
        """Give of each text `label` and `scores` (probabilities).

        Where the label names a weakness, `cwe` is its likeliest kind, if the model knows any, and `lines` are those
        that decide it, the worst first, counted from 1.
        """
        group: list[tuple[Annotated, Encoded]] = []
        num_windows = 0
        for read in self.card.as_read(inputs, note):
            encoded = self.knowledge.vocabulary.encode(bounded(read.text))
            count = len(windows_of(encoded.ids, self.card.max_length))
            if group and num_windows + count > WINDOWS_AT_ONCE:
                yield from self._answered(ask, group)
                group, num_windows = [], 0
            group.append((read, encoded))
            num_windows += count
        if group:
            yield from self._answered(ask, group)

    def judged(self, ask: Ask, items: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give of rows in ids log-probabilities of labels [B, C], scores of kinds [B, K], and of tokens [W, L]."""
        known = self.knowledge
        knows_grams = known.judging.grams is not None
        windowing = Windowing(len(known.vocabulary), self.card.max_length, knows_grams=knows_grams)
        batch = windowing.batch(items)
        said = asked_in_parts(ask, batch)
        logits, kinds = known.judging.verdict(said, batch)
        return logits, kinds, said["marks"][..., 0]

    def _answered(self, ask: Ask, group: Sequence[tuple[Annotated, Encoded]]) -> Iterator[Mapping[str, Any]]:
        encoded = [one for _, one in group]
        logits, kinds, worst = self.judged(ask, [one.item() for one in encoded])
        of_tokens = self._of_tokens(encoded, worst)
        for row, answer in enumerate(labelled(logits, self.card.labels)):
            is_weak = answer["label"] != self.task.negative_label
            yield {
                **answer,
                "cwe": self._kind(int(kinds[row].argmax())) if is_weak else None,
                "lines": self._lines(*group[row], of_tokens[row]) if is_weak else [],
            }

    def _of_tokens(self, encoded: Sequence[Encoded], worst: np.ndarray) -> list[np.ndarray]:
        """Give of each token [L] of each text how likely it decides, from scores of windows [W, L].

        That is the greatest score that it has in any window, and what runs of tokens say that end in its line.
        """
        found, window, grams = [], 0, self.knowledge.judging.grams
        for one in encoded:
            scores = np.full(len(one.ids), -np.inf, dtype=np.float32)
            for start, end in windows_of(one.ids, self.card.max_length):
                scores[start:end] = np.maximum(scores[start:end], worst[window, 1 : 1 + end - start])
                window += 1
            if grams is not None:
                shares = grams.shares(grams_of(one.ids, len(self.knowledge.vocabulary)))
                line = lines_of(one.ids)
                scores += np.bincount(line, shares)[line].astype(np.float32)
            found.append(np.exp(-np.logaddexp(0.0, -scores)))
        return found

    def _lines(self, read: Annotated, encoded: Encoded, scores: np.ndarray) -> list[int]:
        """Give the lines of the code that decide, counted without what stands in front of it."""
        in_code = encoded.spans[:, 0] >= read.offset_of(0)
        lines = lines_told(bounded(read.text), encoded.spans[in_code], scores[in_code])
        return [line - read.num_headers for line in lines]

    def _kind(self, place: int) -> str | None:
        kinds = self.knowledge.kinds
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

"""How a label is told: with its score, those that follow it, and whether it is certain enough."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

from application.answers import NUMBER, TEXT, Column
from domain.exceptions import ConfigurationError
from domain.rules import between, whole

# Not for people: asks for `is_cut` beside an answer, which says that a model has read the beginning of a text alone.
TELLS_CUT = "tells_cut"
LABEL_OPTIONS = ("top_k", "threshold")
OF_A_LABEL = ("label", "scores")
DIGITS = 6
UNSURE = "unsure"
_ORDINALS = ("", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass
class Labels:
    """Turns `label` and `scores` of all labels into what was asked for, and counts what is unsure.

    Each answer has `label` and its `score`. With `top_k` it also has `second_label`, `second_score` and so on; without
    it keeps the `scores` of all. Below `threshold` the label is "unsure", and `likeliest` what it would have been.
    Scores have 6 digits.
    """

    names: Sequence[str]
    top_k: int | None = None
    threshold: float | None = None
    num_unsure: int = field(default=0, init=False)
    num_told: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Choose the word for an unsure answer: one that is no label."""
        self.unsure = UNSURE
        taken = {name.casefold() for name in self.names}
        while self.unsure in taken:
            self.unsure += "?"

    @staticmethod
    def require(options: Mapping[str, Any]) -> None:
        """Want options that can be. Raises: ConfigurationError naming each that cannot."""
        faults: list[str] = []
        if options.get("top_k") is not None:
            faults += whole("top_k", options["top_k"], at_least=1)
        if options.get("threshold") is not None:
            faults += between("threshold", options["threshold"], 0.0, 1.0, above=True)
        if faults:
            raise ConfigurationError.of(faults)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Give the columns of a table of answers; `scores` do not fit into one."""
        of_ranks = [
            Column(name, kind) for rank in self._ranks() for name, kind in zip(rank, (TEXT, NUMBER), strict=True)
        ]
        return (*of_ranks, *([Column("likeliest", TEXT)] if self.threshold is not None else []))

    def told(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Tell an answer as asked; nulls stay nulls."""
        scores: Mapping[str, float] | None = answer["scores"]
        best = nlargest(self._num_ranks, scores, key=scores.__getitem__) if scores else []
        told: dict[str, Any] = {}
        for place, (label, score) in enumerate(self._ranks()):
            name = best[place] if place < len(best) else None
            told |= {label: name, score: None if name is None or scores is None else round(scores[name], DIGITS)}
        told["label"] = answer["label"]  # as the model has it where two are alike
        if self.threshold is not None:
            told["likeliest"] = answer["label"]
            self.num_told += scores is not None
            if scores and round(scores[answer["label"]], DIGITS) < self.threshold:  # what is written says so too
                self.num_unsure += 1
                told["label"] = self.unsure
        if self.top_k is None:
            told["scores"] = scores and {name: round(score, DIGITS) for name, score in scores.items()}
        own = told.keys() | {"scores"}
        before = {name: cell for name, cell in answer.items() if name not in own and name != "error"}
        return {**before, **told, **({"error": answer["error"]} if "error" in answer else {})}

    def facts(self) -> Iterator[str]:
        """Say at the end what share is unsure, and what of `top_k` could not be given."""
        if self.threshold is not None:
            share = self.num_unsure / self.num_told if self.num_told else 0.0
            yield (
                f"{self.num_unsure:,} of {self.num_told:,} answers ({share:.1%}) are below the threshold"
                f" {self.threshold:g}: their label is {self.unsure!r}, and `likeliest` says what it would have been."
            )
        if self.top_k is not None and self.top_k > len(self.names):
            yield f"the model has {len(self.names):,} labels, and all of them are given."

    @property
    def _num_ranks(self) -> int:
        return min(self.top_k or 1, len(self.names))

    def _ranks(self) -> Iterator[tuple[str, str]]:
        for place in range(self._num_ranks):
            word = f"{_ordinal(place)}_" if place else ""
            yield f"{word}label", f"{word}score"


def _ordinal(place: int) -> str:
    """Name a place that is counted from 0: second, third, 11th, 22nd."""
    if place < len(_ORDINALS):
        return _ORDINALS[place]
    number = place + 1
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"

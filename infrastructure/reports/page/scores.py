"""What a model is worth, beside what is reached without one, as blocks of a page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.headlines import BASELINES, MEANINGS, headlines_of, label_of, over_series_told, score_of
from domain.interval import CONFIDENCE
from domain.metrics import is_undefined
from domain.rivals import remark_on
from domain.words import Words
from infrastructure.reports.page.blocks import Bar, Bars, Block, Column, Folded, Paragraph, Table

# Between 0 and 1, and seen as bars beside each other.
_SHARES = ("accuracy", "macro_f1", "exact_match", "parses")


@dataclass(frozen=True)
class Scores:
    """Metrics, those of rivals under names such as `majority_accuracy`, and the intervals of both by these names."""

    metrics: Mapping[str, Any]
    baselines: Mapping[str, Any]
    intervals: Mapping[str, tuple[float, float]]
    words: Words = field(default_factory=Words)

    def blocks(self) -> list[Block]:
        """Show the headlines beside the rivals, and every other number for those who ask."""
        names = [name for name in headlines_of(self.metrics) if not is_undefined(self.metrics[name])]
        found: list[Block] = [self._bars(name) for name in names if name in _SHARES and self._beside(name)]
        if known := [MEANINGS[name] for name in (*names, *self._rivals(names)) if name in MEANINGS]:
            found.append(Paragraph(" ".join(known), "note"))
        for rival, called in BASELINES.items():
            if told := remark_on(rival, {**self.metrics, **self.baselines}):
                found.append(Paragraph(f"{called[0].upper()}{called[1:]} {told}.", "note"))
        found.append(self._table(names))
        if over_series := over_series_told(self.metrics):
            found.append(Paragraph(f"Over series: {over_series}."))
        if self.intervals:
            found.append(
                Paragraph(
                    f"Ranges hold the true value with {CONFIDENCE:.0%} confidence: what other rows of this kind would"
                    " change. Another seed of the training changes more.",
                    "note",
                )
            )
        others = {
            name: value
            for name, value in self.metrics.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and name not in names
        }
        if others:
            rows = [[name, None if is_undefined(value) else value, *self._ends(name)] for name, value in others.items()]
            columns = [Column("metric"), Column("value", "number"), Column("from", "number"), Column("to", "number")]
            found.append(Folded("All other numbers", [Table("Metrics", columns, rows, rows_shown=60)]))
        return found

    def sentence(self, name: str) -> str:
        """Say one metric, how sure it is, and what rivals reach in it."""
        ends = self.intervals.get(name)
        range_told = f" ({score_of(name, ends[0])} to {score_of(name, ends[1])})" if ends else ""
        rivals = [f"{BASELINES[rival]} {score_of(name, value)}" for rival, value in self._beside(name).items()]
        beside = f", beside {' and '.join(rivals)}" if rivals else ""
        return f"{label_of(name, self.words)} {score_of(name, self.metrics.get(name))}{range_told}{beside}"

    def rivals(self, name: str) -> dict[str, float]:
        """Give what rivals reach in a metric, by what they are called."""
        return {BASELINES[rival]: float(value) for rival, value in self._beside(name).items()}

    def _beside(self, name: str) -> dict[str, Any]:
        found = {rival: self.baselines.get(f"{rival}_{name}") for rival in BASELINES}
        return {rival: value for rival, value in found.items() if not is_undefined(value)}

    def _rivals(self, names: list[str]) -> list[str]:
        return [rival for rival in BASELINES if any(rival in self._beside(name) for name in names)]

    def _bars(self, name: str) -> Bars:
        bars = [Bar("this model", self.metrics[name], *self._ends(name))]
        for number, (rival, value) in enumerate(self._beside(name).items()):
            bars.append(Bar(BASELINES[rival], value, *self._ends(f"{rival}_{name}"), hue=3 + number % 3))
        return Bars(label_of(name, self.words), bars, share=True)

    def _table(self, names: list[str]) -> Table:
        rivals = self._rivals(names)
        ranges = [Column("range")] if any(name in self.intervals for name in names) else []
        columns = [Column("metric"), Column("this model"), *ranges, *(Column(BASELINES[rival]) for rival in rivals)]
        rows = []
        for name in names:
            low, high = self._ends(name)
            told = None if low is None else f"{score_of(name, low)} to {score_of(name, high)}"
            beside = self._beside(name)
            others = [score_of(name, beside[rival]) if rival in beside else None for rival in rivals]
            own = [score_of(name, self.metrics[name]), *([told] if ranges else [])]
            rows.append([label_of(name, self.words), *own, *others])
        return Table("Scores", columns, rows)

    def _ends(self, name: str) -> tuple[float | None, float | None]:
        return self.intervals.get(name, (None, None))

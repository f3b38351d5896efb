"""How a training went, as charts that a reader sees by step, by epoch or by time."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.headlines import label_of
from domain.metrics import MetricEntry, direction_of, is_better
from domain.words import Words
from infrastructure.reports.page.blocks import Axis, Block, Chart, Choice, Level, Line, Mark

_LOG_FROM_RATIO = 20
_TRAINING, _EVALUATION, _RATE = 0, 1, 3


@dataclass(frozen=True)
class Curves:
    """Logged values of a run. `metric` chose the best model, `rivals` are what others reach in it."""

    entries: Sequence[MetricEntry]
    metric: str
    rivals: Mapping[str, float]
    steps_per_epoch: float
    words: Words

    def blocks(self) -> list[Block]:
        """Draw the loss, the metric where it is another, and the learning rate."""
        first = min((entry.timestamp for entry in self.entries), default=0.0)
        axes: dict[str, tuple[str, Callable[[MetricEntry], float]]] = {
            "by step": ("optimizer step", lambda entry: float(entry.step or 0)),
            "by epoch": ("epoch", lambda entry: (entry.step or 0) / self.steps_per_epoch),
            "by time": ("minutes since the start, pauses included", lambda entry: (entry.timestamp - first) / 60),
        }
        titles = {"Loss": self._loss}
        if self.metric != "loss":
            titles[f"{label_of(self.metric, self.words)} of the evaluation part"] = self._score
        titles["Learning rate"] = self._learning_rate
        return [
            Choice(title, {view: draw(Axis(name), place) for view, (name, place) in axes.items()})
            for title, draw in titles.items()
        ]

    def _loss(self, x: Axis, place: Callable[[MetricEntry], float]) -> Chart:
        lines = [
            self._line("training, as logged", "train_loss", place, _TRAINING, "dots"),
            self._line("training, smoothed", "train_loss_ema", place, _TRAINING, "solid"),
            self._line("evaluation", "eval_loss", place, _EVALUATION, "solid"),
        ]
        known = [value for line in lines for value in line.y if value is not None and math.isfinite(value)]
        log = bool(known) and min(known) > 0 and max(known) > _LOG_FROM_RATIO * min(known)
        is_metric = self.metric == "loss"
        return Chart(
            "", x, Axis(self.words.loss, log=log), lines, self._told("eval_loss"),
            levels=self._levels() if is_metric else (), marks=self._best(place) if is_metric else (),
        )  # fmt: skip

    def _score(self, x: Axis, place: Callable[[MetricEntry], float]) -> Chart:
        name = f"eval_{self.metric}"
        line = self._line(label_of(self.metric, self.words), name, place, _EVALUATION, "solid")
        label = label_of(self.metric, self.words)
        return Chart("", x, Axis(label), [line], self._told(name), levels=self._levels(), marks=self._best(place))

    def _learning_rate(self, x: Axis, place: Callable[[MetricEntry], float]) -> Chart:
        line = self._line("", "learning_rate", place, _RATE, "solid")
        return Chart("", x, Axis("learning rate"), [line], self._told("learning_rate"))

    def _line(self, label: str, name: str, place: Callable[[MetricEntry], float], hue: int, style: str) -> Line:
        series = self._series(name)
        return Line(label, [place(entry) for entry in series], [entry.value for entry in series], hue, style)  # type: ignore[arg-type]  # one of three

    def _series(self, name: str) -> list[MetricEntry]:
        """Give the values of a metric by step; where a step was logged twice, as after a rollback, the later counts."""
        by_step = {entry.step: entry for entry in self.entries if entry.name == name and entry.step is not None}
        return [by_step[step] for step in sorted(by_step)]

    def _levels(self) -> list[Level]:
        rivals = enumerate(self.rivals.items())
        return [Level(f"{name} {value:.3g}", value, 3 + number % 3) for number, (name, value) in rivals]

    def _best(self, place: Callable[[MetricEntry], float]) -> list[Mark]:
        best: MetricEntry | None = None
        direction = direction_of(self.metric)
        for entry in self._series(f"eval_{self.metric}"):
            if is_better(entry.value, best.value if best else None, direction):
                best = entry
        return [] if best is None else [Mark(f"best: {best.value:.4g} at step {best.step:,}", place(best), best.value)]

    def _told(self, name: str) -> str:
        series = [entry for entry in self._series(name) if math.isfinite(entry.value)]
        if not series:
            return "Nothing was logged."
        first, last = series[0], series[-1]
        return f"From {first.value:.4g} at step {first.step:,} to {last.value:.4g} at step {last.step:,}."

"""Forecasts and directions of tables, by an exported forecaster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from application.phases import phase
from infrastructure.data.series.inputs import inputs_of
from infrastructure.data.series.windows import Windows
from infrastructure.exported.graph import Graph
from infrastructure.model_files.exports import Export
from infrastructure.tasks.kind import Card, Note, OnText
from infrastructure.tasks.labels.scoring import scored_labels
from infrastructure.tasks.scored import Scored
from infrastructure.tasks.series.asking import Arrays
from infrastructure.tasks.series.card import SeriesCard
from infrastructure.tasks.series.card_fields import DirectionCard, QuantileCard
from infrastructure.tasks.series.direction_answers import DirectionAnswers, labels_of
from infrastructure.tasks.series.forecast_answers import ForecastAnswers, pass_over
from infrastructure.tasks.series.scoring.passing import WINDOWS_AT_ONCE, read


@dataclass(frozen=True)
class ExportedForecaster(ForecastAnswers):
    """Forecasts what follows the last row of a table."""

    graph: Graph

    @classmethod
    def open(cls, directory: Path, card: Card, export: Export, device: str) -> "ExportedForecaster":
        """Open what is in a directory. Raises: ModelError, ConfigurationError."""
        graph = Graph(directory / export.graphs["model"], device)
        return cls(card=SeriesCard.read(card, directory, QuantileCard), graph=graph)

    def score(self, dataset_path: str) -> tuple[Windows, Scored]:
        """Score every window of a table. Raises: DatasetError."""
        table = self.card.open_table(dataset_path)
        windows = self.windows_of(table)
        with phase("scoring", len(windows)):
            found = read(self._ask, windows, pass_over(self.card, table))
        return windows, Scored(found.metrics(), found.outcomes(np.arange(len(windows))))

    def answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give a row for each target and horizon: its time, and the quantiles in the unit of the target."""
        return self.told(self._ask, inputs, note)

    def _ask(self, windows: Arrays) -> Arrays:
        return self.graph(inputs_of(windows))


@dataclass(frozen=True)
class ExportedDirection(DirectionAnswers):
    """Says where a price will be after the last row of a table."""

    graph: Graph

    @classmethod
    def open(cls, directory: Path, card: Card, export: Export, device: str) -> "ExportedDirection":
        """Open what is in a directory. Raises: ModelError, ConfigurationError."""
        graph = Graph(directory / export.graphs["model"], device)
        return cls(card=SeriesCard.read(card, directory, DirectionCard), scoring=card["scoring"], graph=graph)

    def score(self, dataset_path: str) -> tuple[Windows, Scored]:
        """Score every window of a table. Raises: DatasetError."""
        windows = self.windows_of(self.card.open_table(dataset_path))
        found: list[tuple[np.ndarray, np.ndarray]] = []
        with phase("scoring", len(windows)) as done:
            for start in range(0, len(windows), WINDOWS_AT_ONCE):
                cut = windows.cut(windows.anchors[start : start + WINDOWS_AT_ONCE])
                found.append((self._ask(cut)["logits"], cut["labels"]))
                done.advance(len(cut["labels"]))
        logits, labels = (np.concatenate(each) for each in zip(*found, strict=True))
        return windows, scored_labels(labels_of(self.scoring), logits, labels)

    def answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: OnText | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the last row's `time` (or `row`), `label` and `scores` (probabilities), of each instrument."""
        return self.told(self._ask, inputs, note)

    def _ask(self, windows: Arrays) -> Arrays:
        return self.graph(inputs_of(windows))

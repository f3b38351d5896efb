"""Tell how a model does on each part that rows were divided into."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from domain.headlines import label_of, score_with_range
from domain.showing import harmless
from domain.words import Words
from presentation.cli.classes import write_numbers

MAX_PARTS_SHOWN = 8
LEAST_BESIDE = 30  # the shortest name of a part, the count of its rows, and what stands between columns


def write_parts(console: Console, metrics: Mapping[str, Any], words: Words, place_of_all: str) -> None:
    """Write a line for each part, with its range where there is room, and why one has no score."""
    parts: Mapping[str, Mapping[str, Any]] = metrics.get("per_part", {})
    if not parts:
        return
    shown = dict([*parts.items()][:MAX_PARTS_SHOWN])
    name = "youden_j" if any("youden_j" in scores for scores in shown.values()) else "accuracy"

    def numbers(with_ranges: bool) -> list[list[str]]:
        return [
            [
                score_with_range(name, scores[name], scores["interval"] if with_ranges else None),
                f"{scores['num_rows']:,}",
            ]
            for scores in shown.values()
        ]

    has_room = max(len(cells[0]) for cells in numbers(True)) + LEAST_BESIDE <= console.width
    heads = (label_of(name, words), words.fed)
    write_numbers(console, ("part",), [(part,) for part in shown], heads, numbers(has_room))
    for part, scores in shown.items():
        if "undefined" in scores:
            console.print(harmless(f" {part}: no {label_of(name, words)}, for {scores['undefined']}"), soft_wrap=True)
    if len(parts) > len(shown):
        console.print(f"all {len(parts)} parts: {place_of_all}")

"""Tell how a model does on each class: all of a few, and of many the worst and what they are taken for."""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.headlines import Headline
from domain.showing import harmless
from domain.words import counted

MAX_CLASSES_SHOWN = 12
MAX_SHOWN_OF_MANY = 10
LEAST_LABEL = 8  # a narrower label is no label
PER_CLASS = Headline("", ".3f")
SCORES = ("precision", "recall", "f1")


def write_classes(console: Console, metrics: Mapping[str, Any], rows: str, place_of_all: str) -> None:
    """Write a line for each class; of many, the worst ones and the most confused pairs, and where all of them are."""
    classes: Mapping[str, Mapping[str, Any]] = metrics.get("per_class", {})
    if len(classes) <= MAX_CLASSES_SHOWN:
        if classes:
            _write_scores(console, classes, rows)
        return
    judged = {label: scores for label, scores in classes.items() if scores["support"]}
    worst = sorted(judged, key=lambda label: (judged[label]["f1"], -judged[label]["support"]))[:MAX_SHOWN_OF_MANY]
    unjudged = len(classes) - len(judged)
    none_of = f" ({unjudged:,} without {rows} here)" if unjudged else ""
    console.print(f"worst {len(worst)} of {len(classes):,} classes by F1{none_of}", style="bold")
    _write_scores(console, {label: judged[label] for label in worst}, rows)
    pairs = confused_pairs(metrics)[:MAX_SHOWN_OF_MANY]
    if pairs:
        console.print("most confused", style="bold")
        _write_pairs(console, pairs, rows)
    console.print(f"all {counted(len(classes), 'classes')}: {place_of_all}")


def confused_pairs(metrics: Mapping[str, Any]) -> list[tuple[str, str, int, float]]:
    """Give pairs of true label and wrong answer, how many rows are so and their share of the label's, most first."""
    labels, matrix = list(metrics.get("per_class", {})), metrics.get("confusion_matrix", ())
    wrong = (
        (count, count / sum(row), -true, -answer)  # of as many, those that come first
        for true, row in enumerate(matrix)
        for answer, count in enumerate(row)
        if count and answer != true
    )
    most = nlargest(MAX_SHOWN_OF_MANY, wrong)
    return [(labels[-true], labels[-answer], count, share) for count, share, true, answer in most]


def _write_scores(console: Console, classes: Mapping[str, Mapping[str, Any]], rows: str) -> None:
    numbers = [
        [*(PER_CLASS.text(scores[name]) for name in SCORES), f"{scores['support']:,}"] for scores in classes.values()
    ]
    write_numbers(console, ("label",), [(label,) for label in classes], (*SCORES, rows), numbers)


def _write_pairs(console: Console, pairs: Sequence[tuple[str, str, int, float]], rows: str) -> None:
    numbers = [[f"{count:,}", f"{share:.0%}"] for *_, count, share in pairs]
    names = [(true, answer) for true, answer, *_ in pairs]
    write_numbers(console, ("label", "answered"), names, (rows, "of the label"), numbers)


def write_numbers(
    console: Console,
    of_labels: Sequence[str],
    labels: Sequence[Sequence[str]],
    of_numbers: Sequence[str],
    numbers: Sequence[Sequence[str]],
) -> None:
    """Write labels, cut to the room that the numbers beside them leave, and the numbers."""
    taken = sum(max(map(cell_len, cells)) + 2 for cells in zip(of_numbers, *numbers, strict=True))
    room = max(LEAST_LABEL, (console.width - taken) // len(of_labels) - 2)
    table = Table(box=None)
    for name in of_labels:
        table.add_column(name, no_wrap=True)
    for name in of_numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for texts, cells in zip(labels, numbers, strict=True):
        table.add_row(*(_cut(text, room) for text in texts), *cells)
    console.print(table)


def _cut(label: str, room: int) -> Text:
    text = Text(harmless(label[: room + 1]))  # no letter is escaped to less than itself
    text.truncate(room, overflow="ellipsis")
    return text

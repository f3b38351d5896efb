"""What is told of rows that were built: a card for programs, sentences for people."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.code_rows import FILE, CodeRow
from domain.source_address import Address
from domain.task import SEVERITIES
from domain.weak_labels import LABEL_OF_FINDING, SAFE


def card_of(rows: Sequence[CodeRow], told: Sequence[Mapping[str, Any]], left_out: Mapping[str, int]) -> dict[str, Any]:
    """Tell of rows what a reader of them must know; `told` is what was read, a source each. No time is in it."""
    labels = Counter(row.label for row in rows)
    return {
        "task": "security_classification",
        "num_rows": len(rows),
        "num_pairs": sum(bool(row.pair_id) for row in rows) // 2,
        "labels": {label: labels[label] for label in SEVERITIES},
        "labelled_by": dict(sorted(Counter(row.labelled_by for row in rows).items())),
        "splits": dict(sorted(Counter(row.split for row in rows).items())),
        "licences": dict(sorted(Counter(row.licence for row in rows).items())),
        "sources": list(told),
        "left_out": {reason: count for reason, count in sorted(left_out.items()) if count},
        "label_of_finding": LABEL_OF_FINDING,
    }


def notes_on_sources(addresses: Sequence[Address], told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say at which commit a source was read that named none, and which gave nothing."""
    for address, project in zip(addresses, told, strict=True):
        if project["commit"] and not address.pin:
            uncommitted = "; what is not committed was not read" if address.directory is not None else ""
            yield f"{address.shown} was read at its HEAD, {project['commit']}{uncommitted}."
        if not project["functions"] and not project.get("pairs"):
            yield f"{address.shown} has no function to read."


def notes_on_rows(rows: Sequence[CodeRow], group: str, was_asked: bool) -> Iterator[str]:
    """Say what keeps a training from learning much; `was_asked` says that somebody chose the group."""
    families: dict[str, set[str]] = {}
    for row in rows:
        families.setdefault(row.label, set()).add(row.family)
    if group == FILE and not was_asked:
        yield "All rows are of one project, so files stay on one side of a split, and not projects."
    if set(families) == {SAFE}:
        yield "Every row is safe: there is nothing to learn from them."
        return
    if alone := [label for label in SEVERITIES if len(families.get(label, ())) == 1]:
        yield (
            f"Rows labelled {', '.join(alone)} stand in one {group} alone, and a training wants each label on both"
            " sides of its split: add sources."
        )

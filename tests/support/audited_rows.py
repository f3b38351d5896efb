"""Labelled rows whose faults are known: none, or those that were planted."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from application.use_cases.audit_dataset import AuditDatasetRequest
from domain.audit import Audit, Clones, Shortcut
from infrastructure.container import Container

Rows = list[dict[str, Any]]
LABELS = ("no", "yes")
WORDS_OF_A_TEXT = 30


def clean_rows(count: int, seed: int = 0, own_words: float = 0.015) -> Rows:
    """Give rows of two labels in turn, all different; so many of their words are more frequent in one label.

    With 0.015 a bag of words tells a little of the labels, with 0.4 nearly all.
    """
    drawn = random.Random(seed)
    common = [f"{_syllables(number)}e" for number in range(300)]
    own = {label: [f"{_syllables(number)}{label}" for number in range(30)] for label in LABELS}
    rows: Rows = []
    for number in range(count):
        label = LABELS[number % 2]
        length = drawn.randrange(WORDS_OF_A_TEXT, 2 * WORDS_OF_A_TEXT)
        words = [drawn.choice(own[label] if drawn.random() < own_words else common) for _ in range(length)]
        rows.append({"text": " ".join(words), "label": label})
    return rows


def with_column(rows: Sequence[Mapping[str, Any]], name: str, values: Sequence[Any]) -> Rows:
    """Give rows with one more column."""
    return [{**row, name: value} for row, value in zip(rows, values, strict=True)]


def flipped(rows: Rows, every: int) -> tuple[Rows, list[int]]:
    """Give every so manieth row the other label, of both labels as many; also gives their numbers."""
    wrong = [at + number % 2 for number, at in enumerate(range(3, len(rows) - 1, every))]
    others = dict(zip(LABELS, reversed(LABELS), strict=True))
    return [{**row, "label": others[row["label"]]} if at in wrong else row for at, row in enumerate(rows)], wrong


def file_of(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as JSON lines, so that row n stands in line n + 1."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def audited(train: Path, scored: Path | None = None, **asked: Any) -> Audit:
    """Audit files as the command does."""
    eval_dataset = None if scored is None else str(scored)
    request = AuditDatasetRequest(dataset_path=str(train), eval_dataset=eval_dataset, **asked)
    return Container().audit_dataset().execute(request)


def clones(audit: Audit, kind: str) -> Clones:
    """Give the clones of one kind."""
    return next(found for found in audit.clones if found.kind == kind)


def shortcut(audit: Audit, name: str) -> Shortcut:
    """Give one shortcut."""
    return next(found for found in audit.shortcuts if found.name == name)


def alarmed(audit: Audit) -> list[str]:
    """Name what an alarm was raised for."""
    return [alarm.finding for alarm in audit.alarms]


def _syllables(number: int) -> str:
    return "".join("bdfgklmnprst"[int(digit)] + "aeiou"[int(digit) % 5] for digit in f"{number:03d}")

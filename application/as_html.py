"""What a notebook shows of an answer: HTML with every text escaped and made harmless."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from os import fsencode
from pathlib import Path
from typing import Any
from urllib.parse import quote

from application.training import training_of
from domain.headlines import BASELINES, headlines_of, label_of, score_of
from domain.metrics import is_undefined
from domain.run_layout import RunLayout
from domain.showing import harmless
from domain.task import TASKS
from domain.words import Words

MAX_WARNINGS = 5


def scores_html(
    metrics: Mapping[str, Any],
    baselines: Mapping[str, Any],
    intervals: Mapping[str, Sequence[float]],
    task: str | None,
) -> str:
    """Write the headlines of a model, how sure they are, and what rivals reach, as a table."""
    known = TASKS.get(task or "")
    words = Words() if known is None else training_of(known).words
    names = [name for name in headlines_of(metrics) if not is_undefined(metrics[name])]
    rivals = [rival for rival in BASELINES if any(f"{rival}_{name}" in baselines for name in names)]
    head = ["", "this model", *(["range"] if any(name in intervals for name in names) else [])]
    rows = []
    for name in names:
        row = [label_of(name, words), score_of(name, metrics[name])]
        if len(head) > 2:
            row.append(" to ".join(score_of(name, end) for end in intervals.get(name, ())))
        rows.append([*row, *(score_of(name, baselines.get(f"{rival}_{name}")) for rival in rivals)])
    return _table([*head, *(BASELINES[rival] for rival in rivals)], rows) if rows else ""


def facts_html(facts: Mapping[str, str]) -> str:
    """Write names and what is known of them."""
    return _table((), [[name, fact] for name, fact in facts.items() if fact])


def told_html(sentences: Iterable[str], tone: str) -> str:
    """Write sentences below each other, `tone` before each; of many, how many are left out."""
    told = list(sentences)
    lines = "".join(f"<li><b>{tone}:</b> {_text(sentence)}</li>" for sentence in told[:MAX_WARNINGS])
    rest = f"<li>{len(told) - MAX_WARNINGS} more</li>" if len(told) > MAX_WARNINGS else ""
    return f"<ul>{lines}{rest}</ul>" if told else ""


def titled_html(title: str, *parts: str) -> str:
    """Write parts below a title."""
    return f"<div><p><b>{_text(title)}</b></p>{''.join(parts)}</div>"


def places_html(run_dir: str | None) -> str:
    """Link the page of a run and show its curves, where they are; a link is good for a notebook beside the run."""
    if not run_dir:
        return ""
    layout = RunLayout(Path(run_dir))
    pages = [path for path in (layout.report, layout.training_curves) if path.is_file()]
    links = " · ".join(f'<a href="{_address(path)}" target="_blank">{path.name}</a>' for path in pages)
    return f"<p>{_text(run_dir)} {links}</p>"


def _address(path: Path) -> str:
    """Write a path as a link: no letter of it begins a question, a fragment or, as in `javascript:`, a scheme."""
    return escape(quote(fsencode(path)), quote=True)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f"<th>{_text(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{heads}</tr></thead>' if head else ''}<tbody>{lines}</tbody></table>"


def _text(text: str) -> str:
    return "<br>".join(escape(harmless(line)) for line in text.split("\n"))

"""What a model is given has the same fingerprint from every format, and another where a text or a label differs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.task import task_named
from infrastructure.data.labels.loading import labelled_dataset, schema_of
from infrastructure.data.labels.rows import load_rows
from infrastructure.data.pairs.datasets import SourceTargetPairs
from infrastructure.data.pairs.rows import load_pairs
from infrastructure.data.sources.fields import sought
from infrastructure.data.text.documents import load_documents
from infrastructure.data.text.parts import whole_documents
from tests.support import tiny
from tests.support.formats import FORMATS, Columns

TEXTS = ["plain words", 'she said "no", and left', "one; two | three", "naïve", "5 € | 10 %", "it's", "a\\b", "=1+1"]
LABELS: Columns = {"names": ["pos", "neg"] * 4, "numbers": [1, 0] * 4, "truths": [True, False] * 4}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tokens() -> Any:
    return tiny.tokenizer()


def both(directory: Path, name: str, columns: Columns) -> list[Path]:
    """Write columns as JSON Lines and in another format."""
    paths = []
    for number, format_name in enumerate(("JSON Lines", name)):
        file, write = FORMATS[format_name]
        (directory / str(number)).mkdir()
        write(directory / str(number) / file, columns)
        paths.append(directory / str(number) / file)
    return paths


def fingerprint(path: Path, tokens: Any) -> str:
    rows = load_rows(path, schema_of(task_named("text_classification"), None, None, None))
    return labelled_dataset(rows, np.arange(len(rows)), tokens, 16, rows.label_names).fingerprint


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", FORMATS)
def test_of_labelled_rows(name: str, labels: str, tmp_path: Path, tokens: Any) -> None:
    paths = both(tmp_path, name, {"text": TEXTS, "label": LABELS[labels]})
    assert len({fingerprint(path, tokens) for path in paths}) == 1


@pytest.mark.parametrize("name", FORMATS)
def test_of_pairs_and_documents(name: str, tmp_path: Path, tokens: Any) -> None:
    columns: Columns = {"source": TEXTS, "target": TEXTS[::-1], "text": TEXTS}
    paths = both(tmp_path, name, columns)
    source, target = sought("source", ("source",)), sought("target", ("target",))
    pairs = [load_pairs(path, source, target) for path in paths]
    assert len({SourceTargetPairs(made, np.arange(8), tokens, 16).fingerprint for made in pairs}) == 1
    assert len({whole_documents(load_documents(path)).sha256 for path in paths}) == 1


def test_another_text_or_label_is_another_fingerprint(tmp_path: Path, tokens: Any) -> None:
    prints = set()
    for number, (name, end) in enumerate((("text", ""), ("text", "\u00a0"), ("label", "x"), ("text", " zz"))):
        columns: Columns = {"text": [*TEXTS], "label": [*LABELS["names"]]}
        columns[name][3] += end
        (tmp_path / str(number)).mkdir()
        prints.add(fingerprint(both(tmp_path / str(number), "CSV", columns)[1], tokens))
    assert len(prints) == 4

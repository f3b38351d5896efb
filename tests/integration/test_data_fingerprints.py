"""The fingerprint of a data set changes with every token, label, value and with their order."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infrastructure.data.labels.code_dataset import CodeDataset
from infrastructure.data.labels.loading import labelled_dataset
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.pairs.datasets import JoinedPairs, SourceTargetPairs
from infrastructure.data.pairs.rows import load_pairs
from infrastructure.data.some_rows import SomeRows
from infrastructure.data.sources.fields import sought
from infrastructure.data.text.blocks import token_blocks
from infrastructure.data.text.documents import load_documents
from infrastructure.data.text.parts import whole_documents
from infrastructure.models.tokenizer import train_bpe

TEXTS = ["one two three four", "five six seven", "two one four three", "eight nine ten"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def tokenizers() -> tuple[Any, Any]:
    """Give two tokenizers that give as many tokens but not the same ones."""
    first = train_bpe(TEXTS, 260, 0, document_start=False, end=False)
    rules = json.loads(first.backend_tokenizer.to_str())
    numbers = rules["model"]["vocab"]
    numbers["e"], numbers["!"] = numbers["!"], numbers["e"]
    second = type(first)(tokenizer_object=type(first.backend_tokenizer).from_str(json.dumps(rules)))
    second.add_special_tokens({"pad_token": first.pad_token, "sep_token": first.sep_token})
    return first, second


def labelled(tmp_path: Path, tokenizer: Any, texts: list[str], labels: str = "abab") -> CodeDataset:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": text, "label": label}) for text, label in zip(texts, labels, strict=True)]
    path.write_text("\n".join(lines))
    rows = load_rows(path, RowSchema(sought("text", ("text",))))
    # The file itself is set aside: what is compared is what the model would be given.
    object.__setattr__(rows, "sha256", "")
    return labelled_dataset(rows, np.arange(len(rows)), tokenizer, 16, rows.label_names)


def test_of_labelled_rows(tmp_path: Path, tokenizers: tuple[Any, Any]) -> None:
    first, second = tokenizers
    base = labelled(tmp_path, first, TEXTS)
    found = {
        base.fingerprint,
        labelled(tmp_path, first, TEXTS, "abba").fingerprint,
        labelled(tmp_path, first, TEXTS, "acac").fingerprint,
        labelled(tmp_path, first, [TEXTS[2], TEXTS[1], TEXTS[0], TEXTS[3]]).fingerprint,  # equal lengths
        labelled(tmp_path, second, TEXTS).fingerprint,
        CodeDataset(base.rows, base.tokens, base.indices[::-1].copy(), 0, base.label_names).fingerprint,
        SomeRows(base, base.lengths, 2).fingerprint,
    }
    assert len(found) == 7
    assert labelled(tmp_path, first, TEXTS).fingerprint == base.fingerprint


def test_of_pairs(tmp_path: Path, tokenizers: tuple[Any, Any]) -> None:
    path = tmp_path / "pairs.jsonl"
    found = set()
    for texts in (TEXTS, [TEXTS[2], TEXTS[1], TEXTS[0], TEXTS[3]]):
        path.write_text("\n".join(json.dumps({"a": text, "b": text}) for text in texts))
        rows = load_pairs(path, sought("source", ("a",)), sought("target", ("b",)))
        object.__setattr__(rows, "sha256", "")
        for kind in (JoinedPairs, SourceTargetPairs):
            for tokenizer in tokenizers:
                for order in (np.arange(4), np.arange(4)[::-1].copy()):
                    found.add(kind(rows, order, tokenizer, 64).fingerprint)
    assert len(found) == 16


def test_of_running_text(tmp_path: Path, tokenizers: tuple[Any, Any]) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(TEXTS))
    part = whole_documents(load_documents(path))
    found = {token_blocks(part, tokenizer, length).fingerprint for tokenizer in tokenizers for length in (4, 5)}
    assert len(found) == 4

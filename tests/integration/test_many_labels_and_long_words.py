"""What comes after a training, and learning a vocabulary, stay bounded for many labels and for words without end."""

import numpy as np
import pytest

from infrastructure.data.pairs.datasets import prompt_of
from infrastructure.data.tokens import tokenization
from infrastructure.data.tokens.tokenization import bounded
from infrastructure.models import tokenizer as tokenizers
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.labels import baselines
from infrastructure.tasks.labels.metrics import MAX_CLASSES_COMPARED, classification_metrics


@pytest.mark.parametrize("num_classes", [MAX_CLASSES_COMPARED, MAX_CLASSES_COMPARED + 1])
def test_a_confusion_matrix_is_kept_for_as_many_classes_as_somebody_may_look_at(num_classes: int) -> None:
    names = [f"l{number}" for number in range(num_classes)]
    labels = np.arange(20) % num_classes
    metrics = classification_metrics(np.eye(num_classes)[labels], labels, names)
    assert metrics["accuracy"] == 1.0
    assert ("confusion_matrix" in metrics) == (num_classes <= MAX_CLASSES_COMPARED)


def test_a_bag_of_words_learns_from_fewer_rows_the_more_classes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "MAX_SCORES", 100)
    texts = ["text"] * 60
    random = np.random.default_rng(0)
    assert len(baselines._sample(texts, 2, random)) == 50
    assert len(baselines._sample(texts, 10, random)) == 10


def test_a_word_without_end_is_learnt_from_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "LONGEST_WORD", 4)
    assert tokenizers._in_words("ab abcd abcdefghi\n") == "ab abcd abcd\nefgh\ni\n"
    assert tokenizers._in_words("ab  abcd") == "ab  abcd"


def test_a_text_without_end_is_encoded_by_its_head_in_training_and_in_predict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokenization, "LONGEST_READ", 200)
    tokenizer = train_bpe(["word " * 300], 260, 0, document_start=False, end=False)
    seen: list[int] = []

    def encode(texts: list[str], max_length: int | None) -> list[list[int]]:
        seen.extend(map(len, texts))
        return [[1] * min(3, max_length or 3) for _ in texts]

    (found,) = tokenization._encoded(["x" * 10_000], encode, 4)
    assert found == ([1, 1, 1], True)  # more was there than anybody read
    assert max(seen) == 200
    assert len(bounded("x" * 10_000, 100)) == 2400
    assert prompt_of(tokenizer, "word " * 100, 8) == prompt_of(tokenizer, "word " * 40, 8)

"""How a reader of few rows begins: runs of tokens, and what they say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from infrastructure.code_reading.grams import LONGEST, NONE, grams_of
from infrastructure.code_reading.vocabulary import VOCABULARY
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.flow.factory import FlowReader, Learnable, open_reader
from infrastructure.models.flow.grams import Grams
from infrastructure.tasks.flow.adapter import FlowClassification
from infrastructure.tasks.flow.start import start_from_grams
from infrastructure.tasks.labels.scoring import LabelScoring
from tests.support import flowing

WEAK = "def run(name):\n    return os.system(name)\n"
SAFE = "def run(name):\n    return os.system(0)\n"
TEXTS = [code.replace("name", other) for other in flowing.NAMES for code in (WEAK, SAFE)]
IS_WEAK = np.arange(len(TEXTS)) % 2 == 0


def begun(texts: list[str] = TEXTS, is_weak: np.ndarray = IS_WEAK) -> tuple[FlowReader, bool]:
    reader = FlowReader(flowing.reader(), flowing.WORDS)
    labels = np.where(is_weak, np.where(np.arange(len(texts)) % 4, 4, 3), 0)
    learnable = Learnable(flowing.LABELS, 0, (), np.where(labels == 4, 78, 22), labels)
    return reader, start_from_grams(reader, texts, learnable, np.ones(len(texts)))


def answers(reader: FlowReader, texts: list[str]) -> np.ndarray:
    sizes = reader.model.config.negative_label, len(reader.vocabulary), 64
    task = FlowClassification(LabelScoring(flowing.LABELS), *sizes, knows_grams=True)
    with torch.inference_mode():
        logits = task.logits(reader.model, task.collate([reader.vocabulary.encode(t).item() for t in texts], None))
    return logits.softmax(-1).numpy()


def weakness(reader: FlowReader, texts: list[str]) -> np.ndarray:
    return 1.0 - answers(reader, texts)[:, 0]


@pytest.mark.parametrize("size", [0, 1, 3, 40])
def test_equal_runs_alone_have_equal_numbers(size: int) -> None:
    ids = np.random.default_rng(size).integers(0, 9, size)
    numbers: dict[tuple[int, ...], set[int]] = {}
    for end, of_token in enumerate(grams_of(ids, 6)):
        for length, number in enumerate(of_token.tolist(), 1):
            run = tuple(np.minimum(ids, 6)[end + 1 - length : end + 1].tolist()) if length <= end + 1 else ()
            numbers.setdefault(run, set()).add(number)
    assert all(len(found) == 1 for found in numbers.values())
    assert len(set.union(set(), *numbers.values())) == len(numbers)
    assert numbers.get((), {NONE}) == {NONE}


def test_all_names_are_one() -> None:
    assert np.array_equal(grams_of(np.array([3, 10, 4]), 10), grams_of(np.array([3, 17, 4]), 10))


def test_what_tokens_add_is_the_score_of_their_text() -> None:
    rng = np.random.default_rng(1)
    known = np.unique(grams_of(rng.integers(0, 5, 60), 9))[1:]
    grams = Grams(len(known), 3)
    grams.take(known, rng.normal(size=(len(known), 3)), rng.uniform(1, 3, len(known)))
    text = grams_of(rng.integers(0, 6, 50), 9)
    distinct = torch.from_numpy(np.unique(text))
    score = grams(distinct, torch.zeros(len(distinct), dtype=torch.long), 1)
    assert grams.in_arrays().shares(text).sum() == pytest.approx(float(score[0, 0]), abs=1e-5)


def test_a_reader_begins_with_the_answers_of_a_regression(tmp_path: Path) -> None:
    reader, has_begun = begun()
    said = weakness(reader, TEXTS)
    assert has_begun
    assert (said[IS_WEAK] > 0.6).all()
    assert (said[~IS_WEAK] < 0.4).all()
    other = WEAK.replace("run", "go").replace("name", "unheard_of")
    assert weakness(reader, [other])[0] > 0.6
    ModelBundle(reader.model, beside={VOCABULARY: reader.vocabulary.text()}).save(tmp_path / "model", {})
    assert np.array_equal(weakness(open_reader(tmp_path / "model", flowing.LABELS), TEXTS), said)


@pytest.mark.parametrize("kinds", [[22, 78], []])
def test_it_begins_with_kinds_too(kinds: list[int]) -> None:
    forms = ["os.system(name)", "input(name)", "args"]
    texts = [f"def run(name):\n    return {form.replace('name', name)}\n" for name in flowing.NAMES for form in forms]
    labels, of_rows = np.tile([4, 3, 0], len(flowing.NAMES)), np.tile([78, 22, 0], len(flowing.NAMES))
    reader = FlowReader(flowing.reader(kinds=kinds), flowing.WORDS)
    if kinds:
        reader.model.severities.copy_(torch.tensor([[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    assert start_from_grams(reader, texts, Learnable(flowing.LABELS, 0, (), of_rows, labels), np.ones(len(texts)))
    assert np.array_equal(answers(reader, texts).argmax(1), labels)


@pytest.mark.parametrize(
    ("texts", "is_weak"),
    [(TEXTS, np.ones(len(TEXTS), dtype=bool)), (TEXTS, np.zeros(len(TEXTS), dtype=bool)), (["", "x"], IS_WEAK[:2])],
    ids=["weak", "safe", "nothing shared"],
)
def test_where_there_is_nothing_to_learn_nothing_is_begun(texts: list[str], is_weak: Any) -> None:
    reader, has_begun = begun(texts, is_weak)
    assert not has_begun
    assert reader.model.grams is None


def test_runs_tell_the_line_that_decides() -> None:
    reader, _ = begun()
    grams = reader.model.grams
    assert grams is not None
    encoded = reader.vocabulary.encode(WEAK)
    shares = grams.in_arrays().shares(grams_of(encoded.ids, len(reader.vocabulary)))
    assert encoded.spans[int(shares.argmax()), 0] >= WEAK.index("os.system")
    assert shares.shape == (len(encoded.ids),)
    assert LONGEST > 1

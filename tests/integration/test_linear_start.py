"""A preset that labels texts begins as a logistic regression on its tokens, and is never worse by its own measure."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from infrastructure.models.linear_start import start_linear
from infrastructure.models.presets import ENCODERS, encoder_config
from infrastructure.models.pretrained import new_model
from infrastructure.models.tokenizer import train_tokenizer
from infrastructure.tasks.labels.letters import TRIED, weight_of_letters
from infrastructure.tasks.labels.start import MAX_LABELS, begins_linear
from infrastructure.tasks.labels.token_scores import PENALTY, token_scores

TEXTS = ["the cat sat on the mat", "a dog ran after the cat", "rain falls on the roof", "snow and rain all day"] * 3


def rows(num_rows: int, num_tokens: int, num_labels: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw rows of which each label likes tokens of its own."""
    random = np.random.default_rng(seed)
    labels = random.integers(num_labels, size=num_rows)
    likes = random.dirichlet(np.full(num_tokens, 0.3), size=num_labels)
    return [random.choice(num_tokens, size=random.integers(3, 30), p=likes[label]) for label in labels], labels


@pytest.mark.parametrize("num_labels", [2, 5])
def test_scores_of_tokens_answer_as_the_logistic_regression_of_scikit_learn(num_labels: int) -> None:
    sequences, labels = rows(200, 40, num_labels, seed=num_labels)
    tokens = [chr(97 + number) for number in range(40)]  # of one letter, so that there are no groups of them
    found = token_scores(sequences, labels, tokens, num_labels, 0.2)
    counts = np.stack([np.bincount(sequence, minlength=40) for sequence in sequences])
    reference = LogisticRegression(C=1 / PENALTY, tol=1e-8, max_iter=2000)
    reference.fit(TfidfTransformer().fit_transform(counts), labels)
    answers = counts @ found.scores / counts.sum(axis=1, keepdims=True) + found.bias
    wanted = reference.predict(TfidfTransformer().fit(counts).transform(counts))
    # The mean of a row is another multiple of its scores than a length of 1, beside which the bias is the same.
    assert np.mean(answers.argmax(axis=1) == wanted) > 0.95


def test_a_piece_never_met_says_what_the_letters_of_others_say() -> None:
    tokens = ["goalkeeper", "goals", "banking", "banker", "goalpost", "bankrupt"]
    sequences = [np.array([0, 1]), np.array([0]), np.array([1, 1]), np.array([2, 3]), np.array([2]), np.array([3])]
    scores = token_scores(sequences, np.array([0, 0, 0, 1, 1, 1]), tokens, 2, 0.2).scores
    assert scores[4, 0] - scores[4, 1] > 0.1
    assert scores[5, 1] - scores[5, 0] > 0.1


def test_letters_weigh_as_rows_set_aside_want_it() -> None:
    random = np.random.default_rng(0)
    tokens = [f"{start}{number:03}" for start in ("sport", "money") for number in range(200)]
    labels = np.arange(120) % 2
    # What is said in new words each time is known by letters alone.
    new = [random.choice(200, size=3, replace=False) + 200 * label for label in labels]
    assert weight_of_letters(new, labels, np.arange(120), tokens, 2, None, seed=0) == max(TRIED)
    # Letters that only a family shares say nothing of other families.
    families = np.arange(120) // 6
    by_chance = random.permutation(20) % 2
    words = [f"{'abcdefghijklmnopqrst'[family] * 4}{number:02}" for family in range(20) for number in range(30)]
    told = [np.append(random.choice(30, size=3) + 30 * family, 600 + by_chance[family]) for family in families]
    letters = weight_of_letters(told, by_chance[families], families, [*words, "x", "y"], 2, None, seed=0)
    assert letters == min(TRIED)


def test_a_label_that_weighs_more_is_answered_more_often() -> None:
    sequences, labels = rows(100, 20, 2, seed=3)
    tokens = [chr(97 + number) for number in range(20)]
    plain = token_scores(sequences, labels, tokens, 2, 0.2)
    heavy = token_scores(sequences, labels, tokens, 2, 0.2, np.array([20.0, 1.0]))
    assert heavy.bias[0] - heavy.bias[1] > plain.bias[0] - plain.bias[1]


@pytest.mark.parametrize(("size", "num_labels"), [("encoder-tiny", 2), ("encoder-mini", 4), ("encoder-mini", 100)])
def test_an_encoder_begins_as_the_mean_of_the_scores_of_its_tokens(size: str, num_labels: int) -> None:
    tokenizer = train_tokenizer(TEXTS, 400, lowercase=True, seed=0)
    names = tuple(f"label {number}" for number in range(num_labels))
    model = new_model(
        "AutoModelForSequenceClassification", encoder_config(ENCODERS[size], tokenizer, names, 64, linear_start=True)
    ).eval()
    random = np.random.default_rng(0)
    scores, bias = random.normal(size=(len(tokenizer), num_labels)), random.normal(size=num_labels)
    start_linear(model, scores, bias)
    batch = tokenizer(TEXTS[:4], padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = torch.log_softmax(model(**batch)["logits"], dim=-1).numpy()
    mask = batch["attention_mask"].numpy()[:, :, None]
    wanted = (scores[batch["input_ids"].numpy()] * mask).sum(axis=1) / mask.sum(axis=1) + bias
    wanted -= np.log(np.exp(wanted).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(logits, wanted, atol=0.15)


def test_presets_begin_so_where_begins_linear() -> None:
    assert begins_linear(1_499 * 4, 4)
    assert not begins_linear(1_500 * 4, 4)
    assert begins_linear(10_000, 77)
    assert begins_linear(400, MAX_LABELS)
    assert not begins_linear(400, MAX_LABELS + 1)


def test_a_run_whose_training_makes_it_worse_keeps_what_it_began_with(tmp_path: Path) -> None:
    kinds = {"animal": ["cat", "dog", "horse", "mouse"], "weather": ["rain", "snow", "wind", "hail"]}
    texts = [
        {"text": f"{verb} the {word} {number}", "label": label}
        for label, words in kinds.items()
        for word in words
        for number in range(8)
        for verb in ("see", "hear")
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in texts))
    request = TrainModelRequest(
        task="text_classification", dataset_path=str(path), output_dir=str(tmp_path / "run"),
        model_name="encoder-tiny", epochs=2, learning_rate=0.5, average_decay=0.0, max_length=32, precision="fp32",
    )  # fmt: skip
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    assert (response.best_step, response.best_metric) == (0, 1.0)
    scored = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert next(entry["step"] for entry in scored if entry["name"] == "eval_macro_f1") == 0

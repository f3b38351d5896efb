"""What little is reached without a transformer: the figures a trained model has to beat."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from application.phases import phase
from infrastructure.auditing.bag_of_words import TOKEN_PATTERN, WORDS_IN_A_ROW, fewest_texts, linear_model, taught
from infrastructure.tasks.labels.metrics import averaged_scores, confusion_matrix, rates_of

BAG_OF_WORDS = "bow"  # before the names of its scores
MAX_ROWS = 20_000
MAX_SCORES = 1_000_000  # rows times classes, which the time of a round follows
MAX_CHARACTERS = 20_000
MAX_TOTAL_CHARACTERS = 20_000_000

Integers = NDArray[np.integer[Any]]


def bag_of_words_scores(confusion: NDArray[np.int64], negative: int | None = None) -> dict[str, float]:
    """Name the scores of its confusion matrix, with the rates where one class is the negative one."""
    scores = averaged_scores(confusion)
    kept = {name: scores[name] for name in ("accuracy", "macro_f1")} | rates_of(confusion, negative)
    return {f"{BAG_OF_WORDS}_{name}": value for name, value in kept.items()}


def bag_of_words_confusion(
    train_texts: Sequence[str],
    train_labels: Integers,
    eval_texts: Sequence[str],
    eval_labels: Integers,
    label_names: Sequence[str],
    seed: int,
    class_weights: Sequence[float] | None = None,
) -> NDArray[np.int64]:
    """Train a logistic regression on tf-idf of words and pairs of words, and count its answers.

    Gives the confusion matrix [C, C], a row for each true class.

    Shapes: one label (an index of label_names) for each text.
    `class_weights` [C] are those the model had. Learns from at most 20,000 rows and is scored on at most 20,000, fewer
    of more than 50 classes, both drawn with `seed`; reads the first 20,000 characters of a text, and fewer rows where
    they would exceed 20 million characters together. So it stays below about 15 s and 1 GB; past these limits the
    figures are estimates.
    """
    random = np.random.default_rng(seed)
    train_rows = _sample(train_texts, len(label_names), random)
    eval_rows = _sample(eval_texts, len(label_names), random)
    with phase("training a bag of words to compare with"):
        predicted = _fit_and_answer(
            [train_texts[row][:MAX_CHARACTERS] for row in train_rows],
            np.asarray(train_labels)[train_rows],
            [eval_texts[row][:MAX_CHARACTERS] for row in eval_rows],
            seed,
            class_weights,
        )
    return confusion_matrix(np.asarray(eval_labels)[eval_rows], predicted, len(label_names))


def _sample(texts: Sequence[str], num_classes: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Draw row numbers within the limits, ascending; all of them where there are no more."""
    rows = random.permutation(len(texts))[: min(MAX_ROWS, MAX_SCORES // num_classes)]
    characters = np.cumsum([min(len(texts[row]), MAX_CHARACTERS) for row in rows])
    return np.sort(rows[characters <= MAX_TOTAL_CHARACTERS])


def _fit_and_answer(
    train_texts: list[str],
    train_labels: Integers,
    eval_texts: list[str],
    seed: int,
    class_weights: Sequence[float] | None,
) -> Integers:
    """Give the predicted label of each evaluation text; the most frequent one where there is nothing to learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    classes, counts = np.unique(train_labels, return_counts=True)
    constant = np.full(len(eval_texts), classes[counts.argmax()])
    if len(classes) == 1:
        return constant
    vectoriser = TfidfVectorizer(
        token_pattern=TOKEN_PATTERN,
        ngram_range=WORDS_IN_A_ROW,
        sublinear_tf=True,
        min_df=fewest_texts(len(train_texts)),
    )
    try:
        features = vectoriser.fit_transform(train_texts)  # sparse [rows, terms]
    except ValueError:  # scikit-learn's word for "no term occurs often enough": texts that share nothing
        return constant
    weights = None if class_weights is None else dict(enumerate(class_weights))
    model = taught(linear_model(seed, weights), features, train_labels)
    answers: Integers = model.predict(vectoriser.transform(eval_texts))
    return answers

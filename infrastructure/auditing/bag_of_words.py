"""A bag of words and pairs of words with a linear model on it: what little is reached without understanding."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# Words, identifiers and numbers, and each punctuation character alone: in code `!`, `%` and `(` carry meaning.
TOKEN_PATTERN = r"\w+|[^\w\s]"
WORDS_IN_A_ROW = (1, 2)
TINY_ROWS = 200
TELLING_WORDS = 8
MOST_SEEDS = 2**32  # of scikit-learn


def linear_model(seed: int, class_weight: Mapping[int, float] | None = None) -> Any:
    """Give the logistic regression that learns from bags of words, untrained."""
    from sklearn.linear_model import LogisticRegression

    # On 9,776 news texts saga took 0.5 s where lbfgs took 2 s on one thread and 20 s on two, for the same accuracy.
    options = {"C": 10.0, "solver": "saga", "tol": 1e-3, "max_iter": 100}
    return LogisticRegression(**options, random_state=seed % MOST_SEEDS, class_weight=class_weight)


def taught(model: Any, features: Any, labels: NDArray[np.integer[Any]]) -> Any:
    """Teach a linear model; one that stops after 100 rounds is good enough to compare with."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)


def fewest_texts(num_texts: int) -> int:
    """Give in how many texts a word must stand to count, of so many."""
    return 1 if num_texts < TINY_ROWS else 2


@dataclass(frozen=True)
class Bags:
    """Texts as counts of their words [N, T], and the words [T]; None where no word is in enough texts."""

    counts: Any
    words: NDArray[np.object_]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Bags | None":
        """Count the words of texts."""
        from sklearn.feature_extraction.text import CountVectorizer

        vectoriser = CountVectorizer(
            token_pattern=TOKEN_PATTERN, ngram_range=WORDS_IN_A_ROW, min_df=fewest_texts(len(texts)), dtype=np.float32
        )
        try:
            counts = vectoriser.fit_transform(texts)
        except ValueError:  # scikit-learn's word for "no term occurs often enough": texts that share nothing
            return None
        return cls(counts, vectoriser.get_feature_names_out())

    def scores(self, learn: Integers, judge: Integers, labels: Integers, num_classes: int, seed: int) -> Floats:
        """Learn from some rows [L], and give the probabilities [J, C] of others [J]; labels are of all rows [N].

        What is learnt is what the rival in a report learns of the same rows. Where these have one label, it is the
        answer.
        """
        found = np.zeros((len(judge), num_classes))
        classes = np.unique(labels[learn])
        if len(classes) == 1:
            found[:, classes] = 1.0
            return found
        counts = self.counts[learn]
        frequent = np.flatnonzero(counts.getnnz(axis=0) >= fewest_texts(len(learn)))
        if not len(frequent):
            found[:, classes] = 1.0 / len(classes)
            return found
        weighted = _weighting().fit(counts[:, frequent])
        model = taught(linear_model(seed), weighted.transform(counts[:, frequent]), labels[learn])
        found[:, model.classes_] = model.predict_proba(weighted.transform(self.counts[judge][:, frequent]))
        return found

    def single(self, labels: Integers, num_classes: int) -> tuple[Integers, Floats]:
        """Find for each class the one word [C] that tells it best from the rest, and what it tells [C].

        That is how much more often a text of the class has the word than others do, in [-1, 1]; 0 without such a word.
        """
        there = self.counts.sign()
        best, told = np.zeros(num_classes, dtype=np.int64), np.zeros(num_classes)
        for label in np.unique(labels):
            is_it = labels == label
            if not is_it.all():
                shares = (np.asarray(there[rows].mean(axis=0)).ravel() for rows in (is_it, ~is_it))
                difference = np.subtract(*shares)
                best[label] = np.abs(difference).argmax()
                told[label] = difference[best[label]]
        return best, told

    def scores_of_single(self, learn: Integers, judge: Integers, labels: Integers, num_classes: int) -> Floats:
        """Give scores [J, C] of rows by the one word of each class that told it best in others [L]."""
        best, told = self.some(learn).single(labels[learn], num_classes)
        there = self.counts[judge][:, best].sign().toarray().astype(np.float64)  # [J, C]
        return 0.5 + 0.5 * there * np.sign(told)

    def some(self, rows: Integers) -> "Bags":
        """Give the bags of some rows."""
        return Bags(self.counts[rows], self.words)

    def telling(self, labels: Integers, num_classes: int, seed: int) -> list[tuple[str, ...]]:
        """Give the words that speak most for each class: by weight, times what its rows have of them beyond all rows.

        None of a class without rows, nor of any when all rows are of one.
        """
        if len(np.unique(labels)) < 2:
            return [()] * num_classes
        features = _weighting().fit_transform(self.counts)
        model = taught(linear_model(seed), features, labels)
        # Of two classes the one line speaks for the second.
        weights = np.vstack([-model.coef_, model.coef_]) if len(model.classes_) == 2 else model.coef_
        found: list[tuple[str, ...]] = [()] * num_classes
        overall = features.mean(axis=0)
        for weight, label in zip(weights, model.classes_, strict=True):
            strength = weight * np.asarray(features[labels == label].mean(axis=0) - overall).ravel()
            best = np.argsort(-strength, kind="stable")[:TELLING_WORDS]
            found[int(label)] = tuple(
                str(self.words[place]) for place in best if weight[place] > 0 and strength[place] > 0
            )
        return found


def _weighting() -> Any:
    from sklearn.feature_extraction.text import TfidfTransformer

    return TfidfTransformer(sublinear_tf=True)

"""What a bag of words learns of the labels: rows it doubts, shortcuts beside it, and what its score is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from application.phases import phase
from domain.audit import BAG_OF_WORDS, LENGTH, POSITION, SINGLE_WORD, DoubtfulLabel, Noise, Shortcut, TellingWords
from infrastructure.auditing.bag_of_words import Bags, Floats, Integers
from infrastructure.auditing.columns_beside import NO_GROUP
from infrastructure.auditing.folds import auc_of, by_number, by_value, folds_of, judged
from infrastructure.auditing.sides import Sides
from infrastructure.data.labels.splitting import connected
from infrastructure.statistics.confident_learning import Candidates, candidates_of, joint_of, thresholds_of

MAX_DOUBTS = 50
# A name that most rows have alone tells nothing of others.
ROWS_OF_A_NAME = 3


@dataclass(frozen=True)
class LearntWords:
    """A bag of words over rows of both parts, the training part first; `groups` [N] are held out as a whole, if any."""

    sides: Sides
    groups: Integers | None
    text_characters: int
    num_folds: int
    seed: int

    @property
    def num_classes(self) -> int:
        """Number of labels."""
        return len(self.sides.label_names)

    @property
    def negative(self) -> int | None:
        """The number of the negative label, if there is one."""
        name = self.sides.negative_label
        return None if name is None else self.sides.label_names.index(name)

    @cached_property
    def labels(self) -> Integers:
        """Label numbers of all rows [N]."""
        return self.sides.labels

    @cached_property
    def bags(self) -> Bags | None:
        """Words of all rows; None where these share none."""
        return Bags.of([text[: self.text_characters] for text in self.sides.texts])

    @cached_property
    def folds(self) -> Integers | None:
        """Folds of all rows [N] in which equal texts stay together; None where all rows are one text."""
        return folds_of(self.sides.keys.view(np.int64), self.labels, self.num_folds, self.seed)

    @cached_property
    def scores(self) -> Floats | None:
        """Probabilities of all rows [N, C], each judged by what has not learned from its text."""
        return self._judged(self.folds)

    @cached_property
    def scores_held_out(self) -> Floats | None:
        """The same, where nothing has learned from the group of a row either; None without groups."""
        if self.groups is None:
            return None
        units, _ = connected(self.sides.keys, self.groups)
        return self._judged(folds_of(units, self.labels, self.num_folds, self.seed))

    def scores_of_evaluation(self) -> Floats | None:
        """Probabilities of the evaluation rows [E, C] by what has learned from the training part."""
        learn = np.arange(len(self.sides.train))
        judge = np.arange(len(self.sides.train), len(self.labels))
        return self._scores(learn, judge)

    def noise(self) -> Noise | None:
        """Say which labels the words doubt, by confident learning; None where there are no words to tell."""
        scores = self.scores if self.scores_held_out is None else self.scores_held_out
        if scores is None:
            return None
        labels, names = self.labels, self.sides.label_names
        at = np.arange(len(labels))
        thresholds = thresholds_of(labels, scores[at, labels], self.num_classes)
        found = candidates_of(labels, [(slice(0, len(labels)), scores)], thresholds)
        share = 1.0 - float(np.trace(joint_of(labels, scores, thresholds)))
        rows, suggested = _most_contradicted(found, labels, scores)
        doubts = [
            DoubtfulLabel(
                self.sides.name(row),
                names[labels[row]],
                names[other],
                round(float(scores[row, labels[row]]), 4),
                round(float(scores[row, other]), 4),
            )
            for row, other in zip(rows.tolist(), suggested.tolist(), strict=True)
        ]
        answers = scores.argmax(axis=1)
        accuracy = float((answers == labels).mean())
        return Noise(len(labels), max(0.0, share), len(found), accuracy, _kappa(labels, answers), tuple(doubts))

    def shortcuts(self, columns: Mapping[str, Integers]) -> tuple[Shortcut, ...]:
        """Say what the words, the length, the position and the names in some columns [N] tell of the labels."""
        with phase("looking for shortcuts"):
            found = [self._words()]
            if self.folds is not None:
                if self.bags is not None:
                    found.append(self._single_word(self.bags, self.folds))
                lengths = np.concatenate([self.sides.train.num_bytes, self.sides.evaluation.num_bytes])
                found += [self._number(LENGTH, lengths.astype(np.float64)), self._number(POSITION, self._places())]
                found += [self._name(name, values) for name, values in columns.items() if _recurs(values)]
        return tuple(found)

    def _words(self) -> Shortcut:
        scores, held_out = (
            None if found is None else auc_of(found, self.labels, self.negative)
            for found in (self.scores, self.scores_held_out)
        )
        telling = [] if self.bags is None else self.bags.telling(self.labels, self.num_classes, self.seed)
        told = tuple(TellingWords(*pair) for pair in zip(self.sides.label_names, telling, strict=False) if pair[1])
        return Shortcut(BAG_OF_WORDS, len(self.labels), scores, held_out, told)

    def _single_word(self, bags: Bags, folds: Integers) -> Shortcut:
        scores = judged(folds, self.num_classes, self._by_single_word)
        best, told = bags.single(self.labels, self.num_classes)
        named = zip(self.sides.label_names, best.tolist(), told.tolist(), strict=True)
        words = tuple(TellingWords(label, (str(bags.words[word]),)) for label, word, more in named if more > 0)
        return Shortcut(SINGLE_WORD, len(self.labels), auc_of(scores, self.labels, self.negative), None, words)

    def _by_single_word(self, learn: Integers, judge: Integers) -> Floats:
        assert self.bags is not None
        return self.bags.scores_of_single(learn, judge, self.labels, self.num_classes)

    def _number(self, name: str, numbers: Floats) -> Shortcut:
        assert self.folds is not None
        scores = judged(self.folds, self.num_classes, by_number(numbers, self.labels, self.num_classes))
        return Shortcut(name, len(self.labels), auc_of(scores, self.labels, self.negative))

    def _name(self, name: str, values: Integers) -> Shortcut:
        assert self.folds is not None
        _, known = np.unique(values, return_inverse=True)
        scores = judged(self.folds, self.num_classes, by_value(known, self.labels, self.num_classes))
        return Shortcut(name, len(self.labels), auc_of(scores, self.labels, self.negative))

    def _places(self) -> Floats:
        """Give where each row stands in its file, as a share [N]."""
        return np.concatenate([side.indices / len(side.rows) for side in (self.sides.train, self.sides.evaluation)])

    def _judged(self, folds: Integers | None) -> Floats | None:
        if folds is None or self.bags is None:
            return None
        with phase("asking a bag of words", self.num_folds, "folds"):
            return judged(folds, self.num_classes, lambda learn, judge: self._known_scores(learn, judge))

    def _scores(self, learn: Integers, judge: Integers) -> Floats | None:
        return None if self.bags is None else self._known_scores(learn, judge)

    def _known_scores(self, learn: Integers, judge: Integers) -> Floats:
        assert self.bags is not None
        return self.bags.scores(learn, judge, self.labels, self.num_classes, self.seed)


def _most_contradicted(found: Candidates, labels: Integers, scores: Floats) -> tuple[Integers, Integers]:
    """Give the first candidates [K] with what they may be, and behind them other rows whose words speak against them.

    Where a bag of words is right and hardly ever sure, half of the wrong labels lie below the thresholds.
    """
    answers = scores.argmax(axis=1)
    others = np.setdiff1d(np.flatnonzero(answers != labels), found.rows)
    margins = scores[others, answers[others]] - scores[others, labels[others]]
    others = others[np.argsort(-margins, kind="stable")]
    rows = np.concatenate([found.rows, others])[:MAX_DOUBTS]
    suggested = np.concatenate([found.suggested, answers[others]])[:MAX_DOUBTS]
    return rows, suggested


def _recurs(values: Integers) -> bool:
    known = values[values != NO_GROUP]
    return len(known) >= ROWS_OF_A_NAME * max(1, len(np.unique(known)))


def _kappa(labels: Integers, answers: Integers) -> float:
    """Give how far answers agree with labels beyond chance. Source: Cohen (1960)."""
    num_classes = int(max(labels.max(), answers.max())) + 1
    given, answered = (np.bincount(part, minlength=num_classes) / len(part) for part in (labels, answers))
    by_chance = float(given @ answered)
    return (float((labels == answers).mean()) - by_chance) / max(1.0 - by_chance, 1e-12)

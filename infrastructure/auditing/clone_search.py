"""Every kind of clone at once, each row counted where it is most like another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from domain.audit import EXACT, NEAR, RENAMED, AlikeRows, Clones, Conflict, Conflicts
from infrastructure.auditing.clones import NO_ROW, Booleans, Partners, partners_by_key, renamed_keys
from infrastructure.auditing.near_clones import can_find_near_clones, near_partners
from infrastructure.auditing.sides import Limits, Sides

MAX_EXAMPLES = 20
MAX_ROWS_OF_A_CONFLICT = 6


@dataclass(frozen=True)
class FoundClones:
    """What was found, and of each evaluation row that was compared whether it has a clone of any kind in training."""

    clones: tuple[Clones, ...]
    has_clone: Booleans


def find_clones(sides: Sides, compared: Sides, form: str, limits: Limits) -> FoundClones:
    """Find exact clones of all rows, and renamed and near ones among those that are `compared`.

    Near ones need datasketch, without which they are left out.
    """
    exact = partners_by_key(sides.train.keys, sides.evaluation.keys)
    clones = [_told(EXACT, sides, exact)]
    found = _within(exact, sides, compared)
    train, evaluation = (
        renamed_keys(side, form, limits.text_characters) for side in (compared.train, compared.evaluation)
    )
    kinds: list[tuple[str, Partners]] = [(RENAMED, partners_by_key(train, evaluation))]
    if can_find_near_clones():
        kinds.append((NEAR, near_partners(compared.train, compared.evaluation, form, limits.text_characters)))
    for kind, partners in kinds:
        clones.append(_told(kind, compared, _without(partners, found)))
        found = _joined(found, partners)
    return FoundClones(tuple(clones), found.of_evaluation != NO_ROW)


def find_conflicts(sides: Sides) -> Conflicts:
    """Find texts of both parts, equal up to white space, that have more than one label."""
    keys, labels = sides.keys, sides.labels
    order = np.lexsort((labels, keys))
    keys, labels = keys[order], labels[order]
    contradicts = (keys[1:] == keys[:-1]) & (labels[1:] != labels[:-1])
    texts = np.unique(keys[1:][contradicts])
    starts, ends = (np.searchsorted(keys, texts, side=side) for side in ("left", "right"))
    first = np.argsort([order[start:end].min() for start, end in zip(starts, ends, strict=True)], kind="stable")
    examples = [order[starts[place] : ends[place]] for place in first[:MAX_EXAMPLES]]
    return Conflicts(
        len(texts),
        int((ends - starts).sum()),
        tuple(_conflict(sides, _some_of(rows, sides.labels)) for rows in examples),
    )


def _some_of(rows: np.ndarray, labels: np.ndarray) -> Sequence[int]:
    """Choose rows of one text, the first of each label before others."""
    _, first = np.unique(labels[rows], return_index=True)
    chosen = [*rows[first].tolist(), *np.delete(rows, first).tolist()][:MAX_ROWS_OF_A_CONFLICT]
    return sorted(chosen)


def _conflict(sides: Sides, rows: Sequence[int]) -> Conflict:
    names = sides.label_names
    labels = sides.labels
    return Conflict(tuple(map(sides.name, rows)), tuple(names[labels[row]] for row in rows))


def _told(kind: str, sides: Sides, partners: Partners) -> Clones:
    across = np.flatnonzero(partners.of_evaluation != NO_ROW)
    in_parts = int(partners.in_train.sum()), int(partners.in_evaluation.sum())
    return Clones(
        kind, len(sides.evaluation), len(across), *in_parts, tuple(_examples(sides, partners, across[:MAX_EXAMPLES]))
    )


def _examples(sides: Sides, partners: Partners, rows: np.ndarray) -> Iterator[AlikeRows]:
    names = sides.label_names
    for row in rows.tolist():
        partner = int(partners.of_evaluation[row])
        labels = sides.evaluation.labels[row], sides.train.labels[partner]
        yield AlikeRows(
            sides.evaluation.name(row),
            sides.train.name(partner),
            round(float(partners.similarity[row]), 4),
            *(names[label] for label in labels),
        )


def _within(partners: Partners, sides: Sides, some: Sides) -> Partners:
    """Give what is known of some of the rows; partners keep their numbers, of which only -1 is read."""
    evaluation = np.searchsorted(sides.evaluation.indices, some.evaluation.indices)
    train = np.searchsorted(sides.train.indices, some.train.indices)
    return Partners(
        partners.of_evaluation[evaluation],
        partners.similarity[evaluation],
        partners.in_train[train],
        partners.in_evaluation[evaluation],
    )


def _without(partners: Partners, closer: Partners) -> Partners:
    """Leave out the rows that are known to be closer to another."""
    return Partners(
        np.where(closer.of_evaluation == NO_ROW, partners.of_evaluation, NO_ROW),
        partners.similarity,
        partners.in_train & ~closer.in_train,
        partners.in_evaluation & ~closer.in_evaluation,
    )


def _joined(one: Partners, other: Partners) -> Partners:
    return Partners(
        np.where(one.of_evaluation == NO_ROW, other.of_evaluation, one.of_evaluation),
        np.maximum(one.similarity, other.similarity),
        one.in_train | other.in_train,
        one.in_evaluation | other.in_evaluation,
    )

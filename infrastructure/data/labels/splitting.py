"""Which labelled rows are learnt from and which are scored on."""

from dataclasses import dataclass

import numpy as np

from domain.exceptions import DatasetError
from infrastructure.data.labels.rows import LabelledRows
from infrastructure.data.splitting import taken


@dataclass(frozen=True)
class Split:
    """Row numbers of both parts, ascending, and how many rows repeat another one."""

    train: np.ndarray
    evaluation: np.ndarray
    num_duplicates: int


def split_rows(rows: LabelledRows, share: float, seed: int) -> Split:
    """Divide rows so that each label gives about `share` of its rows to the evaluation part.

    The same rows, share and seed give the same split. Rows that are equal up to white space, and rows of one group,
    stay on one side.
    Raises: DatasetError when a label cannot stand on both sides.
    """
    units, num_units = units_of(rows)
    order = np.random.Generator(np.random.Philox(key=[seed, 0])).permutation(num_units)
    evaluates = _choose_units(rows, units, num_units, order, share)
    is_eval = evaluates[units]
    _check_sides(rows, is_eval)
    return Split(
        train=np.flatnonzero(~is_eval),
        evaluation=np.flatnonzero(is_eval),
        num_duplicates=len(rows) - len(np.unique(rows.keys)),
    )


def without_duplicates_of(rows: LabelledRows, other: LabelledRows) -> np.ndarray:
    """Give the numbers of rows whose text, white space aside, does not occur in `other`."""
    return np.flatnonzero(~np.isin(rows.keys, other.keys))


def units_of(rows: LabelledRows) -> tuple[np.ndarray, int]:
    """Number the sets of rows that must stay together: connected by an equal text or an equal group."""
    return connected(rows.keys, rows.groups)


def connected(keys: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, int]:
    """Number rows [N] so that those with an equal key or an equal group, where it is not below 0, have one number."""
    _, by_text = np.unique(keys, return_inverse=True)
    grouped = np.flatnonzero(groups >= 0)
    if not len(grouped):
        return by_text, int(by_text.max()) + 1
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    num_texts = int(by_text.max()) + 1
    num_nodes = num_texts + int(groups.max()) + 1
    edges = (np.ones(len(grouped)), (by_text[grouped], num_texts + groups[grouped]))
    _, component = connected_components(coo_matrix(edges, shape=(num_nodes, num_nodes)), directed=False)
    _, units = np.unique(component[by_text], return_inverse=True)
    return units, int(units.max()) + 1


def _choose_units(rows: LabelledRows, units: np.ndarray, num_units: int, order: np.ndarray, share: float) -> np.ndarray:
    """Take units for evaluation, stratum by stratum; the stratum of a unit is its rarest label."""
    label_counts = np.bincount(rows.labels, minlength=len(rows.label_names))
    by_rarity = np.argsort(np.argsort(label_counts, kind="stable"), kind="stable")  # label -> rank, 0 the rarest
    rarest = np.full(num_units, len(rows.label_names))
    np.minimum.at(rarest, units, by_rarity[rows.labels])
    sizes = np.bincount(units, minlength=num_units)

    chosen = np.zeros(num_units, dtype=bool)
    for stratum in np.unique(rarest):
        members = order[rarest[order] == stratum]
        chosen[members[taken(sizes[members], share)]] = True
    return chosen


def _check_sides(rows: LabelledRows, is_eval: np.ndarray) -> None:
    for side, name in ((~is_eval, "training"), (is_eval, "evaluation")):
        counts = np.bincount(rows.labels[side], minlength=len(rows.label_names))
        present = np.bincount(rows.labels, minlength=len(rows.label_names)) > 0
        missing = [rows.label_names[index] for index in np.flatnonzero(present & (counts == 0))]
        if missing:
            raise DatasetError(
                f"{rows.path.name} is too small to split: no row of label {', '.join(map(repr, missing))} is left"
                f" for the {name} part, because equal rows and rows of one group stay together.",
                remedy="Add rows of that label, or give the evaluation part with --set eval_dataset=PATH.",
            )

"""Rows whose labels may be wrong, by the answers of a model that has not learned from them."""

from infrastructure.statistics.confident_learning import Candidates, candidates_of, thresholds_of
from infrastructure.tasks.labels.page.answered import Answered


def candidates(answered: Answered) -> Candidates:
    """Find rows whose answers contradict their labels, by confident learning."""
    thresholds = thresholds_of(answered.labels, answered.label_scores, len(answered.names))
    return candidates_of(answered.labels, answered.blocks(), thresholds)

"""How a preset that labels texts begins."""

from collections.abc import Sequence

import numpy as np

from application.phases import phase
from infrastructure.data.tokens.text_ids import text_ids
from infrastructure.data.tokens.tokenization import bounded
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.linear_start import start_linear
from infrastructure.tasks.labels.letters import weight_of_letters
from infrastructure.tasks.labels.token_scores import token_scores

# On AG News a preset that began at random was above the rival with 2,200 rows a label, and below it with 750.
FEW_ROWS_A_LABEL = 1_500
MAX_LABELS = 200  # the work grows with tokens times labels, and of more it would take minutes
MAX_ROWS = 20_000
MAX_SCORES = 1_000_000  # rows times labels, which the time of a round follows
MAX_TOKENS = 2_000_000
_TEXTS_PER_CALL = 512


def begins_linear(num_rows: int, num_labels: int) -> bool:
    """Tell whether labels have so few rows that steps alone would not learn what tokens say, and are not too many."""
    return num_labels <= MAX_LABELS and num_rows < FEW_ROWS_A_LABEL * num_labels


def start_from_tokens(
    bundle: ModelBundle,
    texts: Sequence[str],
    labels: np.ndarray,
    units: np.ndarray,
    num_labels: int,
    max_length: int,
    class_weights: np.ndarray | None,
    seed: int,
) -> None:
    """Let the model answer by what tokens say by themselves, learnt before the first step.

    Shapes: one label for each text, and one unit, the same for rows that belong together. Learns from at most 20,000
    rows, fewer of more than 50 labels, drawn with `seed`, and from the first two million tokens of these.
    """
    tokenizer = bundle.tokenizer
    assert tokenizer is not None
    limit = max(num_labels, min(MAX_ROWS, MAX_SCORES // num_labels))
    chosen = np.random.default_rng(seed).permutation(len(texts))[:limit]
    signs = set(tokenizer.all_special_tokens)
    spelt = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    with phase("learning what tokens say of labels"):
        rows: list[np.ndarray] = []
        num_tokens = 0
        for start in range(0, limit, _TEXTS_PER_CALL):
            part = [bounded(texts[int(row)], max_length) for row in chosen[start : start + _TEXTS_PER_CALL]]
            rows += map(np.array, text_ids(tokenizer, part, max_length) if part and num_tokens < MAX_TOKENS else [])
            num_tokens = sum(map(len, rows))
        spelt = ["" if token in signs else token for token in spelt]
        weights = None if class_weights is None else class_weights.astype(np.float64)
        chosen = chosen[: len(rows)]
        letters = weight_of_letters(rows, labels[chosen], units[chosen], spelt, num_labels, weights, seed)
        found = token_scores(rows, labels[chosen], spelt, num_labels, letters, weights)
        start_linear(bundle.model, found.scores, found.bias)
    bundle.answers_untrained = True

"""The next token of each row: the likeliest, or one that is drawn."""

from collections.abc import Callable, Sequence

import numpy as np

from domain.generation import GenerationSettings

# From scores [R, V] and the numbers of the rows, tokens [R].
Choose = Callable[[np.ndarray, Sequence[int]], np.ndarray]


def choosing(settings: GenerationSettings, never: Sequence[int] = ()) -> Choose:
    """Give what chooses by the settings, and none of some tokens.

    What is drawn for a row depends on the seed and its number alone.
    """
    if settings.temperature == 0:
        return lambda scores, numbers: without(scores, never).argmax(-1)
    generators: dict[int, np.random.Generator] = {}

    def drawn(scores: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
        for number in numbers:
            generators.setdefault(number, np.random.default_rng((settings.seed, number)))
        rows = zip(without(scores, never), numbers, strict=True)
        return np.array([_drawn(row, settings, generators[number]) for row, number in rows])

    return drawn


def without(scores: np.ndarray, never: Sequence[int]) -> np.ndarray:
    """Give scores [..., V] by which some tokens are never chosen."""
    if not never:
        return scores
    scores = scores.copy()
    scores[..., list(never)] = -np.inf
    return scores


def _drawn(scores: np.ndarray, settings: GenerationSettings, generator: np.random.Generator) -> int:
    """Draw from the likeliest tokens of a row [V], as `GenerationSettings` says."""
    scores = scores.astype(np.float64) / settings.temperature
    order = np.argsort(-scores, kind="stable")[: settings.top_k or None]
    shares = np.exp(scores[order] - scores[order[0]])
    held = np.cumsum(shares / shares.sum())
    held = held[: int((held < settings.top_p).sum()) + 1]
    place = np.searchsorted(held, generator.random() * held[-1], side="right")
    return int(order[min(place, len(held) - 1)])

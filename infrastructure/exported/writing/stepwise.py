"""Texts of one token after the other, and those that a search with beams finds."""

from collections.abc import Callable, Sequence

import numpy as np

from infrastructure.exported.writing.choosing import Choose, without
from infrastructure.exported.writing.rows import Rows
from infrastructure.writing.ends import Ends

NEVER = np.float32(-1e9)  # the score of what must not be chosen


def write_stepwise(
    rows: Rows,
    scores: np.ndarray,
    numbers: Sequence[int],
    rooms: Sequence[int],
    ends: Ends,
    choose: Choose,
    on_token: Callable[[np.ndarray], None] | None = None,
) -> list[list[int]]:
    """Write on from rows whose next tokens have `scores` [R, V], of each as many tokens as there is room for.

    `numbers` are those of the rows to `choose`; `on_token` is told each token [1] of a single row.
    """
    texts: list[list[int]] = [[] for _ in rooms]
    open_ones = list(range(len(rooms)))
    while True:
        tokens = choose(scores, [numbers[row] for row in open_ones])
        if on_token:
            on_token(tokens)
        for row, token in zip(open_ones, tokens.tolist(), strict=True):
            texts[row].append(token)
        stay = [at for at, row in enumerate(open_ones) if not ends.end(texts[row], rooms[row])]
        if not stay:
            return [ends.without(ids) for ids in texts]
        if len(stay) < len(open_ones):
            rows.keep(stay)
            open_ones, tokens = [open_ones[at] for at in stay], tokens[stay]
        scores = rows.advance(tokens)


def write_by_beams(
    rows: Rows, scores: np.ndarray, rooms: Sequence[int], ends: Ends, num_beams: int, never: Sequence[int] = ()
) -> list[list[int]]:
    """Write on from rows, each the likeliest text by its mean log-probability a token, with none of some tokens.

    Decides as the search of a model of torch does: see `infrastructure/models/decoding/beams.py`.
    """
    searches = [_Search(ends, room, num_beams) for room in rooms]
    rows.keep(np.repeat(np.arange(len(rooms)), num_beams))
    scores = np.repeat(scores, num_beams, axis=0)  # [R * beams, V]
    running = searches
    while True:
        places: list[int] = []
        tokens: list[int] = []
        stay = []
        likely_ones = without(_by_search(scores, num_beams), never)
        for at, (search, likely) in enumerate(zip(running, likely_ones, strict=True)):
            parents, following = search.step(likely)
            if not search.is_over:
                stay.append(search)
                places += [at * num_beams + parent for parent in parents]
                tokens += following
        if not stay:
            return [ends.without(search.best) for search in searches]
        running = stay
        rows.keep(places)
        scores = rows.advance(np.array(tokens))


def _by_search(scores: np.ndarray, num_beams: int) -> np.ndarray:
    """Give log-probabilities [R, beams, V] of scores [R * beams, V]."""
    shifted = scores - scores.max(-1, keepdims=True)
    likely = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return likely.reshape(-1, num_beams, likely.shape[-1])


class _Search:
    """The open texts of one prompt, as many as there are beams, and the best that have ended, best first."""

    def __init__(self, ends: Ends, room: int, num_beams: int) -> None:
        self._ends, self._room, self._num_beams = ends, room, num_beams
        self._candidates = max(2, 1 + len(ends.tokens)) * num_beams
        self._texts: list[list[int]] = [[]] * num_beams
        self._found: list[tuple[float, list[int]]] = []
        self._scores = np.full(num_beams, NEVER)
        self._scores[0] = 0.0  # the beams are alike as yet
        self.is_over = False

    @property
    def best(self) -> list[int]:
        """Give the likeliest text that has ended."""
        return self._found[0][1]

    def step(self, likely: np.ndarray) -> tuple[list[int], list[int]]:
        """Go on by the log-probabilities [beams, V] of what may follow: give where each beam is from, and its token."""
        top, parents, tokens = self._likeliest(likely)
        texts = [[*self._texts[parent], token] for parent, token in zip(parents, tokens, strict=True)]
        ended = np.array([self._ends.end(text, self._room) for text in texts])
        length = len(texts[0])
        # Only the likeliest, as many as there are beams, count as found: the others are there to go on from.
        just = [(float(top[at] / length), texts[at]) for at in range(self._num_beams) if ended[at]]
        self._found = sorted((*self._found, *just), key=lambda each: -each[0])[: self._num_beams]
        running = np.where(ended, top + NEVER, top)
        chosen = np.argsort(-running, kind="stable")[: self._num_beams]
        self._scores, self._texts = running[chosen], [texts[at] for at in chosen]
        worst = self._found[-1][0] if len(self._found) == self._num_beams else NEVER
        self.is_over = bool(ended.all() or self._scores[0] / length <= worst)
        return [parents[at] for at in chosen], [tokens[at] for at in chosen]

    def _likeliest(self, likely: np.ndarray) -> tuple[np.ndarray, list[int], list[int]]:
        """Give the likeliest candidates, best first: their scores, the beams they go on from, and their tokens."""
        flat = (likely + self._scores[:, None]).ravel()
        count = min(self._candidates, len(flat))
        places = np.argpartition(-flat, count - 1)[:count]
        places = places[np.argsort(-flat[places], kind="stable")]
        beams, tokens = np.divmod(places, likely.shape[1])
        return flat[places], beams.tolist(), tokens.tolist()

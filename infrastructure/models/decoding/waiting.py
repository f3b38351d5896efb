"""Prompts that wait to join a batch."""

from collections.abc import Sequence

from infrastructure.models.decoding.batch import Batch

# A pass for those that join costs nearly as much for one as for some: they wait until so many places are free.
SHARE_THAT_JOINS = 4


class Waiting:
    """Prompts in the order in which they join: the longest first, which are likely to be written on longest.

    `rooms` says how many tokens may follow each of `prompts`.
    """

    def __init__(self, prompts: Sequence[Sequence[int]], rooms: Sequence[int]) -> None:
        self.prompts = prompts
        self.rooms = rooms
        self._order = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))

    def __bool__(self) -> bool:
        return bool(self._order)

    def joining(self, batch: Batch) -> Sequence[int]:
        """Take the numbers of those that join now; perhaps none."""
        room = min(batch.room, len(self._order))
        if batch.prompts and room * SHARE_THAT_JOINS < batch.num_prompts:
            return ()
        joining, self._order = self._order[:room], self._order[room:]
        return joining


def kept_of(count: int, gone: Sequence[int]) -> list[int]:
    """Say which of `count` is at each place once some are gone: the last ones move into the places that are free."""
    kept = list(range(count))
    for place in reversed(gone):
        kept[place] = kept[-1]
        kept.pop()
    return kept

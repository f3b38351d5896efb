"""Who of the processes of a run tells a person what went wrong, and when each of them ends."""

import os
import time
from collections.abc import Sequence

from domain.launch import Launch
from infrastructure.parallel.ranks import ranks_met

# So soon torchrun ends all others when one has ended for a failure, and a slow one has come as far as a quick one.
SECONDS_UNTIL_ALONE = 10.0


class Spokesman:
    """Speaks for this process among those of its run, whether they have met or not."""

    def speaks_for_all(self, errors: Sequence[str], exit_code: int) -> bool:
        """Tell whether this process says what went wrong: of several that end, the first to come here does.

        The others hear of it where they wait for this one. Before they have met, all find the same wrong, and the first
        rank says it: torchrun then ends the others. Where it does not end this one soon, only this one has found it.
        """
        ranks = ranks_met()
        if ranks is None:
            if not Launch.of(os.environ).is_first:
                time.sleep(SECONDS_UNTIL_ALONE)
            return True
        try:
            return ranks.says_failed(" ".join(errors), exit_code)
        except RuntimeError:  # the store is gone with the first rank, which held it
            return ranks.rank == 1

    def is_told_by_another(self) -> bool:
        """Tell whether another process of the run has said why all end."""
        ranks = ranks_met()
        return ranks is not None and ranks.has_failed_elsewhere()

    def part(self) -> None:
        """End behind the first rank, which may still write: torchrun ends it when another one ends in a failure."""
        if (ranks := ranks_met()) is not None:
            ranks.part()

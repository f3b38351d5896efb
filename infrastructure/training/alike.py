"""What the ranks of a run must have alike, asked before anything is computed: each may be on a machine of its own."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.exceptions import ConfigurationError, DatasetError, RunError
from domain.step_size import ROWS, StepSize
from infrastructure.parallel.lost_ranks import named
from infrastructure.parallel.ranks import Ranks
from infrastructure.training.fingerprints import (
    ARCHITECTURE,
    EVALUATION_ROWS,
    FROZEN_WEIGHTS,
    TOKENIZER,
    TRAINING_ROWS,
)

# A disk that machines share may show what another one has made only after its own look at it is forgotten.
SECONDS_TO_BE_SEEN = 70.0
SECONDS_BETWEEN_LOOKS = 0.1
_WAYS_OUT = {
    TRAINING_ROWS: "Give all machines the same data file",
    EVALUATION_ROWS: "Give all machines the same data file",
    TOKENIZER: "Give all machines the same model and the same data file",
    ARCHITECTURE: "Give all machines the same model",
    FROZEN_WEIGHTS: "Give all machines the same model",
}


def require_rows_for_all(ranks: Ranks, size: StepSize) -> None:
    """Want a row of each step for each rank, where rows are counted. Raises: ConfigurationError."""
    if size.unit == ROWS and size.per_step < ranks.size:
        raise ConfigurationError(
            f"a step sees batch_size times gradient_accumulation_steps = {size.per_step} rows, which {ranks.size} "
            "ranks cannot share.",
            remedy=f"Use batch_size={ranks.size} or more, or fewer processes.",
        )


def require_same_versions(ranks: Ranks, versions: Mapping[str, str]) -> None:
    """Want the same libraries on all. Raises: ConfigurationError naming one that differs."""
    found = ranks.gathered(dict(versions))
    for rank, theirs in enumerate(found):
        for name in versions:
            if theirs.get(name) != found[0].get(name):
                raise ConfigurationError(
                    f"rank {rank} runs {name} {theirs.get(name)}, and rank 0 {name} {found[0].get(name)}.",
                    remedy="Install the same versions on all machines.",
                )


def require_same_settings(ranks: Ranks, asked: str) -> None:
    """Want the same request, as text, of all. Raises: ConfigurationError saying who has another."""
    if others := _others(ranks.gathered(asked)):
        raise ConfigurationError(
            f"{_told(others)} other settings than rank 0.", remedy="Start all of them with one run file."
        )


def require_same_data(ranks: Ranks, known: Mapping[str, str]) -> None:
    """Want the same of all that a result follows from. Raises: DatasetError saying who has another what."""
    found = ranks.gathered(dict(known))
    for name, way_out in _WAYS_OUT.items():
        if others := _others([theirs.get(name) for theirs in found]):
            raise DatasetError(f"{_told(others)} other {name} than rank 0.", remedy=f"{way_out}.")


def require_seen(ranks: Ranks, file: Path) -> None:
    """Want that all see a file which the first has made. Raises: RunError naming those that do not."""
    if ranks.size == 1:
        return
    ranks.wait_for_all()
    until = time.monotonic() + SECONDS_TO_BE_SEEN
    while not (is_seen := _is_seen(file)) and time.monotonic() < until and ranks.launch.num_nodes > 1:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if blind := [rank for rank, sees in enumerate(ranks.gathered(is_seen)) if not sees]:
        raise RunError(
            f"{file.parent} is not there for rank {', '.join(map(str, blind))}.",
            remedy="Give with --output a directory on a disk that all machines share, by its whole path.",
        )


def _is_seen(file: Path) -> bool:
    try:
        # Asks the disk, where a look at the file may be answered from memory.
        return file.name in os.listdir(file.parent)
    except OSError:
        return False


def _others(found: Sequence[object]) -> list[int]:
    """List the ranks that have something else than the first."""
    return [rank for rank, theirs in enumerate(found) if theirs != found[0]]


def _told(ranks: Sequence[int]) -> str:
    return f"{named(ranks)} {'has' if len(ranks) == 1 else 'have'}"

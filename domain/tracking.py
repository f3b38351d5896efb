"""Libraries that keep the story of a run beside its own files."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from domain.showing import shown

TRACKERS = ("tensorboard", "mlflow", "wandb", "trackio")


def tracker_faults(names: Sequence[str]) -> Iterator[str]:
    """Say which names are of no tracker, or stand there twice."""
    for name in dict.fromkeys(names):
        if name not in TRACKERS:
            nearest = get_close_matches(name[:40].lower(), TRACKERS, n=1, cutoff=0.5)
            hint = f"Did you mean {nearest[0]}?" if nearest else f"Choose of {', '.join(TRACKERS)}, or [] for none."
            yield f"trackers has {shown(name)}, which is no tracker. {hint}"
    if len(set(names)) < len(names):
        yield f"trackers is {shown(list(names))}, but names one twice. Name each once."

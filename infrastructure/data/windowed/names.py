"""Names in a sentence."""

from collections.abc import Sequence

MOST_NAMES = 10


def listed(names: Sequence[str]) -> str:
    """Join names, of many the first ones."""
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"

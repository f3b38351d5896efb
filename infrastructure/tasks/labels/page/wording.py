"""How a page of a classifier says names, shares and what it looked at."""

from collections import Counter
from collections.abc import Sequence

from domain.showing import harmless
from infrastructure.reports.page.blocks import Estimate, Paragraph
from infrastructure.statistics.shares import interval_of_share
from infrastructure.tasks.labels.page.answered import Answered, RowNames

LONGEST_NAME = 40
LONGEST_TEXT = 1_500


def readable(names: Sequence[str]) -> list[str]:
    """Write each name so that it can be seen: one of nothing but white space in quotes."""
    return [name if harmless(name).strip() else ascii(name) for name in names]


def short(names: Sequence[str]) -> list[str]:
    """Write each name as it stands in a sentence: clipped, and numbered where the clipped ones are equal."""
    clipped = [_clipped(name, LONGEST_NAME) for name in readable(names)]
    times = Counter(clipped)
    return [f"{name} ({number})" if times[name] > 1 else name for number, name in enumerate(clipped)]


def clipped_text(text: str) -> str:
    """Give as much of a text as a page holds of each row."""
    rest = len(text) - LONGEST_TEXT
    return f"{text[:LONGEST_TEXT]} ... ({rest:,} more characters)" if rest > 0 else text


def percent(share: float) -> str:
    """Write a share in percent, with one digit, or two near the ends."""
    digits = 2 if 0 < share < 0.001 or 0.999 < share < 1 else 1
    return f"{100 * share:.{digits}f} %"


def estimated(hits: int, count: int, overlap: int) -> Estimate:
    """Give a share of rows with its interval; nothing is known of none."""
    return Estimate(hits / count if count else None, *interval_of_share(hits, count, overlap))


def counted(number: int, rows: RowNames) -> str:
    """Say how many rows there are."""
    return f"{number:,} {rows.noun}{'' if number == 1 else 's'}"


def part_told(answered: Answered, rows: RowNames) -> list[Paragraph]:
    """Say that only some of the rows were looked at, where that is so."""
    if rows.num_whole <= len(answered):
        return []
    of = f"{len(answered):,} of {counted(rows.num_whole, rows)}, evenly spread, were looked at here."
    return [Paragraph(f"{of} Counts are of these.", "note")]


def _clipped(name: str, most: int) -> str:
    seen = harmless(name)
    return seen if len(seen) <= most else f"{seen[: most - 4].rstrip()} ..."

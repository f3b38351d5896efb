"""Bandit's search for SQL in strings, in time that follows their length.

Bandit asks one regular expression whether `select` is followed by `from` somewhere. Where it is not, that begins anew
at each `select`: a string of a megabyte takes hours. The first `select` decides as well as any later one.
"""

import re

# As Bandit 1.9 has it. Where another version asks otherwise, nothing is replaced.
BANDITS = (
    r"(select\s.*from\s|"
    r"delete\s+from\s|"
    r"insert\s+into\s.*values[\s(]|"
    r"update\s.*set\s)"
)
_ALONE = re.compile(r"delete\s+from\s", re.IGNORECASE)
_BEGINS_AND_ENDS = tuple(
    (re.compile(begins, re.IGNORECASE), re.compile(ends, re.IGNORECASE))
    for begins, ends in (
        (r"select\s", r"from\s"),
        (r"insert\s+into\s", r"values[\s(]"),
        (r"update\s", r"set\s"),
    )
)


class SqlWords:
    """Stands for the compiled expression."""

    pattern = BANDITS

    def search(self, text: str) -> re.Match[str] | None:
        """Give a match where the expression has one, which need not be the same."""
        if (match := _ALONE.search(text)) is not None:
            return match
        for begins, ends in _BEGINS_AND_ENDS:
            first = begins.search(text)
            if first is not None and (last := ends.search(text, first.end())) is not None:
                return last
        return None

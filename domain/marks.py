"""Spans of a text that somebody marked, and how many of them are taken."""

from typing import NamedTuple

MAX_MARKS = 10_000  # of one row
MAX_MARK_NAMES = 100  # of one file: a model learns an output for each
MAX_MARK_NAME_CHARACTERS = 100  # they stand in the names of metrics


class Mark(NamedTuple):
    """The characters of a text from `start` up to `end`, which is not among them, and what they are called.

    A character is one of Unicode, as Python counts them. Marks may lie over each other.
    """

    start: int
    end: int
    name: str

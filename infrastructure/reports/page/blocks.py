"""What a page is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A part of a page under a heading."""

    title: str

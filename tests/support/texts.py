"""Texts for properties."""

from typing import Any

from hypothesis import strategies as st


def any_text(without: str = "", **sizes: Any) -> st.SearchStrategy[str]:
    """Draw any text that UTF-8 can hold, as `st.text()` does, which first asks the codec of a million characters."""
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters=without), **sizes)

"""Rows of any file, each checked, and which of its columns hold what."""

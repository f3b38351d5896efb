"""Answers of a finished model as files."""

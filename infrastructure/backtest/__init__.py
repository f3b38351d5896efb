"""Folds of a table: cut, scored by a finished model, kept."""

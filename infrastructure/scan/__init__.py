"""Weaknesses in a tree of source code: files found, cut into pieces, looked at by Bandit and a model, and told."""

"""Scanners of source code: what other tools say of it, without running or importing it."""

"""Run directories: their place, their lock, their log."""

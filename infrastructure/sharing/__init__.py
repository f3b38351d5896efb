"""Models that are given to others."""

"""Finished models as graphs and weights that run elsewhere, and the proof that they answer alike."""

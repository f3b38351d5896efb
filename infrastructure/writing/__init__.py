"""Texts that are written on: what of them is seen, where they end and what is shown, whatever computes the model."""

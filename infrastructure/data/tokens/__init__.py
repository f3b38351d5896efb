"""Texts as ids."""

"""Labelled rows, from a file to what a classifier learns from."""

"""Exported models that write: token by token from graphs that are given what they keep of earlier tokens."""

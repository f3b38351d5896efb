"""Texts written token by token: rows that come and go, their keys and values in place, greedily and by beams."""

"""Families of code, one module per kind of weakness: `FAMILIES` of each is collected by name."""

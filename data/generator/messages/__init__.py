"""Families of messages to a software team, one module per label: `FAMILIES` of each is collected by name."""

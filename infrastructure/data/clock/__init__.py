"""Stamps, time zones and regular clocks."""

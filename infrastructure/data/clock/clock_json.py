"""Clocks as plain values, for files."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from infrastructure.data.clock.clocks import Clock, Even, MonthDay, Monthly, Weekly, Zoned


def clock_json(clock: Clock) -> dict[str, Any]:
    """Give plain values."""
    if isinstance(clock, Zoned):
        return {**clock_json(clock.wall), "zone": clock.zone}
    assert isinstance(clock, Even | Weekly | Monthly)
    return {"kind": type(clock).__name__.lower(), **asdict(clock)}


def clock_of(values: Mapping[str, Any]) -> Clock:
    """Read what `clock_json` gave, once it has been through a file."""
    clock: Clock
    if values["kind"] == "even":
        clock = Even(values["origin"], values["step"])
    elif values["kind"] == "weekly":
        clock = Weekly(values["step"], tuple((start, count) for start, count in values["runs"]))
    else:
        days = tuple(MonthDay(day["number"], tuple(day["weekdays"])) for day in values["days"])
        clock = Monthly(values["months"], values["phase"], days, values["time"])
    zone = values.get("zone")
    return Zoned(clock, zone) if zone else clock

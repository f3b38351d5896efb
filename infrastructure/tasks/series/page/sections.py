"""The sections of a page about forecasts."""

from collections.abc import Mapping, Sequence
from typing import Any

from infrastructure.reports.page.blocks import Block, Paragraph, Section
from infrastructure.tasks.series.page.fans import fans
from infrastructure.tasks.series.page.horizons import errors_by_horizon
from infrastructure.tasks.series.page.misses import errors_by_series, errors_of_many, misses
from infrastructure.tasks.series.page.reliability import reliability
from infrastructure.tasks.series.page.seasons import seasons
from infrastructure.tasks.series.page.seen import Seen
from infrastructure.tasks.series.scoring.by_series import PER_SERIES


def forecast_sections(seen: Seen, metrics: Mapping[str, Any], num_windows: int) -> Sequence[Section]:
    """Show what forecasts are worth; `metrics` are those of all scored windows, of `num_windows` that there are."""
    part = _part_told(seen, num_windows)
    if not seen.known.any():
        told = "No forecast is a number, or nothing is known of what came: there is nothing to show."
        return [Section("Forecasts", [*part, Paragraph(told, "warning")])]
    of_series = errors_by_series(seen, metrics["per_target"]) if len(seen.names) > 1 else []
    if PER_SERIES in metrics:
        of_series = errors_of_many(metrics[PER_SERIES], seen)
    return [
        Section("Forecasts", [*part, *fans(seen)]),
        Section("Reliability", [*part, *reliability(seen)]),
        Section("Error by steps ahead", [*part, *errors_by_horizon(seen)]),
        Section("What is left in the errors", [*part, *seasons(seen)]),
        Section("Largest errors", [*of_series, *part, *misses(seen)]),
    ]


def _part_told(seen: Seen, num_windows: int) -> list[Block]:
    if len(seen) == num_windows:
        return []
    return [Paragraph(f"Seen here are {len(seen):,} of {num_windows:,} windows, drawn evenly from all.", "note")]

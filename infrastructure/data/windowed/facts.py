"""What was found in a table whose values are to be forecast, and what a model is told of it: a line each."""

from collections.abc import Iterator
from dataclasses import replace

from application.training import QuantileTraining
from infrastructure.data.panel.long_table import LongTable
from infrastructure.data.windowed.names import listed
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.data.windowed.values import facts_of_values


def with_facts(request: QuantileTraining, dataset: SplitSeries) -> SplitSeries:
    """Copy with what was found in a table."""
    facts = {**dict(facts_of_series(dataset)), **dict(facts_of_values(dataset.recipe))}
    if request.holidays:
        facts["holidays"] = f"{listed(request.holidays)}, known ahead"
    if dataset.season is not None:
        facts["season"] = (
            f"{dataset.season}; {request.context_length:,} are seen (context_length),"
            f" {request.patch_length:,} a token (patch_length)"
        )
    return replace(dataset, facts=facts)


def facts_of_series(dataset: SplitSeries) -> Iterator[tuple[str, str]]:
    """Say what tells series apart, and what a model is told of them beside their past."""
    table, beside = dataset.table, dataset.recipe.covariates
    if isinstance(table, LongTable) and table.series.series_columns:
        yield "series", f"{len(table.series):,}, told apart by {' and '.join(table.series.series_columns)}"
    if beside is None:
        return
    known = (*beside.known, *beside.categories[len(beside.categories) - beside.num_known :])
    if known:
        yield "known ahead", listed(known)
    if static := (*beside.static, *beside.static_categories):
        yield "static", f"{listed(static)}: the same throughout a series"
    counts = zip(beside.coded, beside.vocabulary, strict=True)
    if categories := [f"{name} ({len(texts):,})" for name, texts in counts]:
        yield "categories", listed(categories)

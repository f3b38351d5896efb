"""How well each part of the rows is answered, and what is found of their marks."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from infrastructure.reports.page.blocks import Cell, Column, Estimate, Paragraph, Section, Table
from infrastructure.tasks.labels.page.answered import RowNames
from infrastructure.tasks.labels.page.wording import readable


def each_part(per_part: Mapping[str, Mapping[str, Any]], rows: RowNames) -> Section:
    """List the scores of the parts, in the order of the data."""
    has_rates = any("youden_j" in scores for scores in per_part.values())
    judged, shown = ("youden_j", "Youden's J") if has_rates else ("accuracy", "accuracy")
    others = ("tpr", "fpr", "macro_f1") if has_rates else ("macro_f1",)
    heads = {"tpr": "TPR", "fpr": "FPR", "macro_f1": "macro F1"}
    columns = [
        Column("part"),
        Column(f"{rows.noun}s", "count"),
        Column(shown, "number" if has_rates else "share"),
        *(Column(heads[name], "share") for name in others),
    ]
    listed: list[Sequence[Cell]] = [
        (
            name,
            scores["num_rows"],
            Estimate(scores[judged], *(scores["interval"] or (nan, nan))),
            *(scores[other] for other in others),
        )
        for name, scores in zip(readable(list(per_part)), per_part.values(), strict=True)
    ]
    blocks: list[Paragraph | Table] = [
        Paragraph(f"Each {rows.noun} that says in the column part where it belongs is counted there too."),
        Table("Scores of each part", columns, listed),
    ]
    blocks += [
        Paragraph(f"{name}: there is no Youden's J, for {scores['undefined']}.", "note")
        for name, scores in zip(readable(list(per_part)), per_part.values(), strict=True)
        if "undefined" in scores
    ]
    return Section("Parts", blocks)


def marks_found(per_mark: Mapping[str, Mapping[str, Any]]) -> Section:
    """List how well the tokens of each mark were found while the model was trained."""
    columns = (
        Column("mark"),
        Column("F1", "share"),
        Column("precision", "share"),
        Column("recall", "share"),
        Column("tokens", "count"),
    )
    listed = [
        (name, scores["f1"], scores["precision"], scores["recall"], scores["support"])
        for name, scores in zip(readable(list(per_mark)), per_mark.values(), strict=True)
    ]
    said = (
        "Tokens of the held-out rows that a second head took for marked. It taught the model and is not kept: the"
        " finished one answers labels alone."
    )
    return Section("Marks", [Paragraph(said), Table("Marked tokens, found again", columns, listed)])

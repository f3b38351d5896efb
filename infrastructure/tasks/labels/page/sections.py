"""Everything that a page tells of a classifier, in its order."""

from collections.abc import Mapping, Sequence
from typing import Any

from infrastructure.reports.page.blocks import Paragraph, Section
from infrastructure.tasks.labels.page.answered import Answered, RowNames
from infrastructure.tasks.labels.page.classes import confusions, each_class
from infrastructure.tasks.labels.page.confidence import confidence
from infrastructure.tasks.labels.page.lengths import lengths
from infrastructure.tasks.labels.page.parts import each_part, marks_found
from infrastructure.tasks.labels.page.single_rows import doubtful_labels, worst_errors
from infrastructure.tasks.labels.page.thresholds import two_sides, unsure
from infrastructure.tasks.labels.page.wording import counted


def label_sections(
    answered: Answered, rows: RowNames, metrics: Mapping[str, Any], negative_label: str | None = None
) -> Sequence[Section]:
    """Tell of the answers to rows; `metrics` are those of the same rows.

    With a negative label everything else is one side of a threshold; without one, two classes are the two sides.
    """
    if not len(answered):
        return ()
    if len(answered.names) == 1:
        said = (
            f"There is one class, {answered.names[0]}: {counted(len(answered), rows)}, and nothing to confuse it with."
        )
        return (Section("Confusions", [Paragraph(said)]),)
    found = [
        _warned(confusions(answered, rows), answered, rows),
        each_class(answered, rows, metrics.get("per_class", {})),
        confidence(answered, rows),
    ]
    if per_part := metrics.get("per_part"):
        found.append(each_part(per_part, rows))
    if per_mark := metrics.get("per_mark"):
        found.append(marks_found(per_mark))
    if negative_label is not None or len(answered.names) == 2:
        found.append(two_sides(answered, rows, negative_label))
    found += [unsure(answered, rows), worst_errors(answered, rows)]
    if rows.text is not None:  # people gave the labels of texts; those of windows are computed
        found.append(doubtful_labels(answered, rows))
    by_length = lengths(answered, rows)
    return found if by_length is None else [*found, by_length]


def _warned(section: Section, answered: Answered, rows: RowNames) -> Section:
    if not answered.num_not_finite:
        return section
    number = counted(answered.num_not_finite, rows)
    said = (
        f"The model gave {number} a score that is no number; it counts as the lowest. The training may have diverged."
    )
    return Section(section.title, [Paragraph(said, "warning"), *section.blocks])

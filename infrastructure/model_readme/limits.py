"""What a model must not be trusted with, as far as its training tells."""

from collections.abc import Iterator, Mapping
from typing import Any

from domain.words import counted
from infrastructure.model_readme.told import ModelTold

RARE_ROWS = 20
MOST_NAMED = 5
_OF_KIND: Mapping[str, str] = {
    "language_modeling": "It writes what is likely after its data. Nothing checks whether that is true.",
    "masked_language_modeling": "It is a beginning for other tasks: it fills gaps and knows no labels.",
    "code_generation": "Nobody has checked the code that it writes. Read it, and run it apart from what matters.",
    "instruction_tuning": "Nothing checks whether its answers are true, and nothing keeps it from harmful ones.",
    "sequence_to_sequence": "It may leave out or add what its source does not say.",
    "quantile_forecasting": "Its quantiles hold while the table goes on as it went: a break is in no forecast.",
    "market_direction": "It is no advice: what held for past prices need not hold for the next ones.",
}


def limits(told: ModelTold) -> Iterator[str]:
    """Say what to be careful with, a sentence each; the warnings of the run come first."""
    yield from dict.fromkeys((*told.report.warnings, *told.warnings))
    yield _judged(told)
    if told.labels and told.task.kind == "sequence_classification":
        yield "It gives one of its labels to any text, also to one that no label fits."
    if told.task.negative_label is not None:
        yield f"{told.task.negative_label} means that it found nothing, which is no proof that there is nothing."
    yield from _of_labels(told)
    yield from _of_calibration(told)
    if sentence := _OF_KIND.get(told.task.kind):
        yield sentence
    if cut := _num_cut(told.data):
        length = told.card.get("max_length")
        yield f"{counted(cut, 'rows')} to learn from were longer than {length} tokens, and their ends were not read."
    if told.result.num_dropped_steps or told.result.num_rollbacks:
        yield (
            f"{counted(told.result.num_dropped_steps, 'steps')} without a finite gradient were dropped, and the"
            f" training went back to a checkpoint {counted(told.result.num_rollbacks, 'times')}."
        )


def _judged(told: ModelTold) -> str:
    apart = told.data.get("eval_path")
    if told.is_tested:
        part = "of the test part, the latest of the table"
    else:
        part = "of a file of their own" if apart else "held out from the same data"
    return (
        f"The scores are of {counted(told.num_judged, told.request.words.fed)} {part}. What it is worth on data that"
        " came about in another way has not been measured."
    )


def _of_labels(told: ModelTold) -> Iterator[str]:
    counts = told.data.get("train", {}).get("label_counts") or {}
    rare = sorted((count, label) for label, count in counts.items() if count < RARE_ROWS)
    if rare:
        named = ", ".join(f"{label} ({count})" for count, label in rare[:MOST_NAMED])
        more = f" and {len(rare) - MOST_NAMED} more" if len(rare) > MOST_NAMED else ""
        yield f"Few rows show it these labels: {named}{more}. It knows little of them."


def _of_calibration(told: ModelTold) -> Iterator[str]:
    """Say what the quantiles of forecasts rest on, as the scores tell it."""
    metrics: Mapping[str, Any] = told.scores.metrics
    if calibration := metrics.get("calibration"):
        yield f"Calibrated {calibration}."
    if bands := metrics.get("bands"):
        yield f"{bands[:1].upper()}{bands[1:]}."


def _num_cut(data: Mapping[str, Any]) -> int:
    return int(data.get("train", {}).get("num_cut") or 0)

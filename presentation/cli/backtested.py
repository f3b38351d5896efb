"""Write what came of a backtest: a line for each fold, mean and spread, and where the model is beside rivals."""

from collections import Counter

from domain.backtest import Backtest, best_of
from domain.comparison import BETTER, NOT_KNOWN, NOT_TOLD_APART, WORSE
from domain.headlines import label_of, score_of
from domain.metrics import direction_of, is_better
from domain.words import counted
from presentation.cli.columns import Column, write_columns
from presentation.cli.saying import say, say_error, say_json, warn
from presentation.cli.wording import words_of

# By the score that decides: what stands beside it, the first that goes where there is no room last.
SHOWN = {"mae": ("mae", "loss", "picp_80"), "accuracy": ("accuracy", "macro_f1")}
IN_WORDS = {
    BETTER: "better",
    WORSE: "worse",
    NOT_TOLD_APART: "not told apart",
    NOT_KNOWN: "too few windows to tell",
}


def write_backtest(result: Backtest, as_json: bool) -> int:
    """Write the result, or why there is none; gives the exit code."""
    for warning in result.warnings:
        warn(f"warning: {warning}")
    if as_json:
        say_json(result.to_json())
    elif result.picture is not None:
        _write_table(result)
        say("")
        say(_beside_rivals(result))
        say(f"spread is the standard deviation over folds; picture {result.picture}")
    for error in result.errors:
        say_error(error)
    return result.exit_code


def _write_table(result: Backtest) -> None:
    folds, words = result.folds, words_of(result.task)
    names = [name for name in SHOWN.get(result.metric, (result.metric,)) if any(name in each.metrics for each in folds)]
    means = result.rival_means()
    best = best_of(result.metric, means)
    rivals = [each.best_rival for each in folds]
    beside = [
        "" if name is None else f"{name} {_score(result, each.rivals[name])}"
        for name, each in zip(rivals, folds, strict=True)
    ]
    columns = [
        Column("fold", (*(str(each.fold.number) for each in folds), "mean", "spread")),
        Column("from", (*(each.fold.first for each in folds), "", ""), 4),
        Column("to", (*(each.fold.last for each in folds), "", ""), 5),
        Column(words.fed, (*(f"{each.num_windows:,}" for each in folds), "", ""), 3, is_number=True),
    ]
    for place, name in enumerate(names):
        cells = [score_of(name, each.metrics.get(name)) for each in folds]
        ends = score_of(name, result.mean.get(name)), score_of(name, result.spread.get(name))
        columns.append(Column(label_of(name, words), (*cells, *ends), 2 if place else 0, is_number=True))
    columns.append(
        Column("best rival", (*beside, "" if best is None else f"{best} {_score(result, means[best])}", ""), 1)
    )
    columns.append(Column("this model is", (*(IN_WORDS.get(each.verdict or "", "") for each in folds), "", "")))
    write_columns(columns)


def _score(result: Backtest, value: float) -> str:
    return score_of(result.metric, value)


def _beside_rivals(result: Backtest) -> str:
    """Say in how many folds the model beats the best rival of each, and in how many windows tell the two apart."""
    beside = [each for each in result.folds if each.verdict is not None]
    if not beside:
        return "There is no simple rival to stand beside."
    direction = direction_of(result.metric)
    ahead = sum(is_better(each.metrics[each.metric], each.rivals[each.best_rival or ""], direction) for each in beside)
    counts = Counter(each.verdict for each in beside)
    told = ", ".join(f"{IN_WORDS[verdict]} in {counts[verdict]}" for verdict in IN_WORDS if counts[verdict])
    label = label_of(result.metric, words_of(result.task))
    folds = counted(len(beside), "folds")
    return f"By {label} the model is ahead of the best simple rival in {ahead} of {folds}. With noise in mind: {told}."

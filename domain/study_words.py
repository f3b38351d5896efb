"""What people are told of a study, on a screen and on a page alike."""

from typing import Any

from domain.comparison import BETTER, NOT_TOLD_APART, WORSE
from domain.headlines import label_of, score_of
from domain.study import DEFAULTS, FAILED, PRUNED, SHARES, Study, Trial
from domain.words import Words, counted


def setting_told(value: Any) -> str:
    """Write the value of a setting."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def outcome_told(trial: Trial) -> str:
    """Say what became of a training, and of a pruned one when."""
    if trial.state == PRUNED and trial.curve:
        return f"{PRUNED} at {100 * trial.share_at(trial.curve[-1][0]) // SHARES} %"
    return f"{FAILED}: {trial.reason}" if trial.state == FAILED else trial.state


def verdict_told(study: Study) -> str:
    """Say in a sentence what was found, beside the defaults."""
    winner = study.winner
    if winner is None:
        return f"{counted(len(study.trials), 'trials')}, and no best one."
    metric = label_of(study.metric.removeprefix("eval_"), Words())
    seeds = counted(len(winner.values), "seeds")
    score = score_of(study.metric, winner.mean)
    if winner.number == DEFAULTS:
        return f"Of {counted(len(study.trials), 'trials')} none is above the defaults: {metric} {score} over {seeds}."
    told = f"Trial {winner.number} of {len(study.trials)} has {metric} {score} over {seeds}"
    if study.difference is None:
        return f"{told}."
    mean, low, high = study.difference
    if low is None or high is None:
        return f"{told}, {mean:+.4f} beside the defaults; one seed does not tell how sure that is."
    ends = f"{mean:+.4f} beside the defaults ({low:+.4f} to {high:+.4f} with 95 % confidence)"
    sure = {BETTER: "better", WORSE: "worse", NOT_TOLD_APART: "not told apart by so few seeds"}
    return f"{told}, {ends}: {sure.get(study.verdict or '', 'not known')}."

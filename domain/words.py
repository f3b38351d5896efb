"""What people are told of a kind of task: the words that differ from one to the other."""

from dataclasses import dataclass

from domain.config import SINGLE


def counted(number: int | None, plural: str) -> str:
    """Write a number with the noun of a kind: 1 row, 2,000 rows."""
    return f"{number or 0:,} {plural.removesuffix('s') if number == 1 else plural}"


def part_trained(num_parameters: int, num_trainable: int | None) -> str:
    """Say behind a number of parameters how many of them are trained; empty where all are, or where nobody knows."""
    if num_trainable is None or num_trainable == num_parameters:
        return ""
    return f", {num_trainable:,} of them trained ({num_trainable / num_parameters:.2%})"


def shared_out(num_devices: int, parallel: str) -> str:
    """Say behind a device how many of its kind share out a step, and in which way; empty for one alone."""
    return "" if parallel == SINGLE else f", {counted(num_devices, 'ranks')} ({parallel})"


@dataclass(frozen=True)
class Words:
    """What a kind calls the rows of its data, those that it makes of them for the model, and its loss.

    `has_tokens` says that speed is counted in tokens, `scores_fill_a_screen` that an evaluation gives more scores than
    a person wants to see at once, `next_command` what to do with a run that has ended, {} for its directory.
    """

    read: str = "rows"
    fed: str = "rows"
    loss: str = "loss"
    has_tokens: bool = True
    scores_fill_a_screen: bool = False
    next_command: str = "predict {} --input PATH --output answers.csv"

"""Tell on one screen what a training will take."""

import math
from collections.abc import Iterator

from application.use_cases.plan_training import PlanTrainingResponse
from domain.headlines import BASELINES, headlines_of, label_of, score_of
from domain.rivals import remark_on
from domain.showing import duration, harmless
from domain.step_size import ROWS, TOKENS
from domain.time_budget import as_written
from domain.words import counted, part_trained
from presentation.cli.saying import say_json, screen
from presentation.cli.speaking import say_failure
from presentation.cli.summary import write_facts
from presentation.cli.wording import words_of

MIB, GIB = 2**20, 2**30


def write_plan(response: PlanTrainingResponse, as_json: bool) -> int:
    """Write the answer of a dry run; gives the exit code."""
    if as_json:
        say_json(response.model_dump())
    elif response.success:
        console = screen()
        console.print(harmless(f"{response.task}: nothing was trained, and nothing is written"), style="bold")
        write_facts(console, _facts(response))
        for warning in response.warnings:
            console.print(harmless(f" warning: {warning}"), soft_wrap=True)
        console.print(" next: the same command without --dry-run", soft_wrap=True)
    say_failure(response.errors, response.exit_code)
    return response.exit_code


def _facts(response: PlanTrainingResponse) -> dict[str, str]:
    words = words_of(response.task)
    steps, seconds, memory, disk = response.steps, response.seconds, response.memory, response.disk
    facts = {"data": f"{response.dataset_path}: {_rows(response)}", **response.facts}
    if response.lengths:
        facts["lengths"] = _lengths(response)
    unit, each = (TOKENS, "tokens") if TOKENS in steps else (ROWS, words.fed)
    at_once = f", {counted(steps[unit], each)} each and {steps[f'{unit}_at_once']:,} at once"
    scored = f", {counted(steps['evaluations'], 'evaluations')}" if steps["evaluations"] else ""
    parts = f" of {_short(seconds['step'])}, evaluations of {_short(seconds['evaluation'])}"
    within = f", planned for a time budget of {as_written(seconds['budget'])}" if "budget" in seconds else ""
    peak, free = memory["peak_bytes"], memory["free_bytes"]
    room = "" if free is None else f", {_size(free)} are free"
    count = response.num_parameters or 0
    return {
        **facts,
        "model": f"{count:,} parameters{part_trained(count, response.num_trainable)}, {response.precision}"
        f" on {response.device}",
        "steps": f"{steps['total']:,}, {steps['per_epoch']:,} an epoch{at_once}{scored}",
        "time": f"about {duration(seconds['total'])} at most: steps{parts}; the report comes on top{within}",
        "memory": f"about {_size(peak or 0)} at the longest rows{room}",
        "disk": f"{_size(disk['run_bytes'])} at most in {response.run_dir}, {_size(disk['cache_bytes'])} in the cache; "
        f"{_size(disk['free_bytes'])} are free",
        **dict(_rivals(response)),
    }


def _rivals(response: PlanTrainingResponse) -> Iterator[tuple[str, str]]:
    """Give a line for each simple rival: what is to be beaten."""
    for prefix, name in BASELINES.items():
        start = f"{prefix}_"
        scores = {name.removeprefix(start): of for name, of in response.baselines.items() if name.startswith(start)}
        told = [
            f"{label_of(head, words_of(response.task))} {score_of(head, scores[head])}" for head in headlines_of(scores)
        ]
        if told:
            remark = remark_on(prefix, response.baselines)
            yield name, "; ".join(("  ".join(told), *([remark] if remark else [])))


def _rows(response: PlanTrainingResponse) -> str:
    read = words_of(response.task).read
    return f"{counted(response.num_train_rows, read)} to learn, {response.num_eval_rows or 0:,} to score"


def _lengths(response: PlanTrainingResponse) -> str:
    found = response.lengths
    levels = (
        f"half have at most {found['p50']:,.0f} tokens, 95% {found['p95']:,.0f}, the longest {found['longest']:,.0f}"
    )
    cut = f"{found['share_cut']:.1%} are longer than max_length {response.max_length} and will be cut"
    return f"{levels}; {cut if found['share_cut'] else 'none is cut'}"


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{math.ceil(count / MIB):,} MiB"

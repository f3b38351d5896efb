"""What a person reads of rows that were built."""

from collections.abc import Mapping

from application.use_cases.build_dataset import BuildDatasetResponse
from domain.words import counted
from presentation.cli.saying import say

COMMIT_SHOWN = 12


def write_built(built: BuildDatasetResponse) -> None:
    """Tell what was read, what fell out of it and why, and what the rows are."""
    card = built.card
    for source in card["sources"]:
        pairs = f", {counted(source['pairs'], 'fixed functions')}" if "pairs" in source else ""
        commit = f" at {source['commit'][:COMMIT_SHOWN]}" if source["commit"] else ""
        read = f"{counted(source['functions'], 'functions')}{pairs}, licence {source['licence']}"
        say(f"{source['project']}{commit}: {read}")
    if card["left_out"]:
        say("Left out:")
        for reason, count in card["left_out"].items():
            say(f"  {count:>9,}  {reason}")
    pairs = f", {counted(card['num_pairs'], 'pairs')} of them" if card["num_pairs"] else ""
    say(f"{counted(card['num_rows'], 'rows')}{pairs}: {_listed(card['labels'])}")
    say(f"Split by {card['settings']['group']}: {_listed(card['splits'])}")
    say(f"Train on them: athanor train --task {card['task']} --dataset {built.output}")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)

"""The process of one tracker: `python -P -m infrastructure.trackers.worker NAME`, asked through its standard input.

A question is a line of JSON, and so is its answer. What the library itself prints goes nowhere; whatever it raises ends
the tracker and is told. Where the questions end without the end of the run, whoever asked was killed.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from domain.run_layout import RunLayout
from domain.strict_json import strict_json
from infrastructure.trackers.ids import keep_id, kept_id
from infrastructure.trackers.known import tracker_named
from infrastructure.trackers.tracker import KILLED, Beginning, Ending, Point, Tracker

# The training goes before: a tracker takes the time that is left over.
NICENESS = 10
LONGEST_FAULT = 300


def main(name: str) -> None:
    """Serve until the run has ended or nobody asks any more."""
    with suppress(OSError):
        os.nice(NICENESS)
    with _private_streams() as (questions, answers):
        try:
            _serve(name, tracker_named(name), questions, answers)
        except Exception as error:  # whatever a stranger's library raises
            _answer(answers, {"fault": _told(error)})


def _serve(name: str, tracker: Tracker, questions: IO[str], answers: IO[str]) -> None:
    has_begun, step = False, 0
    for line in questions:
        question = json.loads(line)
        if "begin" in question:
            _begin(name, tracker, Beginning(**question["begin"]))
            has_begun = True
        else:
            _go_on(tracker, question)
            step = question["points"][-1]["step"] if "points" in question else step
        _answer(answers, {})
        if "end" in question:
            return
    if has_begun:
        tracker.end(Ending(KILLED, step, time.time()))


def _begin(name: str, tracker: Tracker, beginning: Beginning) -> None:
    place = RunLayout(Path(beginning.directory)).trackers
    place.mkdir(exist_ok=True)
    for link in filter(Path.is_symlink, place.iterdir()):
        raise OSError(f"{link} is a symbolic link, and a run writes into its own directory alone")
    known = kept_id(beginning.directory, name)
    begun = tracker.begin(replace(beginning, known_id=known))
    if begun != known:
        keep_id(beginning.directory, name, begun)


def _go_on(tracker: Tracker, question: Mapping[str, Any]) -> None:
    if "points" in question:
        tracker.add([Point(**point) for point in question["points"]])
    elif "back" in question:
        tracker.go_back(question["back"])
    else:
        tracker.end(Ending(**question["end"]))


def _answer(answers: IO[str], answer: Mapping[str, Any]) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more
        answers.write(strict_json(answer) + "\n")
        answers.flush()


@contextmanager
def _private_streams() -> Iterator[tuple[IO[str], IO[str]]]:
    """Keep the streams of the questions from the library and from the processes that it starts."""
    questions, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for place in (0, 1, 2):
        os.dup2(nothing, place)
    with os.fdopen(questions, encoding="utf-8") as asked, os.fdopen(answers, "w", encoding="utf-8") as answered:
        yield asked, answered


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:LONGEST_FAULT]


if __name__ == "__main__":
    main(sys.argv[1])

"""One hostile thing: how it is made, which command meets it, and what must come of it."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.faults.hostile.arena import WILLING, Outcome, Place

REFUSED = (2,)
ACCEPTED = (0,)
EITHER = (0, 2)
# A run that began may also end as failed.
ANY = (0, 1, 2)

LONGEST_ERROR = 3000
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
TRAIN = ("train", "--task", "text_classification", "--max-length", "32", "--batch-size", "4", "--precision", "fp32")
BRIEF = ("--set", "max_steps=2", "--set", "vocab_size=400", "--output", "out")


@dataclass(frozen=True)
class Case:
    """A hostile thing.

    `build` makes it and gives the words of the command. `exits` are the exit codes that are right, `says` are patterns
    that standard error must hold, `answers` patterns of standard output. `max_errors` is how many sentences of error
    there may be. With `reads_outside` the user's own links may be followed, for reading alone. Without `draws` pictures
    are empty files.
    """

    name: str
    build: Callable[[Place], Sequence[str]]
    exits: tuple[int, ...] = REFUSED
    says: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    stdin: bytes = WILLING
    max_errors: int = 1
    reads_outside: bool = False
    draws: bool = True


def train(*more: str, data: str = "rows.jsonl", model: str = "encoder-tiny") -> tuple[str, ...]:
    """Give the words that train a classifier for two steps."""
    return (*TRAIN, "--dataset", data, "--model", model, *BRIEF, *more)


def complaints(case: Case, outcome: Outcome) -> Iterator[str]:
    """Tell what is wrong with an outcome."""
    if outcome.is_late:
        yield "took too long and was killed"
    if outcome.exit_code not in case.exits:
        yield f"exit code {outcome.exit_code}, not one of {case.exits}"
    if "Traceback" in outcome.stderr:
        yield "shows a traceback"
    for offence in dict.fromkeys(outcome.offences):
        if not (case.reads_outside and offence.startswith("reads ") and "/outside" in offence):
            yield f"does what it must not: {offence}"
    yield from _of_sentences(case, outcome)
    yield from (f"standard error does not say {p!r}" for p in _missing(case.says, outcome.stderr))
    yield from (f"standard output does not say {p!r}" for p in _missing(case.answers, outcome.stdout))
    raw = sorted({ascii(char) for char in outcome.stdout + outcome.stderr if _drives_a_terminal(char)})
    if raw:
        yield f"writes {', '.join(raw)} to the terminal"


def _of_sentences(case: Case, outcome: Outcome) -> Iterator[str]:
    number = len(outcome.errors)
    if outcome.exit_code and not 1 <= number <= case.max_errors:
        yield f"{number} sentences of error, not 1 to {case.max_errors}"
    if not outcome.exit_code and number:
        yield "says error, but exits with 0"
    for error in outcome.errors:
        if len(error) > LONGEST_ERROR:
            yield f"an error of {len(error):,} characters"
        if not re.search(r"[.:;?!)] [A-Z][a-z]", error):
            yield f"an error without a remedy: {error[:200]}"


def _missing(patterns: Iterable[str], text: str) -> Iterator[str]:
    return (pattern for pattern in patterns if not re.search(pattern, text, re.IGNORECASE))


def _drives_a_terminal(char: str) -> bool:
    return char in BIDI or (unicodedata.category(char) == "Cc" and char not in "\n\t")

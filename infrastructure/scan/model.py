"""The model of a run as a scan uses it: what its card says, its scores, and the lines that decide them.

The card is read here without the library of models, which takes seconds to load: where every piece was judged before
nothing else is needed. A model that must be asked is opened by `predictors`, which check it in full.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.labels import TELLS_CUT
from application.phases import phase
from domain.exceptions import ModelError
from domain.findings import FINDING_SEVERITIES
from domain.run_layout import CARD, RunLayout
from domain.scan import EXPECTED_SHARE, SAFE, ModelFacts
from domain.version import VERSION
from infrastructure.files import sha256_of
from infrastructure.plain_files import read_plain
from infrastructure.scanners.known import SCANNERS, is_installed

if TYPE_CHECKING:
    from infrastructure.answering import AnsweringModel

LARGEST_CARD = 64 << 20
CALIBRATION = "calibration"
ANSWERED_AT_ONCE = 64
MOST_NUMBER = 1e6  # of a calibration; a card may say anything
LEAST_PROBABILITY = 1e-12

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class ScanModel:
    """A model whose labels are severities, not opened yet; `digest` changes with every byte of it."""

    facts: ModelFacts
    digest: str
    device: str

    @classmethod
    def of(cls, run: str, device: str, expected_share: float = EXPECTED_SHARE) -> "ScanModel":
        """Find the model of a run. Raises: ModelError for a directory without one, and for one of other labels."""
        directory = Path(run)
        if not directory.is_dir():
            raise ModelError(f"{run} is no directory.", remedy="Name a run directory; see `runs list`.")
        within = RunLayout(directory).model
        directory = within if within.is_dir() else directory
        card = _card(directory)
        labels = card.get("labels")
        if not isinstance(labels, list) or not _are_severities(labels):
            told = ", ".join(map(str, labels[:6])) if isinstance(labels, list) and labels else "no labels"
            raise ModelError(
                f"the model of {run} gives {told}, and a scan needs {SAFE} beside severities"
                f" ({', '.join(FINDING_SEVERITIES)}).",
                remedy="Name a run of security_classification.",
            )
        facts = ModelFacts(run, tuple(labels), expected_share=expected_share, **_calibration(card.get(CALIBRATION)))
        return cls(facts, f"{_digest_of(directory)} {_scanner_of(card)}", device)

    @cached_property
    def _opened(self) -> "AnsweringModel":
        from infrastructure.predictors import PredictorSource  # here, because it loads much, and torch for most models

        with phase("opening the model"):
            return PredictorSource().open(self.facts.run, self.device)

    def answers(self, texts: Sequence[str], advance: Callable[[int], None]) -> list[Answer]:
        """Answer pieces of code, those of a length together; `advance` is told how many are done."""
        answers: list[Answer] = [{}] * len(texts)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        for start in range(0, len(order), ANSWERED_AT_ONCE):
            part = order[start : start + ANSWERED_AT_ONCE]
            given = self._opened.answer([texts[at] for at in part], {TELLS_CUT: True})
            for at, answer in zip(part, given, strict=True):
                answers[at] = answer
            advance(len(part))
        return answers

    def calibrated(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Divide the logarithms of probabilities by the temperature, shift them, and adapt them to the expected share.

        Sources: Guo et al., ICML 2017; Platt, 1999; Saerens et al., Adjusting the Outputs of a Classifier to New A
        Priori Probabilities, 2002.
        """
        facts = self.facts
        logs = {label: math.log(max(scores[label], LEAST_PROBABILITY)) / facts.temperature for label in facts.labels}
        logs[SAFE] += facts.shift + _log_odds(facts.weak_share) - _log_odds(facts.expected_share)
        most = max(logs.values())
        weights = {label: math.exp(log - most) for label, log in logs.items()}
        return {label: weight / sum(weights.values()) for label, weight in weights.items()}

    def score(self, scores: Mapping[str, float]) -> float:
        """Give the calibrated probability of a weakness."""
        return 1.0 - self.calibrated(scores)[SAFE]


def _log_odds(share: float) -> float:
    return math.log(share / (1.0 - share))


def _are_severities(labels: Sequence[Any]) -> bool:
    return SAFE in labels and len(labels) > 1 and set(labels) <= {SAFE, *FINDING_SEVERITIES}


def _card(directory: Path) -> Mapping[str, Any]:
    path = directory / CARD
    try:
        card = json.loads(read_plain(path, LARGEST_CARD))
    except FileNotFoundError as error:
        raise ModelError(
            f"{directory} holds no finished model ({CARD} is missing).",
            remedy="Give a run directory whose training has ended, or its model directory.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise ModelError(f"{path} cannot be read: {reason}.", remedy="Restore it, or train again.") from error
    if not isinstance(card, dict):
        raise ModelError(f"{path} is no JSON object.", remedy="Restore it, or train again.")
    return card


def _scanner_of(card: Mapping[str, Any]) -> str:
    """Name the scanner whose findings a model reads, with its version: another one would find other things."""
    name = str(card.get("findings"))
    if name not in SCANNERS:
        return ""
    return f"{name} {metadata.version(name)}" if is_installed(name) else name


def _calibration(told: Any) -> dict[str, Any]:
    """Give what a card says of temperature, shift and calibration error; nothing where it says nothing that can be."""
    if not isinstance(told, dict):
        return {}
    names = {"temperature": "temperature", "shift": "shift", "ece": "ece_after", "ece_before": "ece_before"}
    given = {name: told[key] for name, key in names.items() if type(told.get(key)) in (int, float)}
    if not all(abs(value) <= MOST_NUMBER for value in given.values()) or given.get("temperature", 0.0) <= 0.0:
        return {}
    numbers = {name: float(value) for name, value in given.items()}
    num_rows, weak_share = told.get("rows"), told.get("weak_share")
    if isinstance(weak_share, float) and 0.0 < weak_share < 1.0:
        numbers["weak_share"] = weak_share
    return {**numbers, "num_rows": num_rows if type(num_rows) is int and num_rows > 0 else 0}


def _digest_of(directory: Path) -> str:
    """Name the content of a model. Raises: ModelError where a file cannot be read."""
    made = hashlib.sha256(VERSION.encode())
    try:
        for path in sorted(directory.iterdir()):
            if path.is_file():
                made.update(f"{path.name} {sha256_of(path)}\n".encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise ModelError(
            f"{error.filename} cannot be read: {error.strerror or error}.", remedy="Check its permissions."
        ) from error
    return made.hexdigest()

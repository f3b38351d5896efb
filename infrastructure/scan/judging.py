"""What a model says of the pieces of files: each content once, and where it objects, at which lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from application.phases import phase
from domain.exceptions import DatasetError
from domain.scan import SAFE, Piece, SourceFile, Verdict
from infrastructure.scan.kept import KeptFindings, key_of
from infrastructure.scan.model import Answer, ScanModel
from infrastructure.scan.occlusion import deciding_lines
from infrastructure.scan.read_files import ReadFile, digest_of, texts_of_pieces

# Looking for lines asks the model about a piece twenty times.
MOST_EXPLAINED = 200


@dataclass
class FileAtHand:
    """A file with what was read of it."""

    source: SourceFile
    read: ReadFile


class Judge:
    """Asks a model about each piece of code once, whatever file it stands in."""

    def __init__(self, model: ScanModel, kept: KeptFindings) -> None:
        self._model = model
        self._kept = kept

    def verdicts(self, files: Sequence[FileAtHand], min_score: float) -> dict[str, "Judged"]:
        """Give what the model says of each piece, by the digest of its code."""
        places: dict[str, tuple[FileAtHand, Piece]] = {}
        for file in files:
            for piece, digest in file.read.pieces:
                places.setdefault(digest, (file, piece))
        answers = self._answers(places)
        judged = {
            digest: Judged(
                self._model.calibrated(answer["scores"]),
                _lines(answer),
                cwe=_cwe(answer),
                is_cut=answer.get("is_cut") is True,
            )
            for digest, answer in answers.items()
        }
        return self._explained(judged, places, min_score)

    def _answers(self, places: Mapping[str, tuple[FileAtHand, Piece]]) -> dict[str, Answer]:
        keys = {key_of("piece", self._model.digest, digest): digest for digest in places}
        kept = self._kept.get(list(keys))
        answers = {keys[key]: value for key, value in kept.items() if self._is_answer(value)}
        texts = _texts([digest for digest in places if digest not in answers], places)
        if texts:
            with phase("asking the model", len(texts), "pieces") as progress:
                new = dict(zip(texts, self._model.answers(list(texts.values()), progress.advance), strict=True))
            told = {
                digest: {name: answer.get(name) for name in ("scores", "lines", "cwe", "is_cut")}
                for digest, answer in new.items()
            }
            told = {digest: answer for digest, answer in told.items() if self._is_answer(answer)}
            self._kept.put({key: told[digest] for key, digest in keys.items() if digest in told})
            answers |= told
        return answers

    def _is_answer(self, value: Any) -> bool:
        scores = value.get("scores") if isinstance(value, dict) else None
        labels = self._model.facts.labels
        return isinstance(scores, dict) and all(isinstance(scores.get(label), int | float) for label in labels)

    def _explained(
        self, judged: "dict[str, Judged]", places: Mapping[str, tuple[FileAtHand, Piece]], min_score: float
    ) -> "dict[str, Judged]":
        """Find the lines of pieces that are told, the surest first, and at most `MOST_EXPLAINED` of them."""
        told = [digest for digest, one in judged.items() if one.score >= min_score and one.lines is None]
        told.sort(key=lambda digest: (-judged[digest].score, digest))
        share = f"{self._model.facts.expected_share:g}"
        keys = {key_of("lines", self._model.digest, share, digest): digest for digest in told[:MOST_EXPLAINED]}
        lines = {keys[key]: value for key, value in self._kept.get(list(keys)).items() if _are_lines(value)}
        texts = _texts([digest for digest in keys.values() if digest not in lines], places)
        if texts:
            with phase("looking for lines"):
                scores = [judged[digest].score for digest in texts]
                found = deciding_lines(list(texts.values()), scores, self._scores)
            new = {
                digest: [] if one is None else [one.first_line, one.last_line, one.without]
                for digest, one in zip(texts, found, strict=True)
            }
            self._kept.put({key: new[digest] for key, digest in keys.items() if digest in new})
            lines |= new
        for digest, value in lines.items():
            if value:
                judged[digest] = replace(judged[digest], lines=(value[0], value[1]), without=value[2])
        return judged

    def _scores(self, texts: Sequence[str]) -> list[float]:
        return [self._model.score(answer["scores"]) for answer in self._model.answers(texts, lambda number: None)]


@dataclass(frozen=True)
class Judged:
    """A verdict on a piece of code, wherever it stands: `lines` count from 1 within it.

    `is_cut` says that it is one on its beginning alone, which is all that the model reads.
    """

    scores: Mapping[str, float]
    lines: tuple[int, int] | None = None
    without: float | None = None
    cwe: int | None = None
    is_cut: bool = False

    @property
    def score(self) -> float:
        """The probability of a weakness of any severity."""
        return 1.0 - self.scores[SAFE]

    def at(self, piece: Piece) -> Verdict:
        """Give it for a piece of a file, with the lines of that."""
        lines = self.lines
        placed = None if lines is None else (piece.line_in_file(lines[0]), piece.line_in_file(lines[1]))
        return Verdict(self.scores, placed, self.without, self.cwe)


def _texts(digests: Sequence[str], places: Mapping[str, tuple[FileAtHand, Piece]]) -> dict[str, str]:
    """Read the code of pieces again; what has changed by now is left out."""
    by_file: dict[str, tuple[FileAtHand, list[Piece]]] = {}
    for digest in digests:
        file, piece = places[digest]
        by_file.setdefault(file.source.place, (file, []))[1].append(piece)
    texts: dict[str, str] = {}
    for file, pieces in by_file.values():
        try:
            found = texts_of_pieces(file.source, pieces)
        except DatasetError:
            continue
        texts |= {digest_of(text): text for text in found}
    return texts


def _lines(answer: Answer) -> tuple[int, int] | None:
    """Give the worst of the lines that a model names itself, which is the first, with those named beside it."""
    lines = answer.get("lines")
    if not isinstance(lines, list) or not lines or not all(type(line) is int and line > 0 for line in lines):
        return None
    first = last = lines[0]
    while first - 1 in lines:
        first -= 1
    while last + 1 in lines:
        last += 1
    return first, last


def _cwe(answer: Answer) -> int | None:
    """Give the number of a kind of weakness, told as 78 or "CWE-78"."""
    told = answer.get("cwe")
    digits = str(told).upper().removeprefix("CWE-") if isinstance(told, int | str) else ""
    return int(digits) if digits.isdecimal() and len(digits) <= 6 and int(digits) else None


def _are_lines(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    if not value:
        return True
    return len(value) == 3 and all(type(line) is int and line > 0 for line in value[:2]) and isinstance(value[2], float)

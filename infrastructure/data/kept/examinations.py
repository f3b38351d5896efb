"""What a scanner says of many pieces of code, asked once for each content."""

import hashlib
import json
import platform
from array import array
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from application.phases import phase
from domain.findings import Examination, Finding
from domain.strict_json import strict_json
from infrastructure.data.kept.cache import cached, key_of
from infrastructure.data.kept.mapped import TextColumn
from infrastructure.scanners.scanner import Scanner


class KeptExaminations(Sequence[Examination]):
    """Examinations of all pieces, read from disk as they are asked for."""

    def __init__(self, texts: TextColumn) -> None:
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> Examination:  # type: ignore[override]  # slices are of no use here
        said = json.loads(self._texts[index])
        return Examination(tuple(Finding(**finding) for finding in said["findings"]), said["unreadable"])


def examined(scanner: Scanner, codes: Sequence[str]) -> Sequence[Examination]:
    """Ask a scanner about each piece, or give what it said when it was asked about the same before.

    What it says follows from its version and, where it parses, from that of Python. Raises: DatasetError when the disk
    of the cache is full or refuses.
    """
    if not len(codes):
        return ()
    key = key_of("examined", scanner.name, scanner.version, platform.python_version(), _digest(codes))
    return KeptExaminations(TextColumn(cached("examined", key, lambda staging: _keep(scanner, codes, staging))))


def _digest(codes: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for index in range(len(codes)):
        content = codes[index].encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def _keep(scanner: Scanner, codes: Sequence[str], directory: Path) -> None:
    ends = array("q")
    end = 0
    with phase(f"asking {scanner.name}", len(codes), "texts") as done, (directory / "texts.bin").open("wb") as file:
        for index in range(len(codes)):
            end += file.write(strict_json(asdict(scanner.examine(codes[index]))).encode("utf-8", "replace"))
            ends.append(end)
            done.advance()
    np.save(directory / "ends.npy", np.frombuffer(ends, dtype=np.int64))

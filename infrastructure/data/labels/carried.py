"""What rows may carry beside text and label: marks, findings, the kind of weakness, the part they are scored in."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.marks import Mark
from infrastructure.data.kept.cache_entry import CacheEntry
from infrastructure.data.kept.mapped import TextColumn

# Names of the columns, which a schema asks for.
MARKS, FINDINGS, CWE, PART = "marks", "findings", "cwe", "part"
FACTS = "carried.json"
_FILES = {
    MARKS: ("marks.npy", "mark_ends.npy", "is_marked.npy"),
    FINDINGS: ("findings.bin", "finding_ends.npy"),
    CWE: ("cwes.npy",),
    PART: (),  # which decides no weight
}


@dataclass(frozen=True)
class Carried:
    """What the rows of a file carry, as it is kept on disk; what nobody asked for is None.

    `mark_ends` [N] count the marks up to and with each row; `marks` [M, 3] are their start, end, and number among
    `mark_names`; `is_marked` [N] tells of a row without any whether it says so, or says nothing. `findings` are JSON
    texts, "null" for a row that says nothing. `cwes` [N] are 0 where unknown, and `parts` [N] are -1 for rows of no
    part, else they index `part_names`. `content` differs when anything that a model may learn from does.
    """

    marks: np.ndarray | None = None
    mark_ends: np.ndarray | None = None
    is_marked: np.ndarray | None = None
    mark_names: tuple[str, ...] = ()
    findings: TextColumn | None = None
    cwes: np.ndarray | None = None
    parts: np.ndarray | None = None
    part_names: tuple[str, ...] = ()
    content: str = ""

    def marks_of(self, row: int) -> list[Mark]:
        """Give the marks of a row, as they stand in the file."""
        if self.marks is None or self.mark_ends is None:
            return []
        start = int(self.mark_ends[row - 1]) if row else 0
        spans = self.marks[start : int(self.mark_ends[row])].tolist()
        return [Mark(first, end, self.mark_names[name]) for first, end, name in spans]

    def findings_of(self, row: int) -> list[dict[str, Any]] | None:
        """Give the findings of a row, None where it says nothing of them."""
        return None if self.findings is None else json.loads(self.findings[row])


CARRIES_NOTHING = Carried()


def carried_in(entry: CacheEntry) -> Carried:
    """Map what was kept."""
    if FACTS not in entry.digests:
        return CARRIES_NOTHING
    facts = json.loads((entry / FACTS).read_text(encoding="utf-8"))
    arrays: dict[str, Any] = {
        name: np.load(entry / f"{name}.npy", mmap_mode="r")
        for name in ("marks", "mark_ends", "is_marked", "cwes", "parts")
        if f"{name}.npy" in entry.digests
    }
    findings = TextColumn(entry, "findings", "finding_ends") if "findings.bin" in entry.digests else None
    # Nothing where a file carries nothing: who learnt from it before there was anything to carry, goes on.
    content = entry.digest_of(*(name for column in facts["holding"] for name in _FILES[column]), FACTS)
    return Carried(
        **arrays,
        mark_names=tuple(facts["mark_names"]),
        part_names=tuple(facts["part_names"]),
        findings=findings,
        content=content if facts["holding"] else "",
    )

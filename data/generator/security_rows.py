"""Functions with their labels: families written by hand and composed programs, for training and for validation."""

import ast
import importlib
import json
import pkgutil
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from data.generator import security
from data.generator.composed.drawing import UNSEEN_COMPOSITIONS, UNSEEN_GUARDS, UNSEEN_STEPS, UNSEEN_USES
from data.generator.composed.parts import is_held_out
from data.generator.composed.rows import composed_rows
from data.generator.family import CodeFamily, TextFamily
from data.generator.marked import marks_of

F = TypeVar("F", CodeFamily, TextFamily)
Row = dict[str, Any]

PAIRS_PER_FAMILY = 4
TRAINING_PAIRS, VALIDATION_PAIRS = 18_500, 500
UNSEEN_FAMILIES = "unseen families"
COMPOSED_PARTS = (UNSEEN_COMPOSITIONS, UNSEEN_STEPS, UNSEEN_GUARDS, UNSEEN_USES)

# Bands of CVSS v3.1 on the score of the kind of weakness, as an editorial choice of the project's shared table.
SEVERITY: dict[int, str] = json.loads(
    (Path(__file__).parent / "severity.json").read_text(encoding="utf-8"),
    object_pairs_hook=lambda pairs: {int(cwe): severity for cwe, severity in pairs},
)


def training_rows(seed: int) -> list[Row]:
    """Give what is learnt from: families and compositions of seen parts, twin behind twin."""
    families = (family for family in code_families() if not is_family_held_out(family))
    return mixed([*family_rows(families, seed), *composed(TRAINING_PAIRS, seed)], seed)


def validation_rows(seed: int) -> list[Row]:
    """Give what is scored, a part for each kind of thing that training has not seen."""
    families = (family for family in code_families() if is_family_held_out(family))
    rows = [row | {"part": UNSEEN_FAMILIES} for row in family_rows(families, seed)]
    return mixed([*rows, *(row for part in COMPOSED_PARTS for row in composed(VALIDATION_PAIRS, seed, part))], seed)


def composed(pairs: int, seed: int | str, part: str = "") -> Iterator[Row]:
    """Yield the rows of composed programs, each looked at."""
    for row in composed_rows(pairs, seed, SEVERITY, part):
        verify(row["family"], row["code"])
        yield row


def family_rows(families: Iterable[CodeFamily], seed: int) -> Iterator[Row]:
    """Render code families as pairs of rows: the severity of their CWE, and `safe` for the fixed twin."""
    for family in families:
        origin = {"cwe": f"CWE-{family.cwe}", "family": family_id(family), "surrounding": family.surrounding}
        for vulnerable, fixed in family.pairs(PAIRS_PER_FAMILY, seed):
            for text, label in ((vulnerable, SEVERITY[family.cwe]), (fixed, "safe")):
                verify(family_id(family), text.characters)
                yield {"code": text.characters, "label": label, **origin, "marks": marks_of(text)}


def code_families() -> list[CodeFamily]:
    """Collect the code families of every module in `security/`, in file order; names must be unique."""
    return families_of(security, CodeFamily)


def families_of(package: ModuleType, kind: type[F]) -> list[F]:
    """Collect `FAMILIES` of each module of a package."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    families = [f for name in names for f in importlib.import_module(f"{package.__name__}.{name}").FAMILIES]
    assert all(isinstance(family, kind) for family in families)
    return families


def family_id(family: CodeFamily) -> str:
    """Name a family across weaknesses."""
    return f"cwe-{family.cwe}/{family.name}"


def is_family_held_out(family: CodeFamily) -> bool:
    """Tell whether a family is kept for validation: about one of six is."""
    return is_held_out("family", family_id(family))


def verify(family: str, code: str) -> None:
    """Refuse a function that is no Python or that talks about its own weakness."""
    try:
        ast.parse(code)
    except SyntaxError as error:
        raise SystemExit(f"{family} does not parse: {error}\n{code}") from error
    told = re.search(r"vulnerab|insecure|unsafe|exploit|attack|malicious|\bcwe\b|injection", code, re.IGNORECASE)
    if told:
        raise SystemExit(f"{family} says {told[0]!r}: the label must not be told in words.\n{code}")


def distinct(rows: list[Row], text_field: str) -> list[Row]:
    """Refuse two rows of the same text."""
    repeated = [text for text, count in Counter(row[text_field] for row in rows).items() if count > 1]
    if repeated:
        raise SystemExit(f"{len(repeated)} texts occur twice, the first:\n{repeated[0]}")
    return rows


def mixed(rows: list[Row], seed: int) -> list[Row]:
    """Mix pairs of twins, so that a file cut anywhere still holds every label, and half of it is safe."""
    distinct(rows, "code")
    pairs = [rows[number : number + 2] for number in range(0, len(rows), 2)]
    random.Random(seed).shuffle(pairs)
    return [row for pair in pairs for row in pair]

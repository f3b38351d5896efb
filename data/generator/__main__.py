"""Write the shipped data: `python -m data.generator` rewrites its files, `--check` only verifies and counts."""

import ast
import importlib
import json
import pkgutil
import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from data.generator import messages, security
from data.generator.family import CodeFamily, TextFamily
from data.generator.instructions import instruction_rows
from data.generator.market import BARS, REGIMES, market_bars, write_bars

F = TypeVar("F", CodeFamily, TextFamily)

SEED = 42
PAIRS_PER_FAMILY = 4
TEXTS_PER_FAMILY = 10
DATA = Path(__file__).resolve().parents[1]

# Bands of CVSS v3.1 on the score of the kind of weakness, as an editorial choice of the project's shared table.
SEVERITY: dict[int, str] = json.loads(
    (Path(__file__).parent / "severity.json").read_text(encoding="utf-8"),
    object_pairs_hook=lambda pairs: {int(cwe): severity for cwe, severity in pairs},
)


def main() -> None:
    """Write all data sets, or with --check render every family and say what is wrong with it."""
    only_check = "--check" in sys.argv[1:]
    for name, rows in (("security", security_rows()), ("classification", message_rows())):
        print(f"{name}: {len(rows)} rows, {len({row['family'] for row in rows})} families, ", end="")
        print(", ".join(f"{label} {count}" for label, count in sorted(Counter(row["label"] for row in rows).items())))
        if not only_check:
            write(DATA / f"{name}.json", rows)
    chats = instruction_rows(SEED)
    print(f"instructions: {len(chats)} chats, {sum(len(chat['messages']) for chat in chats)} turns")
    if not only_check:
        write(DATA / "instructions.json", chats)
    bars = market_bars(SEED)
    spent = Counter(REGIMES[bar.regime] for bar in bars)
    print(f"market_simulated: {len(bars)} bars, {len(bars) // BARS} sessions, ", end="")
    print(", ".join(f"{regime} {spent[regime]}" for regime in REGIMES))
    if not only_check:
        write_bars(DATA / "market_simulated.csv", bars)


def security_rows() -> list[dict[str, str]]:
    """Render every code family as pairs of rows: the severity of its CWE, and `safe` for the fixed twin."""
    rows = []
    for family in code_families():
        for vulnerable, fixed in family.pairs(PAIRS_PER_FAMILY, SEED):
            for code, label in ((vulnerable, SEVERITY[family.cwe]), (fixed, "safe")):
                verify(family, code)
                origin = {"cwe": f"CWE-{family.cwe}", "family": family_id(family), "surrounding": family.surrounding}
                rows.append({"code": code, "label": label, **origin})
    return shuffled(distinct(rows, "code"))


def message_rows() -> list[dict[str, str]]:
    """Render every message family."""
    rows = [
        {"text": text, "label": family.label, "family": f"{family.label}/{family.name}"}
        for family in families_of(messages, TextFamily)
        for text in family.texts(TEXTS_PER_FAMILY, SEED)
    ]
    return shuffled(distinct(rows, "text"))


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


def verify(family: CodeFamily, code: str) -> None:
    """Refuse a variant that is no Python or that talks about its own weakness."""
    try:
        ast.parse(code)
    except SyntaxError as error:
        raise SystemExit(f"{family_id(family)} does not parse: {error}\n{code}") from error
    told = re.search(r"vulnerab|insecure|unsafe|exploit|attack|malicious|\bcwe\b|injection", code, re.IGNORECASE)
    if told:
        raise SystemExit(f"{family_id(family)} says {told[0]!r}: the label must not be told in words.\n{code}")


def distinct(rows: list[dict[str, str]], text_field: str) -> list[dict[str, str]]:
    """Refuse two rows of the same text and two families of the same name."""
    repeated = [text for text, count in Counter(row[text_field] for row in rows).items() if count > 1]
    if repeated:
        raise SystemExit(f"{len(repeated)} texts occur twice, the first:\n{repeated[0]}")
    return rows


def shuffled(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Mix the rows so that a file cut anywhere still holds every label."""
    random.Random(SEED).shuffle(rows)
    return rows


def write(path: Path, rows: Sequence[object]) -> None:
    """Write a JSON array with one row a line, so that a diff shows rows."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Write the shipped data, or more of it: `python -m data.generator --help`."""

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.generator import messages
from data.generator.family import TextFamily
from data.generator.instructions import instruction_rows
from data.generator.market import BARS, REGIMES, market_bars, write_bars
from data.generator.security_rows import composed, distinct, families_of, training_rows, validation_rows
from data.generator.shops import shop_sales, write_sales
from data.generator.writing import ENDINGS, write_array, write_rows

SEED = 42
TEXTS_PER_FAMILY = 10
DATA = Path(__file__).resolve().parents[1]
SECURITY, SECURITY_VALIDATION = DATA / "security.parquet", DATA / "security_validation.parquet"
SHOPS_SIMULATED = DATA / "shops_simulated.csv.gz"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all data sets, or with --check render every family and say what is wrong with it."""
    parser = argparse.ArgumentParser(prog="python -m data.generator", description="Writes the shipped data anew.")
    parser.add_argument("--check", action="store_true", help="render everything, say what is wrong, write nothing")
    commands = parser.add_subparsers(dest="command")
    more = commands.add_parser("security", help="write more composed programs than are shipped")
    more.add_argument("--rows", type=_even, required=True, help="how many functions: half of them are safe")
    seeds = f"other programs for each; {SEED} begins with those that are shipped"
    more.add_argument("--seed", type=int, default=0, help=seeds)
    more.add_argument("--output", type=_output, required=True, help=f"file to write: {', '.join(ENDINGS)}")
    options = parser.parse_args(arguments)
    if options.command == "security":
        write_rows(options.output, list(composed(options.rows // 2, options.seed)))
        return
    write_all(only_check=options.check)


def write_all(only_check: bool) -> None:
    """Render every data set, count it, and write it unless it is only checked."""
    for path, rows in ((SECURITY, training_rows(SEED)), (SECURITY_VALIDATION, validation_rows(SEED))):
        _count(path.stem, rows)
        if not only_check:
            write_rows(path, rows)
    texts = message_rows()
    _count("classification", texts)
    chats = instruction_rows(SEED)
    print(f"instructions: {len(chats)} chats, {sum(len(chat['messages']) for chat in chats)} turns")
    bars = market_bars(SEED)
    spent = Counter(REGIMES[bar.regime] for bar in bars)
    print(f"market_simulated: {len(bars)} bars, {len(bars) // BARS} sessions, ", end="")
    print(", ".join(f"{regime} {spent[regime]}" for regime in REGIMES))
    sales = shop_sales(SEED)
    print(f"shops_simulated: {len(sales)} rows, {len({(sale.shop, sale.product) for sale in sales})} series")
    if not only_check:
        write_array(DATA / "classification.json", texts)
        write_array(DATA / "instructions.json", chats)
        write_bars(DATA / "market_simulated.csv", bars)
        write_sales(SHOPS_SIMULATED, sales)


def message_rows() -> list[dict[str, str]]:
    """Render every message family."""
    rows = [
        {"text": text, "label": family.label, "family": f"{family.label}/{family.name}"}
        for family in families_of(messages, TextFamily)
        for text in family.texts(TEXTS_PER_FAMILY, SEED)
    ]
    distinct(rows, "text")
    random.Random(SEED).shuffle(rows)
    return rows


def _count(name: str, rows: list[dict[str, Any]]) -> None:
    print(f"{name}: {len(rows)} rows, {len({row['family'] for row in rows})} families, ", end="")
    print(", ".join(f"{label} {count}" for label, count in sorted(Counter(row["label"] for row in rows).items())))


def _even(text: str) -> int:
    count = int(text)
    if count < 2 or count % 2:
        raise argparse.ArgumentTypeError(f"{text} is no even number above 0, and twins come in pairs")
    return count


def _output(text: str) -> Path:
    if not text.endswith(ENDINGS):
        raise argparse.ArgumentTypeError(f"{text} ends in none of {', '.join(ENDINGS)}")
    return Path(text)


if __name__ == "__main__":
    main()

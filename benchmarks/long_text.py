"""Peak memory of a language model's training as its text grows: the engine must not hold the text.

    python benchmarks/long_text.py [--megabytes 200] [--json]

Writes a tenth of the text and all of it, and trains a few steps on each by characters and by byte-level BPE, every
training in its own process with an empty cache. The text is made from the standard library: its lines in an order
drawn anew for each repetition, numbers and some words changed, so that a tokenizer meets ever new words. `anonymous`
is what a process itself asked for; pages of mapped files, which count as resident while the machine has room for them,
are not among it.
"""

import argparse
import json
import os
import random
import re
import string
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TOKENIZERS = ("char", "bpe")
SHARE_OF_CHANGED_WORDS = 0.05
# The evaluation part of a long text would take most of the time, and says nothing about memory.
VALIDATION_SHARE = 0.002
_CHANGEABLE = re.compile(r"[A-Za-z]{3,}|\d+")


def main() -> None:
    """Print both sizes and what the larger one needs more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=200.0, help="size of the larger text, in 10^6 bytes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [round(options.megabytes * 1e5), round(options.megabytes * 1e6)]
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "text.txt"
        measured = [(size, measure(path, size)) for size in sizes]
    for tokenizer in TOKENIZERS:
        smaller, larger = ({"megabytes": size / 1e6, **by_name[tokenizer]} for size, by_name in measured)
        growth = larger["peak_anonymous_mib"] - smaller["peak_anonymous_mib"]
        result[tokenizer] = {"smaller": smaller, "larger": larger, "growth_of_anonymous_mib": growth}
    result["cores"] = os.cpu_count()
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def measure(path: Path, num_bytes: int) -> dict[str, dict[str, float]]:
    """Write a text of so many bytes and train on it with each tokenizer; memory in MiB."""
    from benchmarks.large_file import watch

    write_text(path, num_bytes)
    peaks = {}
    for tokenizer in TOKENIZERS:
        with tempfile.TemporaryDirectory() as scratch:
            words = [
                "train", "--task", "language_modeling", "--dataset", path, "--model", "decoder-tiny", "--max-length",
                128, "--output", f"{scratch}/run", "--set", f"tokenizer={tokenizer}", "--set", "max_steps=20",
                "--set", "eval_steps=20", "--set", f"validation_split={VALIDATION_SHARE}", "--json",
            ]  # fmt: skip
            peaks[tokenizer] = watch(words, f"{scratch}/cache")
    return peaks


def write_text(path: Path, num_bytes: int) -> None:
    """Write varied text of `num_bytes` bytes, the same each time."""
    written = 0
    with path.open("wb") as file:
        for line in varied_lines(random.Random(0)):
            content = line.encode("ascii")[: num_bytes - written]
            file.write(content)
            written += len(content)
            if written == num_bytes:
                return


def varied_lines(draw: random.Random) -> Iterator[str]:
    """Give the standard library's lines again and again, each time in another order and with other words."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in sources)
    lines = [line for line in text.encode("ascii", errors="replace").decode("ascii").splitlines(True) if line.strip()]

    def changed(found: re.Match[str]) -> str:
        word = found.group()
        if word.isdigit():
            return str(draw.randrange(10 ** len(word)))
        if draw.random() < SHARE_OF_CHANGED_WORDS:
            return "".join(draw.choices(string.ascii_lowercase, k=len(word)))
        return word

    while True:
        draw.shuffle(lines)
        for line in lines:
            yield _CHANGEABLE.sub(changed, line)


if __name__ == "__main__":
    main()

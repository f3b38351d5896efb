"""The program of a process that reads source files: a line of JSON for each on its input, one on its output.

It is apart because a parser may be led into taking all memory and time, or into ending its process.
"""

import json
import os
import resource
import sys
from typing import Any

from domain.scan import SourceFile
from infrastructure.scan.read_files import read_file
from infrastructure.scanners.known import scanner_named
from infrastructure.scanners.scanner import Scanner

MEMORY = 4 << 30


def main() -> None:
    """Read files until the input ends; the scanner is named by the first word, empty for none."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY if most == resource.RLIM_INFINITY else min(MEMORY, most), most))
    # What a library prints is no answer.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    scanner = scanner_named(sys.argv[1]) if sys.argv[1] else None
    answers.write("\n")  # ready: from here on the time of a file is its own
    answers.flush()
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line), scanner), allow_nan=False) + "\n")
        answers.flush()


def _answer(asked: dict[str, Any], scanner: Scanner | None) -> Any:
    return read_file(SourceFile(asked["path"], asked["place"], asked["digest"]), scanner).as_json()


if __name__ == "__main__":
    main()

"""A process that reads source files, and ends or stays at those of certain names."""

import os
import time
from unittest.mock import patch

from domain.scan import SourceFile
from infrastructure.scan import reading_process
from infrastructure.scan.read_files import ReadFile, read_file
from infrastructure.scanners.scanner import Scanner


def _read(file: SourceFile, scanner: Scanner | None) -> ReadFile:
    if file.path.startswith("crash"):
        os.abort()
    if file.path.startswith("late"):
        time.sleep(600)
    return read_file(file, scanner)


if __name__ == "__main__":
    with patch.object(reading_process, "read_file", _read):
        reading_process.main()

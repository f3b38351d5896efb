"""A tracker's process that behaves as its first word says; speaks the protocol of the true one and needs no library."""

import json
import sys
import time
from pathlib import Path


def main(behaviour: str, heard: str) -> None:
    """Answer each question, write it down, and fail, die or hang where told."""
    for line in sys.stdin:
        question = json.loads(line)
        (kind,) = question
        with Path(heard).open("a", encoding="utf-8") as file:
            file.write(line)
        if behaviour == f"dies at {kind}":
            sys.exit(3)
        if behaviour == f"hangs at {kind}":
            time.sleep(600)
        if behaviour == f"is slow at {kind}":
            time.sleep(0.5)
        fault = {"fault": "OSError: no store there"} if behaviour == f"fails at {kind}" else {}
        print("this is no JSON" if behaviour == f"babbles at {kind}" else json.dumps(fault), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

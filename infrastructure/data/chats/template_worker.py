"""The process that runs a chat template: `python -P -m infrastructure.data.chats.template_worker`.

A template is a program from wherever a model comes from. It runs in a sandbox, and here it may loop, fill memory or
write without end: the process has little memory and little time for each chat, and nothing else in it.
"""

import json
import resource
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from infrastructure.data.chats.rendering import ChatTemplate, TemplateFault, Turns

# Of the work of this process: one that is right takes a thousandth of it.
SECONDS_A_CHAT, SECONDS_A_TURN = 5.0, 0.05
MEMORY_BYTES = 1 << 30


def main() -> None:
    """Answer lines of JSON until there are no more: first the template, then chats."""
    for limit, size in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # a system that knows no such limit
            resource.setrlimit(limit, (size, size))
    template: ChatTemplate | None = None
    for line in sys.stdin:
        question = json.loads(line)
        if template is None:
            answer, template = _opened(question)
            if template is None:
                print(json.dumps(answer, allow_nan=False), flush=True)
                return
        else:
            answer = {"answers": [_answered(template, question["want"], chat) for chat in question["chats"]]}
        print(json.dumps(answer, allow_nan=False), flush=True)


def _opened(question: Mapping[str, Any]) -> tuple[dict[str, Any], ChatTemplate | None]:
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_A_CHAT)
    try:
        template = ChatTemplate(question["template"], question["variables"], question["controls"])
        return {"leaves_out": template.leaves_out}, template
    except TemplateFault as fault:
        return {"fault": str(fault)}, None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _answered(template: ChatTemplate, want: str, turns: Turns) -> dict[str, Any]:
    # Nobody handles the signal, so that it ends the process even within a call that never comes back.
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_A_CHAT + SECONDS_A_TURN * len(turns))
    try:
        if want == "pieces":
            return {"pieces": [asdict(piece) for piece in template.pieces(turns)]}
        return {"text": template.prompt(turns) if want == "prompt" else template.text(turns)}
    except TemplateFault as fault:
        return {"fault": str(fault)}
    except MemoryError:
        return {"fault": "takes more memory than it may"}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


if __name__ == "__main__":
    main()

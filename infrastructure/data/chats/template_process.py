"""Asks the process that runs a chat template."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from domain.exceptions import ModelError

WORKER = "infrastructure.data.chats.template_worker"
HOME = Path(__file__).resolve().parents[3]
CHATS_AT_ONCE = 64
SECONDS_TO_LEAVE = 5.0

Want: TypeAlias = Literal["text", "prompt", "pieces"]
Turns: TypeAlias = Sequence[tuple[str, str]]  # role and content
GIVE_ANOTHER = "Give another with --set chat_template=chatml, or the path of a .jinja file."


@dataclass(frozen=True)
class Template:
    """A template, the special tokens that it may name, and the strings that are signs to the tokenizer."""

    source: str
    variables: Mapping[str, str]
    signs: tuple[str, ...]


class TemplateProcess:
    """A process that has one template; `leaves_out` are the roles whose turns it takes and does not write."""

    def __init__(self, template: Template) -> None:
        path = os.pathsep.join(filter(None, (str(HOME), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            (sys.executable, "-P", "-m", WORKER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # an interrupt from the terminal is for the training
        )
        question = {"template": template.source, "variables": template.variables, "controls": template.signs}
        answer = self._asked(question)
        if "fault" in answer:
            raise ModelError(f"the chat template {answer['fault']}.", remedy=GIVE_ANOTHER)
        self.leaves_out = tuple(answer["leaves_out"])

    def ask(self, want: Want, chats: Sequence[Turns]) -> list[Mapping[str, Any]]:
        """Give `text` or `pieces` of each chat, or its `fault`.

        Raises: ModelError when the template takes more time than it may.
        """
        answers: list[Mapping[str, Any]] = []
        for start in range(0, len(chats), CHATS_AT_ONCE):
            answers += self._asked({"want": want, "chats": chats[start : start + CHATS_AT_ONCE]})["answers"]
        return answers

    def _asked(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question, allow_nan=False).encode("ascii") + b"\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if line.endswith(b"\n"):
            answer: Mapping[str, Any] = json.loads(line)
            return answer
        code = self.close()
        reason = "takes longer than it may" if code == -signal.SIGVTALRM else f"ended its process (exit code {code})"
        raise ModelError(f"the chat template {reason}.", remedy=GIVE_ANOTHER)

    def close(self) -> int:
        """End the process; gives its exit code."""
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # both are pipes
        try:
            return self._process.wait(SECONDS_TO_LEAVE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


@contextmanager
def running(template: Template) -> Iterator[TemplateProcess]:
    """Run a template for as long as the block lasts. Raises: ModelError when it is none."""
    process = TemplateProcess(template)
    try:
        yield process
    finally:
        process.close()

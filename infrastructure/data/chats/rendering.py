"""A chat as its template writes it, and which of its characters the assistant writes. Runs in a process of its own.

The marks `{% generation %}` of a template say what the assistant writes. Without them, an answer is what the chat up to
it has more than the prompt that asks for it, up to the special token that ends the turn.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

# What stands for an answer, and around marked ones. No content holds them: see escaping.py.
STAND_IN, OPENED, CLOSED = "\U0010fff0", "\U0010fff1", "\U0010fff2"
MARKS = re.compile(r"{%[-+]?\s*generation\s*[-+]?%}")
# What a template reads as today: with another date each day no run could be repeated. Llama 3.2 takes this one itself.
TODAY = datetime(2024, 7, 26)
# A template adds a few signs to each turn, and some a page of its own before the first.
MOST_CHARACTERS_ADDED = 1_000_000
LARGEST_RATIO = 4
SHOWN = 60

Turns = Sequence[tuple[str, str]]  # role and content
Span = tuple[int, int]


class TemplateFault(Exception):
    """A template does not serve for a chat."""


@dataclass(frozen=True)
class Rendered:
    """A text and the characters of it that the assistant writes: from the first up to the last, which is left out."""

    text: str
    spans: tuple[Span, ...]


class ChatTemplate:
    """A template with the special tokens that it may name; `controls` are the strings that it uses as signs."""

    def __init__(self, source: str, variables: Mapping[str, Any], controls: Sequence[str]) -> None:
        self._variables, self._controls = dict(variables), controls
        self._has_marks = MARKS.search(source) is not None
        self._environment = _environment()
        try:
            self._template = self._environment.from_string(source)
        except Exception as error:
            raise TemplateFault(_told(error)) from error

    def text(self, turns: Turns, prompt: bool = False) -> str:
        """Write a chat; `prompt` asks for the beginning of an answer behind it. Raises: TemplateFault."""
        return _without_marks(self._written(turns, prompt))[0]

    def prompt(self, turns: Turns) -> str:
        """Write what a model is asked with. Raises: TemplateFault."""
        return self.text(turns, prompt=True) if self._has_marks else self._prompt(turns, self._around(turns)[0])

    def pieces(self, turns: Turns) -> list[Rendered]:
        """Write a chat with its answers marked: as a whole, or once for each answer where others would change it.

        Raises: TemplateFault.
        """
        if self._has_marks:
            return [self._marked(turns)]
        whole = self.text(turns)
        answers = [self._answer(turns, at, whole) for at, (role, _) in enumerate(turns) if role == "assistant"]
        if all(whole.startswith(answer.text[: answer.spans[0][1]]) for answer in answers):
            return [Rendered(whole, tuple(answer.spans[0] for answer in answers))]
        return answers

    def _marked(self, turns: Turns) -> Rendered:
        text, spans = _without_marks(self._written(turns, prompt=False))
        if not spans:
            raise TemplateFault("marks no answer with {% generation %}")
        return Rendered(text, tuple((start, self._with_end(text, start, end)) for start, end in spans))

    def _answer(self, turns: Turns, at: int, whole: str) -> Rendered:
        before = turns[:at]
        text = whole if at == len(turns) - 1 else self.text(turns[: at + 1])
        head, tail = self._around(before)
        prompt = self._prompt(before, head)
        if not text.startswith(prompt):
            opening = prompt[_common(prompt, text) :]
            raise TemplateFault(f"begins an answer with {_shown(opening)}, which it leaves out of one that is given")
        if not text.endswith(tail) or len(prompt) + len(tail) > len(text):
            raise TemplateFault("ends an answer in ways that depend on it")
        return Rendered(text, ((len(prompt), len(text) - len(tail) + self._end_of_turn(tail)),))

    def _prompt(self, turns: Turns, head: str) -> str:
        """Give what stands before an answer; `head` is that of a given one, which the model may write a part of."""
        try:
            asked, closed = self.text(turns, prompt=True), self.text(turns)
        except TemplateFault:
            if turns:
                raise
            return head  # an answer that nothing goes before
        if asked != closed or (head.startswith(asked) and not head[len(asked) :].strip()):
            return asked
        return head  # the template does not know how to begin an answer

    def _around(self, before: Turns) -> tuple[str, str]:
        """Give what stands before and behind an answer."""
        parts = self.text([*before, ("assistant", STAND_IN)]).split(STAND_IN)
        if len(parts) != 2:
            raise TemplateFault(f"writes out an answer {len(parts) - 1} times")
        return parts[0], parts[1]

    def _end_of_turn(self, tail: str) -> int:
        """Give where, behind an answer, its turn has ended."""
        places = [(tail.index(sign), -len(sign)) for sign in self._controls if sign in tail]
        if not places:
            raise TemplateFault("ends an answer without a special token, so that a model could not learn to stop")
        start, length = min(places)
        return start - length

    def _with_end(self, text: str, start: int, end: int) -> int:
        """Give where the turn of a marked answer has ended: some mark its words alone."""
        if self._marks_end and any(text.endswith(sign, start, end) for sign in self._controls):
            return end
        return end + max((len(sign) for sign in self._controls if text.startswith(sign, end)), default=0)

    def _written(self, turns: Turns, prompt: bool) -> str:
        messages = [{"role": role, "content": content} for role, content in turns]
        most = MOST_CHARACTERS_ADDED + LARGEST_RATIO * sum(len(content) for _, content in turns)
        parts: list[str] = []
        size = 0
        try:
            for part in self._template.generate(
                messages=messages, tools=None, documents=None, add_generation_prompt=prompt, **self._variables
            ):
                size += len(part)
                if size > most:
                    raise TemplateFault(f"writes more than {most:,} characters")
                parts.append(part)
        except TemplateFault:
            raise
        except Exception as error:
            raise TemplateFault(_told(error)) from error
        text = "".join(parts)
        if turns and not text.strip():
            raise TemplateFault("writes nothing")
        return text

    @cached_property
    def _marks_end(self) -> bool:
        """Tell whether marks enclose the sign of an end too: words may end with such as `</think>` themselves."""
        text, spans = _without_marks(self._written([("user", "a"), ("assistant", STAND_IN)], prompt=False))
        behind = [text[start:end].rpartition(STAND_IN)[2] for start, end in spans if STAND_IN in text[start:end]]
        return any(sign in tail for tail in behind for sign in self._controls)

    @cached_property
    def leaves_out(self) -> tuple[str, ...]:
        """Name the roles whose turns the template takes and does not write."""
        chats = {
            "system": [("system", STAND_IN), ("user", "a")],
            "user": [("user", STAND_IN)],
        }
        answer = ("assistant", "b")  # some write what the system says before a question, and not when that is answered
        return tuple(
            role for role, turns in chats.items() if self._leaves_out(turns) or self._leaves_out([*turns, answer])
        )

    def _leaves_out(self, turns: Turns) -> bool:
        try:
            return STAND_IN not in self.text(turns)
        except TemplateFault:
            return False  # it says so itself


class _Generation(Extension):
    """Knows the block `{% generation %}`, and sets marks around what it writes."""

    tags = {"generation"}  # noqa: RUF012  declared by the library

    def parse(self, parser: Parser) -> nodes.Node:
        """Read a block up to its end."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_around"), [], [], body).set_lineno(line)

    def _around(self, caller: Macro) -> str:
        return f"{OPENED}{caller()}{CLOSED}"


def _environment() -> ImmutableSandboxedEnvironment:
    """Give what templates are written for, by the documentation of transformers (Chat templates: writing)."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _as_json
    environment.globals |= {"raise_exception": _refuse, "strftime_now": TODAY.strftime}
    return environment


def _as_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys, allow_nan=False
    )


def _refuse(message: object) -> None:
    raise TemplateError(str(message))


def _without_marks(text: str) -> tuple[str, list[Span]]:
    """Take the marks out of a text; gives the places of what they enclosed."""
    spans: list[Span] = []
    plain: list[str] = []
    size = start = depth = 0
    for part in re.split(f"([{OPENED}{CLOSED}])", text):
        if part == OPENED:
            start, depth = (size, 1) if depth == 0 else (start, depth + 1)
        elif part == CLOSED:
            depth -= 1
            if depth == 0 and size > start:
                spans.append((start, size))
        else:
            plain.append(part)
            size += len(part)
    return "".join(plain), spans


def _common(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _told(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "takes more memory than it may"
    if isinstance(error, RecursionError):
        return "calls itself without an end"
    first = (str(error).strip().splitlines() or [""])[0][:300].rstrip(".")
    if not first:
        return "refuses a chat" if type(error) is TemplateError else f"fails: {type(error).__name__}"
    return f"says: {first}" if type(error) is TemplateError else f"fails: {first}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")

"""Chats as the ids that a model reads, with what the assistant writes of them: a tokenizer and its chat template."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from domain.exceptions import ModelError
from infrastructure.data.chats.chat import Turn
from infrastructure.data.chats.escaping import Hidden, Hiding
from infrastructure.data.chats.template_process import GIVE_ANOTHER, Template, TemplateProcess, Turns, running
from infrastructure.data.tokens.text_ids import special_tokens, text_ids
from infrastructure.data.tokens.tokenization import fingerprint, most_characters

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LINE_END = "\n"
Span: TypeAlias = tuple[int, int]
_ASKED: Turns = [("user", "a")]
_ANSWERED: Turns = [("user", "a"), ("assistant", "b")]


@dataclass(frozen=True)
class LearntIds:
    """Token ids [L], and which of them the assistant writes [L]; `was_cut` tells whether letters were left unread."""

    ids: list[int]
    learnt: list[bool]
    was_cut: bool = False


class ChatFormat:
    """Turns chats into ids as the template of a tokenizer writes them.

    `signs` are the strings that are tokens of their own to this template; spelt out in a message they are text.
    `end_of_turn` is the one with which an answer ends.
    Raises: ModelError for a tokenizer without a template, and for a template that writes no chat that can be learnt.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", model_name: str) -> None:
        source = template_of(tokenizer)
        if source is None:
            raise ModelError(f"the tokenizer of model {model_name} has no chat template.", remedy=GIVE_ANOTHER)
        if not tokenizer.is_fast:
            raise ModelError(
                f"the tokenizer of model {model_name} does not tell which characters a token stands for.",
                remedy="Save its fast form beside the model, tokenizer.json.",
            )
        self._tokenizer = tokenizer
        special = set(special_tokens(tokenizer).values()) | {str(token) for token in tokenizer.all_special_tokens}
        signs = sorted(special | {str(token) for token in tokenizer.get_added_vocab()})
        self._template = Template(source, tokenizer.special_tokens_map, tuple(signs))
        with running(self._template) as process:
            (asked,), (given,) = process.ask("prompt", [_ASKED]), process.ask("pieces", [_ANSWERED])
            self.leaves_out = process.leaves_out
        for answer in (asked, given):
            if "fault" in answer:
                raise ModelError(f"the chat template of model {model_name} {answer['fault']}.", remedy=GIVE_ANOTHER)
        self.end_of_turn = self._end_of(given["pieces"][-1])
        # Other added tokens, such as <think>, are words that a message may use.
        self.signs = tuple(sign for sign in signs if sign in {*special, self.end_of_turn} or sign in asked["text"])
        self._hiding = Hiding(self.signs)

    def _end_of(self, piece: Mapping[str, Any]) -> str:
        answered = piece["text"][: piece["spans"][-1][1]]
        ends = [sign for sign in self._template.signs if answered.endswith(sign)]
        if not ends:
            raise ModelError(
                "the chat template ends an answer without a special token, so that a model could not learn to stop.",
                remedy=GIVE_ANOTHER,
            )
        return max(ends, key=len)

    @property
    def end_id(self) -> int:
        """The token that ends an answer."""
        return int(self._tokenizer.convert_tokens_to_ids(self.end_of_turn))  # type: ignore[arg-type]  # of one token

    @cached_property
    def fingerprint(self) -> str:
        """Give what differs when chats could become other ids."""
        told = f"{self._template!r} {self.signs} {fingerprint(self._tokenizer)}"
        return hashlib.sha256(told.encode("utf-8", errors="surrogatepass")).hexdigest()

    @contextmanager
    def at_work(self, max_length: int) -> Iterator["ChatEncoder"]:
        """Encode chats for as long as the block lasts, of each as much as `max_length` tokens can take."""
        with running(self._template) as process:
            yield ChatEncoder(self._tokenizer, self._hiding, process, most_characters(max_length))


class ChatEncoder:
    """Encodes chats with the help of a process that has their template; a string says why it refuses one."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerBase", hiding: Hiding, process: TemplateProcess, most_characters: int
    ) -> None:
        self._tokenizer, self._hiding, self._process = tokenizer, hiding, process
        self._most = most_characters
        self._special = set(special_tokens(tokenizer))

    def pieces(self, chats: Sequence[Sequence[Turn]]) -> list["list[LearntIds] | str"]:
        """Give each chat as one piece, or one for each answer where the template changes what stands before it."""
        hidden = [self._hiding.hidden(chat) for chat in chats]
        answers = self._process.ask("pieces", [each.turns for each in hidden])
        plain = [
            piece["text"][: self._most]
            for each, answer in zip(hidden, answers, strict=True)
            if not each.texts
            for piece in answer.get("pieces", ())
        ]
        read = iter(self._read(plain) if plain else ())
        return [
            _refusal(answer)
            if "fault" in answer
            else [
                self._in_parts(each, piece["text"], piece["spans"])
                if each.texts
                else self._marked(next(read), piece["spans"], len(piece["text"]) > self._most)
                for piece in answer["pieces"]
            ]
            for each, answer in zip(hidden, answers, strict=True)
        ]

    def prompts(self, chats: Sequence[Sequence[Turn]]) -> list["list[int] | str"]:
        """Give what a model is asked with."""
        hidden = [self._hiding.hidden(chat) for chat in chats]
        answers = self._process.ask("prompt", [each.turns for each in hidden])
        return [
            _refusal(answer) if "fault" in answer else self._in_parts(each, answer["text"], ()).ids
            for each, answer in zip(hidden, answers, strict=True)
        ]

    def _in_parts(self, hidden: Hidden, text: str, spans: Sequence[Span]) -> LearntIds:
        """Encode a rendering with what was hidden in it."""
        whole = LearntIds([], [], len(text) > self._most)
        place = 0
        for part, shown, was_hidden in hidden.parts(text[: self._most]):
            within = [(start - place, end - place) for start, end in spans]
            if was_hidden:
                ids = self._as_text(part)
                learnt = [any(start <= 0 < end for start, end in within)] * len(ids)
            else:
                (read,) = self._read([part], follows=place > 0)
                marked = self._marked(read, within)
                ids, learnt = marked.ids, marked.learnt
            whole.ids.extend(ids)
            whole.learnt.extend(learnt)
            place += shown
        return whole

    def _marked(self, read: "_Read", spans: Sequence[Span], was_cut: bool = False) -> LearntIds:
        """Mark the tokens that lie within spans of characters, whole or in part; a special one where it begins there.

        Some special tokens take the white space behind them, which may be the beginning of an answer.
        """
        learnt = [
            any((start <= begin if number in self._special else start < end) and begin < stop for start, stop in spans)
            for number, (begin, end) in zip(read.ids, read.offsets, strict=True)
        ]
        return LearntIds(read.ids, learnt, was_cut)

    def _read(self, texts: Sequence[str], follows: bool = False) -> list["_Read"]:
        """Encode texts with their signs; one that `follows` another is no beginning, where that makes a difference."""
        head = LINE_END if follows else ""
        encoded = self._tokenizer(
            [head + text for text in texts],
            add_special_tokens=False,
            split_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
            verbose=False,
        )
        read = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        found = [_Read(ids, offsets) for ids, offsets in read]
        return [each.behind(len(head)) or self._read([text])[0] for each, text in zip(found, texts, strict=True)]

    def _as_text(self, sign: str) -> list[int]:
        """Spell out a sign, of letters only."""
        (ids,) = text_ids(self._tokenizer, [sign], marks=False)
        if self._tokenizer.convert_tokens_to_ids(sign) not in ids:
            return ids
        return [number for part in (sign[:1], sign[1:]) for number in text_ids(self._tokenizer, [part], marks=False)[0]]


@dataclass(frozen=True)
class _Read:
    """Token ids [L] and the characters that each stands for: the first, and the one behind the last."""

    ids: list[int]
    offsets: list[Span]

    def behind(self, length: int) -> "_Read | None":
        """Leave out the first characters; None where a token lies on both sides of that border."""
        if length == 0:
            return self
        first = next((at for at, (begin, end) in enumerate(self.offsets) if end > length), len(self.ids))
        if first < len(self.ids) and self.offsets[first][0] < length:
            return None
        offsets = [(begin - length, end - length) for begin, end in self.offsets[first:]]
        return _Read(self.ids[first:], offsets)


def template_of(tokenizer: "PreTrainedTokenizerBase") -> str | None:
    """Give the template of a tokenizer that has several the one for plain chats; None where it has none."""
    template: Any = tokenizer.chat_template
    if isinstance(template, Mapping):
        template = template.get("default")
    return template if isinstance(template, str) and template.strip() else None


def _refusal(answer: Mapping[str, Any]) -> str:
    return f"the chat template {answer['fault']}"

"""In which of its columns a file holds chats, and in which form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from domain.exceptions import ConfigurationError, DatasetError
from infrastructure.data.sources.fields import ALIASES, Names, Sought, columns_of, listed, matching, plain_name, sought

# Names of columns, as `plain_name` writes them.
OF_TURNS = ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns")
OF_SYSTEM = ("system", "system_prompt", "system_message")
OF_HISTORY = ("history",)
OF_TOOLS = ("tools", "functions")
OF_MEDIA = ("image", "images", "audio", "audios", "video", "videos")
OF_ONE_TURN = (("role", "content"), ("from", "value"))
# What goes on where an instruction or a question ends. Source: the data of Stanford Alpaca, and of Databricks Dolly.
OF_INPUT = ("input", "context")
_GOING_ON = ("instruction", "question", "query")
INSTRUCTION = "instruction"
_PAIRS = ((INSTRUCTION, ("output", "response", "completion")), ("prompt", ("completion", "response")))
_ASKED = ("text", "message", "content")

Columns: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class ChatSought:
    """Where chats are looked for: in a column of `turns`, or in those of a question and its answer."""

    turns: Sought
    source: Sought
    target: Sought


@dataclass(frozen=True)
class ChatColumns:
    """The columns of a file that hold its chats: all turns of one in `turns`, or a question and its answer apart.

    Those of `optional` may be missing in a row. Cells of `system` and `history` come before, and where those of
    `tools` or `media` hold anything the row is refused.
    """

    turns: str | None = None
    source: Columns = ()
    target: Columns = ()
    optional: Columns = ()
    system: str | None = None
    history: str | None = None
    tools: Columns = ()
    media: Columns = ()

    @property
    def sentence(self) -> str:
        """Say what was found where."""
        if self.turns is not None:
            found = f"the chats in {self.turns!r}"
        else:
            found = f"the user's turn in {_together(self.source)}"
            found += f", the assistant's in {_together(self.target)}" if self.target else ""
            found += f", what was said before in {self.history!r}" if self.history else ""
        return found + (f", the system's in {self.system!r}" if self.system else "")


def chat_sought(
    source_fields: Sequence[str],
    target_fields: Sequence[str],
    messages_field: str | None = None,
    source_field: Names | None = None,
    target_field: Names | None = None,
) -> ChatSought:
    """Say where chats are looked for: under the names of a task, or where a caller says."""
    return ChatSought(
        sought("messages", OF_TURNS, messages_field),
        sought("source", source_fields, source_field),
        sought("target", target_fields, target_field),
    )


def chat_columns(name: str, fields: Sequence[str], wanted: ChatSought, is_asked: bool = False) -> ChatColumns:
    """Find the columns among the fields of the file `name`; a row that `is_asked` needs no answer.

    Raises: DatasetError where none fit or several forms do, with the setting that says it.
    """
    turns = _turns(name, fields, wanted)
    taken = (turns,) if turns is not None else ()
    source, target = ((), ()) if taken else _apart(name, fields, wanted, is_asked)
    inputs = () if wanted.source.named else _named(OF_INPUT, fields, (*taken, *source, *target))
    has_inputs = bool(inputs) and len(source) == 1 and plain_name(source[0]) in _GOING_ON
    if has_inputs and len(inputs) > 1:
        raise DatasetError(
            f"{name} has the fields {listed(fields)}, and both {' and '.join(map(repr, inputs))} may go on with "
            f"{source[0]!r}.",
            remedy=f"Name what is meant: --set source_field=[{source[0]},{inputs[0]}]",
        )
    optional = inputs if has_inputs else ()
    others = (*taken, *source, *target, *optional)
    return ChatColumns(
        turns=turns,
        source=(*source, *optional),
        target=target,
        optional=optional,
        system=_only(name, OF_SYSTEM, fields, others),
        history=None if taken else _only(name, OF_HISTORY, fields, others),
        tools=_named(OF_TOOLS, fields, others),
        media=_named(OF_MEDIA, fields, others),
    )


def _turns(name: str, fields: Sequence[str], wanted: ChatSought) -> str | None:
    """Give the column of turns, None where question and answer stand apart.

    Raises: DatasetError; ConfigurationError where a caller names both.
    """
    apart = [part for part in (wanted.source, wanted.target) if part.named]
    if apart and wanted.turns.named:
        raise ConfigurationError(
            f"messages_field names a column of whole chats, and {' and '.join(part.setting for part in apart)} one of "
            "questions or answers.",
            remedy="Name one form.",
        )
    if apart or _are_own(wanted, fields):
        return None
    for column in wanted.turns.named or wanted.turns.own:
        if (match := matching(column, fields)) is not None:
            return match
    if wanted.turns.named:
        raise DatasetError(
            f"{name} has the fields {listed(fields)}, but messages_field names {wanted.turns.named[0]!r}.",
            remedy=f"--set messages_field={next(iter(_named(OF_TURNS, fields, ())), 'NAME')}",
        )
    found = _named(OF_TURNS, fields, ())
    pair = next(iter(_strong_pairs(fields)), None)
    if len(found) > 1:
        raise DatasetError(
            f"{name} has the fields {listed(fields)}, and chats may be in {' or '.join(map(repr, found))}.",
            remedy=f"Name what is meant: --set messages_field={found[0]}",
        )
    if found and pair:
        raise DatasetError(
            f"{name} has the fields {listed(fields)}, and chats may be in {found[0]!r} or in {_together(pair)}.",
            remedy=f"Name what is meant: --set messages_field={found[0]}, "
            f"or --set source_field={pair[0]} --set target_field={pair[1]}",
        )
    return found[0] if found else None


def _are_own(wanted: ChatSought, fields: Sequence[str]) -> bool:
    """Tell whether all columns are there that a model learnt questions and answers from."""
    own = (*wanted.source.own, *wanted.target.own)
    return bool(own) and all(matching(column, fields) is not None for column in own)


def _strong_pairs(fields: Sequence[str]) -> list[tuple[str, str]]:
    """Give the columns that are a question and its answer by names that mean nothing else."""
    pairs = []
    for first, seconds in _PAIRS:
        question, answers = matching(first, fields), _named(seconds, fields, ())
        if question is not None and answers:
            pairs.append((question, answers[0]))
    return pairs


def _apart(name: str, fields: Sequence[str], wanted: ChatSought, is_asked: bool) -> tuple[Columns, Columns]:
    """Give the columns of question and answer. Raises: DatasetError."""

    def say_nothing(word: str) -> None:
        """Keep what was guessed for the sentence of all columns."""

    instruction = matching(INSTRUCTION, fields)
    source = wanted.source
    if not (source.named or source.own) and any({*keys} <= {*map(plain_name, fields)} for keys in OF_ONE_TURN):
        raise DatasetError(
            f"{name} has the fields {listed(fields)}: each of its rows is a turn, and must be a chat.",
            remedy='Write all turns of a chat in one row: {"messages": [{"role": "user", "content": "..."}, ...]}.',
        )
    if instruction is not None and not source.named and not any(column in fields for column in source.usual):
        source = replace(source, usual=(instruction,))  # an input, which may be a source too, goes on with it
    asked = _named(_ASKED, fields, ())
    if is_asked and len(asked) == 1 and not source.named and not _named(ALIASES["source"], fields, ()):
        source = replace(source, usual=(*source.usual, *asked))
    try:
        found = columns_of(name, fields, [source] if is_asked else [source, wanted.target], say_nothing)
    except DatasetError as error:
        raise _with_forms(error) from error
    return found[0], () if is_asked else found[1]


def _with_forms(error: DatasetError) -> DatasetError:
    return DatasetError(
        f"{error.problem.rstrip('.')}, and no column is named {' or '.join(map(repr, OF_TURNS[:2]))}.",
        remedy=f"{error.remedy.rstrip('.')}, or name a column of turns: --set messages_field=NAME",
    )


def _named(names: Sequence[str], fields: Sequence[str], taken: Sequence[str]) -> Columns:
    """Give the fields that go by one of some names, in the order of these."""
    found = [
        (names.index(plain_name(field)), field) for field in fields if plain_name(field) in names and field not in taken
    ]
    return tuple(field for _, field in sorted(found))


def _only(name: str, names: Sequence[str], fields: Sequence[str], taken: Sequence[str]) -> str | None:
    """Give the field that goes by one of some names. Raises: DatasetError for several."""
    found = _named(names, fields, taken)
    if len(found) > 1:
        raise DatasetError(
            f"{name} has both {' and '.join(map(repr, found[:2]))}, which mean the same.", remedy="Remove one of them."
        )
    return found[0] if found else None


def _together(columns: Sequence[str]) -> str:
    return " and ".join(map(repr, columns))

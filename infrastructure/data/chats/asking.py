"""Chats that a finished model is asked to go on with; a text is a user's only turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from infrastructure.data.chats.chat import Chat, Turn, chat_json
from infrastructure.data.chats.check import ChatCheck
from infrastructure.data.chats.forms import ChatSought
from infrastructure.data.chats.order import asked_problems, without_last_answer
from infrastructure.data.chats.turn import Seen, text_problems
from infrastructure.data.chats.turns import holds_turns, turns_in
from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.sources.checking import Faults
from infrastructure.data.sources.fields import Say


@dataclass(frozen=True)
class AskingChats:
    """Takes chats that end with a user's turn, each written as `chat_json` does; an answer behind it is left out."""

    wanted: ChatSought
    nested: bool = True

    def check(self, name: str) -> "AskedChats":
        """Take them from the columns that hold them."""
        return AskedChats(ChatCheck(name, self.wanted, is_asked=True))

    def of_line(self, line: str, number: int) -> str | RowFault:
        """Take a line as what a user says, or as turns where it is a JSON list of them."""
        turns: Sequence[Turn] = (Turn("user", line),)
        problems = text_problems(line, "the line")
        if holds_turns(line):
            turns, problems = turns_in(line, "the line", Seen())
            turns = without_last_answer(turns)
            problems = problems or list(asked_problems(turns))
        return RowFault(number, *problems[0]) if problems else chat_json(tuple(turns))


@dataclass(frozen=True)
class AskedChats:
    """Takes line and chat of each row, as text."""

    chats: ChatCheck

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns. Raises: DatasetError."""
        self.chats.look(fields, say)

    def __call__(self, row: Row) -> tuple[int, str] | Faults:
        """Give line and chat of a good row."""
        found: tuple[int, Chat] | Faults = self.chats(row)
        return found if isinstance(found, list) else (found[0], chat_json(found[1]))

    def last_faults(self) -> Faults:
        """Say nothing: each row stands for itself."""
        return []

    def words(self) -> Sequence[str]:
        """Say what was unusual in good rows."""
        return self.chats.words()

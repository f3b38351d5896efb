"""One row, one chat: its turns gathered from the columns that hold them, or all that is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from domain.exceptions import DatasetError
from infrastructure.data.chats.chat import Chat, Role, Turn
from infrastructure.data.chats.forms import ChatColumns, ChatSought, chat_columns
from infrastructure.data.chats.order import asked_problems, order_problems, without_last_answer, without_open_question
from infrastructure.data.chats.turn import NO_MEDIA, NO_TOOLS, Problem, Seen, text_problems
from infrastructure.data.chats.turns import holds_turns, list_in, turns_in
from infrastructure.data.files.row import Row, RowFault
from infrastructure.data.sources.checking import Faults, TextCells, shown_cell
from infrastructure.data.sources.fields import Say

_NOTHING: tuple[Any, ...] = (None, "", "[]", "{}", "null", [], {})

Found: TypeAlias = tuple[Sequence[Turn], Sequence[Problem]]


class ChatCheck:
    """Takes a chat from a row; one that `is_asked` ends with a question, and an answer behind it is left out."""

    def __init__(self, name: str, wanted: ChatSought, is_asked: bool = False) -> None:
        self._name, self._wanted, self._is_asked = name, wanted, is_asked
        self.columns = ChatColumns()
        self._fields: dict[str, None] = {}
        self._cells: dict[tuple[str, ...], TextCells] = {}
        self._hold_turns: dict[str, bool] = {}
        self._seen = Seen()
        self._num_left_out = 0

    def look(self, fields: Sequence[str], say: Say) -> None:
        """Find the columns. Raises: DatasetError."""
        self.columns = chat_columns(self._name, fields, self._wanted, self._is_asked)
        self._fields, self._say = dict.fromkeys(fields), say
        say(f"{self._name}: found {self.columns.sentence}.")

    def __call__(self, row: Row) -> tuple[int, Chat] | Faults:
        """Give line and chat of a good row."""
        if type(row.values) is dict and not row.values.keys() <= self._fields.keys():
            problem = self._another_form(row.values)
            if problem is not None:
                return [RowFault(row.line, *problem)]
        turns, problems = self._gathered(row)
        if not problems:
            whole = without_last_answer(turns) if self._is_asked else without_open_question(turns)
            problems = list((asked_problems if self._is_asked else order_problems)(whole))
            self._num_left_out += len(whole) < len(turns)
            turns = whole
        return [RowFault(row.line, *problem) for problem in problems] or (row.line, tuple(turns))

    def last_faults(self) -> Faults:
        """Say nothing: each row stands for itself."""
        return []

    def words(self) -> Sequence[str]:
        """Say what was unusual in good rows."""
        words = list(self._seen.words(self._name))
        words += [word for cells in self._cells.values() for word in cells.words(self._name)]
        if self._num_left_out:
            chats = "1 chat" if self._num_left_out == 1 else f"{self._num_left_out:,} chats"
            last = "answer, which a model writes itself," if self._is_asked else "question, which nobody answers,"
            words.append(f"{self._name}: the last {last} was left out of {chats}.")
        return words

    def _another_form(self, values: Mapping[str, Any]) -> Problem | None:
        """Take up the fields that the rows above had not, or say that they mean another form."""
        before = self.columns
        fields = list(dict.fromkeys([*self._fields, *map(str, values)]))
        try:
            found = chat_columns(self._name, fields, self._wanted, self._is_asked)
        except DatasetError as error:
            return f"has other fields than the rows above ({error.problem.rstrip('.')})", error.remedy
        is_same = (found.turns, found.target) == (before.turns, before.target) and {*before.source} <= {*found.source}
        if not is_same:
            said = f"holds {found.sentence}, and the rows above {before.sentence}"
            return said, "Write all rows of a file in one form."
        if found != before:
            self._say(f"{self._name}: found {found.sentence}.")
        self.columns, self._fields = found, dict.fromkeys(fields)
        return None

    def _gathered(self, row: Row) -> Found:
        columns = self.columns
        if columns.turns is not None:
            parts = [self._turns(row, columns.turns)]
        else:
            optional = {column for column in columns.optional if row.values.get(column) in (None, "")}
            source = tuple(column for column in columns.source if column not in optional)
            parts = [self._history(row), self._part(row, source, "user")]
            parts += [self._part(row, columns.target, "assistant")] if columns.target else []
        turns = [turn for part, _ in parts for turn in part]
        system, of_system = self._system(row, turns)
        problems = [*of_system, *(problem for _, faults in parts for problem in faults), *self._foreign(row.values)]
        return [*system, *turns], problems

    def _turns(self, row: Row, column: str) -> Found:
        if column not in row.values:
            return [], [(f"field {column!r} is missing", "Add it or remove the row.")]
        return turns_in(row.values.get(column), column, self._seen)

    def _part(self, row: Row, columns: tuple[str, ...], role: Role) -> Found:
        """Give what one side says: a text, or turns where the column holds them in each row."""
        cell = row.values.get(columns[0]) if len(columns) == 1 else None
        if cell not in (None, ""):
            are_turns = holds_turns(cell)
            before = self._hold_turns.setdefault(columns[0], are_turns)
            if are_turns != before:
                kinds = ("a list of turns", "a text")
                said = f"{columns[0]} is {kinds[before]}, and {kinds[not before]} in the rows above"
                return [], [(said, "Write all rows of a file in one form.")]
            if are_turns:
                return turns_in(cell, columns[0], self._seen)
        text = self._cells.setdefault(columns, TextCells(columns)).of(row)
        if isinstance(text, RowFault):
            return [], [(text.problem, text.remedy)]
        problems = text_problems(text, " and ".join(columns))
        return ([], problems) if problems else ([Turn(role, text)], [])

    def _system(self, row: Row, turns: Sequence[Turn]) -> Found:
        """Give the turn of a system that stands in a column of its own; a cell of nothing is none."""
        column = self.columns.system
        cell = None if column is None else row.values.get(column)
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return [], []
        if not isinstance(cell, str):
            return [], [(f"{column} is {shown_cell(cell)}, no text", "Write a text or leave it empty.")]
        if turns and turns[0].role == "system":
            said = f"{column} and the first turn both are the system's"
            return [], [] if turns[0].content == cell else [(f"{said} and differ", "Write one of them.")]
        problems = text_problems(cell, str(column))
        return ([], problems) if problems else ([Turn("system", cell)], [])

    def _history(self, row: Row) -> Found:
        """Give the turns of pairs of a question and an answer, which came before the question of the row."""
        column = self.columns.history
        cell = None if column is None else row.values.get(column)
        if column is None or cell in _NOTHING:
            return [], []
        pairs = list_in(cell, column)
        if isinstance(pairs, tuple):
            return [], [pairs]
        turns: list[Turn] = []
        problems: list[Problem] = []
        for number, pair in enumerate(pairs, 1):
            where = f"item {number} of {column}"
            if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
                problems.append((f"{where} is {shown_cell(pair)}, no pair of texts", 'Write ["question", "answer"].'))
                continue
            problems += [problem for text in pair for problem in text_problems(text, where)]
            if not all(map(str.strip, pair)):
                problems.append((f"{where} has an empty text", "Fill it in or remove the item."))
            turns += Turn("user", pair[0]), Turn("assistant", pair[1])
        return turns, problems

    def _foreign(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """Say what stands beside a chat that no text can tell."""
        for column in self.columns.tools:
            cell = values.get(column)
            if cell not in _NOTHING:
                yield f"{column} is {shown_cell(cell)}", NO_TOOLS
        for column in self.columns.media:
            cell = values.get(column)
            if isinstance(cell, list | dict | bytes) and cell:
                yield f"{column} holds pictures or sounds", NO_MEDIA

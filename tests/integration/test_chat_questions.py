"""A sample of a chat shows what is answered, however much was said before it."""

from infrastructure.data.chats.chat import Turn
from infrastructure.tasks.writing.chat_kind import question_of

ASKED = Turn("user", "And of Peru?")


def test_a_lone_question_is_shown_as_it_is() -> None:
    assert question_of([ASKED]) == "And of Peru?"


def test_the_last_question_stands_before_the_number_of_turns_that_it_follows() -> None:
    before = [Turn("user", "What is the capital of Cuba?"), Turn("assistant", "Havana")]
    assert question_of([before[0], ASKED]) == "And of Peru?\n(1 turn before)"
    assert question_of([*before, ASKED]) == "And of Peru?\n(2 turns before)"

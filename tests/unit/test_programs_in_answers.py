"""Which part of an answer is the program."""

import math
from typing import Any

import pytest

from infrastructure.data.chats.chat import Turn, chat_json
from infrastructure.data.sources.problems import Problem
from infrastructure.tasks.writing.programs import program_of

BEGINNING = 'import math\n\n\ndef area(r):\n    """Give the area of a circle."""\n'
GOES_ON = Problem("one", BEGINNING, "assert area(0) == 0", "area")
WHOLE = Problem("two", "Write a function that gives the area of a circle.", "assert area(0) == 0")
BODY = "    return math.pi * r**2\n"
FUNCTION = "import math\n\ndef area(r):\n    return math.pi * r**2\n"


def test_an_answer_goes_on_from_a_beginning_that_defines_the_function() -> None:
    assert program_of(GOES_ON, BODY).text == BEGINNING + BODY
    assert program_of(GOES_ON, BODY).tests == GOES_ON.tests


def test_an_answer_to_a_text_is_the_whole_program() -> None:
    assert program_of(WHOLE, FUNCTION).text == FUNCTION


def test_a_question_of_a_chat_is_what_was_said_last() -> None:
    chat = (Turn("user", "Do you know Python?"), Turn("assistant", "Yes."), Turn("user", BEGINNING))
    asked = Problem("five", chat_json(chat), GOES_ON.tests, "area")
    assert program_of(asked, f"```python\n{FUNCTION}```").text == BEGINNING + FUNCTION
    assert program_of(asked, BODY).text == BEGINNING + BODY


@pytest.mark.parametrize("answer", [BODY, BODY.lstrip(), "def area(r):\n    return math.pi * r**2\n"])
def test_a_beginning_may_end_with_the_head_of_the_function(answer: str) -> None:
    head = Problem("six", "import math\n\n\ndef area(r):\n", GOES_ON.tests, "area")
    place: dict[str, Any] = {}
    exec(program_of(head, answer).text, place)
    assert place["area"](1) == math.pi


def test_nothing_behind_the_head_of_a_function_gives_nothing() -> None:
    place: dict[str, Any] = {}
    exec(program_of(Problem("seven", "def area(r):\n", GOES_ON.tests, "area"), "").text, place)
    assert place["area"](1) is None


def test_a_beginning_counts_only_with_the_name_of_its_function() -> None:
    unnamed = Problem("three", BEGINNING, "assert area(0) == 0")
    assert program_of(unnamed, FUNCTION).text == FUNCTION


@pytest.mark.parametrize("tag", ["python", "py", "", "python3"])
@pytest.mark.parametrize("end", ["```\nIt squares the radius.", ""])
def test_a_fenced_block_counts_without_what_is_said_around_it(tag: str, end: str) -> None:
    assert program_of(WHOLE, f"Here you are:\n\n```{tag}\n{FUNCTION}{end}").text == FUNCTION


def test_of_several_blocks_the_first_counts() -> None:
    answer = f"```python\n{FUNCTION}```\nor\n```python\ndef area(r):\n    return 3\n```\n"
    assert program_of(WHOLE, answer).text == FUNCTION


@pytest.mark.parametrize(
    "behind",
    [
        "def other(",
        "print(area(2))\n",
        "assert area(1) == 3\n",
        'if __name__ == "__main__":\n    print(area(2))\n',
        "This function squares the radius.\n",
        "    return 'a text that has no end",
        "<|endoftext|>",
    ],
)
def test_what_stands_behind_the_function_and_defines_nothing_does_not_count(behind: str) -> None:
    assert program_of(GOES_ON, BODY + behind).text == BEGINNING + BODY
    assert program_of(WHOLE, FUNCTION + behind).text == FUNCTION


def test_a_helper_behind_the_function_counts() -> None:
    helped = "    return square(r) * math.pi\n\ndef square(x):\n    return x * x\n"
    assert program_of(GOES_ON, helped).text == BEGINNING + helped


def test_a_first_line_that_lost_its_indentation_gets_it_back() -> None:
    body = "    square = r * r\n    return square * math.pi\n"
    for lost in (body.lstrip(), body[1:]):
        assert program_of(GOES_ON, lost).text == BEGINNING + body


@pytest.mark.parametrize("answer", ["", "I do not know.", "\x00", "(" * 5000, ")" * 10])
def test_an_answer_without_python_is_an_empty_program(answer: str) -> None:
    assert program_of(GOES_ON, answer).text == BEGINNING
    assert program_of(WHOLE, answer).text == ""


def test_a_beginning_without_a_line_end_gets_one() -> None:
    cut = Problem("four", BEGINNING.rstrip("\n"), "assert area(0) == 0", "area")
    assert program_of(cut, BODY).text == BEGINNING + BODY

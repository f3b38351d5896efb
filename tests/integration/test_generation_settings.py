import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.training import WriterTraining
from application.training_request import TrainModelRequest
from application.use_cases.predict import PredictRequest
from domain.exceptions import ConfigurationError
from domain.generation import (
    GenerationSettings,
    cut_at_stop,
    find_loop,
    looping_block,
    without_open_end,
    without_open_loop,
)
from infrastructure.tasks.writing.cards import generation_with, how_to_write
from presentation.cli.commands.predict import _unescaped
from tests.support.trainings import training


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_new_tokens", 0),
        ("max_new_tokens", True),
        ("num_beams", 0),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", "warm"),
        ("top_k", -1),
        ("top_k", 1.5),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("seed", -1),
        ("max_repeats", -1),
        ("max_repeats", 2.5),
        ("stop", ("end", "")),
        ("stop", "end"),
    ],
)
def test_a_broken_rule_names_its_setting_and_its_value(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        GenerationSettings().changed({setting: value})
    (message,) = caught.value.messages
    assert message.startswith(setting)
    assert repr(value) in message


def test_all_broken_rules_are_told_together() -> None:
    with pytest.raises(ConfigurationError) as caught:
        GenerationSettings(max_new_tokens=0, temperature=-1.0, top_p=2.0, num_beams=3, stop=("",))
    assert [message.split()[0] for message in caught.value.messages] == [
        "max_new_tokens",
        "temperature",
        "top_p",
        "stop",
        "num_beams",
    ]


def test_the_edges_of_the_rules_are_allowed() -> None:
    assert GenerationSettings(1, num_beams=1, temperature=0.0, top_k=0, top_p=1.0, seed=0, stop=()).seed == 0
    assert GenerationSettings(temperature=100.0, top_p=1e-9).top_p == 1e-9


def test_beams_and_a_temperature_exclude_each_other_but_an_option_replaces_a_setting() -> None:
    with pytest.raises(ConfigurationError, match="contradicts"):
        GenerationSettings().changed({"num_beams": 2, "temperature": 0.5})
    searching, drawing = GenerationSettings(num_beams=4), GenerationSettings(temperature=0.7)
    assert searching.changed({"temperature": 0.5}) == GenerationSettings(temperature=0.5)
    assert drawing.changed({"num_beams": 2}) == GenerationSettings(num_beams=2)
    assert searching.changed({"max_new_tokens": 9}) == GenerationSettings(max_new_tokens=9, num_beams=4)


def test_a_name_that_is_no_setting_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="topk is no setting"):
        GenerationSettings().changed({"topk": 3})


def test_only_options_that_were_given_replace_what_travels_with_the_model() -> None:
    assert PredictRequest(run="r", input_path="-").options == {}
    request = PredictRequest(run="r", input_path="-", temperature=0.0, top_k=0, stop=("\n",))
    assert request.options == {"temperature": 0.0, "top_k": 0, "stop": ("\n",)}


@pytest.mark.parametrize(
    ("text", "stop", "kept"),
    [
        ("one two", (), "one two"),
        ("one two", ("three",), "one two"),
        ("one two one", ("one",), ""),
        ("one two", ("two", "ne"), "o"),
        ("xaby", ("ab", "xaby"), "x"),  # complete first, though it begins later
        ("xab", ("b", "ab"), "x"),  # complete together: the longest
    ],
)
def test_a_text_ends_before_the_stop_string_that_is_complete_first(text: str, stop: tuple[str, ...], kept: str) -> None:
    assert cut_at_stop(text, stop) == (kept, kept != text)


@pytest.mark.parametrize("text", ["a--b---c", "a-", "--- a", "abcab", "no end"])
def test_what_is_shown_letter_by_letter_is_never_taken_back(text: str) -> None:
    stop = ("---", "cab")
    final = cut_at_stop(text, stop)[0]
    for length in range(len(text) + 1):
        so_far, stopped = cut_at_stop(text[:length], stop)
        assert final.startswith(so_far if stopped else without_open_end(so_far, stop))


def test_only_an_end_that_could_become_a_stop_string_is_held_back() -> None:
    assert without_open_end("a--", ("---",)) == "a"
    assert without_open_end("a--b", ("---",)) == "a--b"
    assert without_open_end("a", ()) == "a"


def test_escapes_in_a_stop_string_become_the_letters_they_name() -> None:
    assert _unescaped(r"\n\t\r") == "\n\t\r"
    assert _unescaped(r"\\n") == r"\n"
    assert _unescaped("é \\d") == "é \\d"


def _tokens(most: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 2), max_size=most)


# Few different tokens repeat themselves by chance, in blocks within blocks too; a block of up to 70 is seldom chance.
TEXTS = st.builds(
    lambda head, block, times, tail: [*head, *block * times, *tail],
    _tokens(20),
    _tokens(5) | st.lists(st.integers(0, 9), max_size=70),
    st.integers(0, 20),
    _tokens(20),
)


def _first_loop(ids: list[int], max_repeats: int) -> tuple[int, int] | None:
    """Try every end with every block, and follow the repetition back to where it began."""
    for end in range(1, len(ids) + 1):
        for block in range(1, 65):
            length = block
            while length < end and ids[end - length - 1] == ids[end - length - 1 + block]:
                length += 1
            if length >= 16 and length <= end and length // block > max_repeats > 0:
                return end - length + block, end
    return None


@given(TEXTS, st.integers(0, 6))
def test_a_loop_is_found_where_trying_every_end_and_every_block_finds_it(ids: list[int], max_repeats: int) -> None:
    assert find_loop(ids, max_repeats) == _first_loop(ids, max_repeats)


@given(TEXTS, st.integers(1, 6), _tokens(30))
def test_a_loop_does_not_depend_on_what_is_written_after_it(ids: list[int], most: int, more: list[int]) -> None:
    ends = [end for end in range(len(ids) + 1) if looping_block(ids[:end], most)]
    if ends:
        kept, end = find_loop(ids[: ends[0]], most) or (0, 0)
        assert end == ends[0]
        assert find_loop([*ids[:end], *more], most) == (kept, end)
    else:
        assert find_loop(ids, most) is None


@given(TEXTS, st.integers(0, 6))
def test_tokens_that_are_shown_while_a_text_is_written_are_never_taken_back(ids: list[int], max_repeats: int) -> None:
    kept, end = find_loop(ids, max_repeats) or (len(ids), len(ids))
    assert all(len(without_open_loop(ids[:so_far], max_repeats)) <= kept for so_far in range(end))


def test_only_an_end_that_repeats_what_stands_before_it_is_held_back() -> None:
    assert without_open_loop([1, 2, 3], 4) == [1, 2, 3]
    assert without_open_loop([1, 2, 3, 2], 4) == [1, 2, 3]
    assert without_open_loop([1, 2, 3, 2, 4], 4) == [1, 2, 3, 2, 4]
    assert without_open_loop([1, 1, 1], 0) == [1, 1, 1]


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        ([7, *[1, 2] * 7], None),  # more than four times, but short: as zeros of an array
        ([7, *[1, 2] * 8], [7, 1, 2]),
        ([*[1, 2, 3, 4, 5] * 4, 1, 2, 3, 4], None),  # long, but four times
        ([*[1, 2, 3, 4, 5] * 5, 6], [1, 2, 3, 4, 5]),
        ([*range(64)] * 5, [*range(64)]),
        ([*range(65)] * 9, None),
    ],
)
def test_a_loop_is_a_block_often_enough_and_long_enough_in_a_row(ids: list[int], kept: list[int] | None) -> None:
    found = find_loop(ids, 4)
    assert (found and ids[: found[0]]) == kept


@pytest.mark.parametrize(
    ("task", "most"), [("language_modeling", 0), ("code_generation", 4), ("sequence_to_sequence", 4)]
)
def test_how_often_a_text_may_repeat_itself_is_the_task_s_until_it_is_said(task: str, most: int) -> None:
    assert training(WriterTraining, task).max_repeats == most
    said = training(WriterTraining, task, max_repeats=9, num_beams=2)
    assert generation_with(how_to_write(said)) == GenerationSettings(said.max_new_tokens, num_beams=2, max_repeats=9)
    with pytest.raises(ConfigurationError, match="max_repeats is -1"):
        TrainModelRequest(task=task, max_repeats=-1).resolved()


def test_a_model_from_before_loops_were_ended_may_repeat_itself_as_when_it_was_scored() -> None:
    assert generation_with({"max_new_tokens": 5, "num_beams": 1}).max_repeats == 0

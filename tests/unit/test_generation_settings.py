import pytest

from application.use_cases.predict import PredictRequest
from domain.exceptions import ConfigurationError
from domain.generation import GenerationSettings, cut_at_stop, without_open_end
from presentation.cli.commands.predict import _unescaped


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

"""Parts of composed programs do with real values what their entries say, so that the labels are true."""

import builtins
import logging
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.generator.composed import noise, sources
from data.generator.composed.guards import GUARDS, KINDS, Guard
from data.generator.composed.parts import all_uses
from data.generator.composed.slots import condition
from data.generator.composed.step import ANYTHING, PIECE, Step
from data.generator.composed.steps import STEPS
from data.generator.composed.surroundings import SURROUNDINGS
from data.generator.composed.text import Value
from data.generator.composed.vocabulary import NOUNS
from data.generator.composed.weaknesses import WEAKNESSES
from data.generator.composed.writer import Writer
from tests.support.composed import carried_out, joined_lines
from tests.support.hostile import HOSTILE, harms

KEPT, LEFT = "Zq Kept/Value_7", "Wx Left/Other_3"
DRAWS = range(3)


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Let programs log without a word."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def written(text: str, seed: int, **pieces: Value) -> tuple[Writer, str]:
    """Write a part, and give the name of its outcome."""
    writer = Writer(random.Random(seed))
    slots = writer.write(text, pieces)
    return writer, slots.value("out").name if "kept" in pieces else pieces["v"].name


def outcome_of(form: str, seed: int, kept: object, left: object) -> object:
    writer, out = written(form, seed, kept=Value("kept_0", True), left=Value("left_0"))
    return carried_out(writer.helpers, writer.body, {"kept_0": kept, "left_0": left}, out)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_hands_on_one_value_and_nothing_of_the_other(step: Step) -> None:
    for form in step.forms:
        for seed in DRAWS:
            if step.carries == PIECE:
                text = str(outcome_of(form, seed, KEPT.replace("/", " "), LEFT.replace("/", " "))).lower()
                assert KEPT.replace("/", " ").lower() in text
                assert "left" not in text
            else:
                assert outcome_of(form, seed, KEPT, LEFT) == KEPT


@pytest.mark.parametrize("step", [step for step in STEPS if step.carries == ANYTHING], ids=lambda step: step.name)
def test_a_step_for_anything_hands_on_what_is_no_text(step: Step) -> None:
    value = object()
    for form in step.forms:
        for kept, left in ((value, len), (False, True), (True, False), (len, "text")):
            assert outcome_of(form, 0, kept, left) is kept


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_names_both_values_equally_often_and_marks_what_holds_the_tainted_one(step: Step) -> None:
    for form in step.forms:
        for kept in (True, False):
            writer, out = written(form, 0, kept=Value("kept_0", kept), left=Value("left_0", not kept))
            lines = [*writer.body, *(line for helper in writer.helpers for line in helper)]
            names = Counter(re.findall(r"\w+", joined_lines(lines)))
            assert names["kept_0"] == names["left_0"] > 0
            marked = {line.characters[mark.start : mark.end] for line in lines for mark in line.marks}
            assert ("kept_0" in marked, "left_0" in marked) == (kept, not kept)
            if not kept:
                last = [line for line in writer.body if re.search(rf"\b{out}\b", line.characters)][-1]
                assert out not in {last.characters[mark.start : mark.end] for mark in last.marks} or out in marked


def outcomes(guard: Guard, kind: str, seed: int) -> list[bool]:
    """Tell for each hostile text of a kind whether it still does harm behind a guard."""
    found = []
    for text in HOSTILE[kind]:
        writer, name = written(guard.text, seed, v=Value("v_0", True), after=Value("v_0"))
        try:
            found.append(harms(kind, carried_out(writer.helpers, writer.body, {"v_0": text}, name)))
        except (ValueError, KeyError, IndexError):  # the guard left the function
            found.append(False)
    return found


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_stops_what_it_helps_against_and_nothing_else_of_what_it_is_useless_against(guard: Guard) -> None:
    assert guard.helps or guard.useless
    assert not set(guard.helps) & set(guard.useless)
    for kind in guard.helps:
        assert not any(any(outcomes(guard, kind, seed)) for seed in DRAWS), kind
    for kind in guard.useless:
        assert any(outcomes(guard, kind, 0)), kind


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_texts_do_harm_where_nothing_guards(kind: str) -> None:
    assert all(harms(kind, text) for text in HOSTILE[kind])


def test_the_entries_of_the_guide_do_what_it_says_of_them() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "how_to_add.md").read_text(encoding="utf-8")
    section = guide.partition("## A part of the shipped programs")[2]
    names: dict[str, Any] = {}
    exec(section.partition("```python\n")[2].partition("```")[0], names)
    doubled, popped, without_semicolon = names["parts"]
    for made in (doubled, popped):
        test_a_step_hands_on_one_value_and_nothing_of_the_other(made)
        test_a_step_names_both_values_equally_often_and_marks_what_holds_the_tainted_one(made)
    assert any(outcomes(without_semicolon, "sql", 0)), "the guide says that it does not help"
    assert all(any(outcomes(without_semicolon, kind, 0)) for kind in without_semicolon.useless)


def test_there_are_as_many_parts_as_the_documentation_says() -> None:
    outside = {source for surrounding in SURROUNDINGS for source in surrounding.sources}
    page = " ".join((Path(__file__).parents[2] / "data" / "DATA.md").read_text(encoding="utf-8").split())
    num_uses = sum(len(all_uses(weakness)) for weakness in WEAKNESSES)
    assert f"a surrounding ({len(SURROUNDINGS)}: " in page
    assert f"a source ({len(outside)} from outside" in page
    assert f"of {len(STEPS)} **steps**" in page
    idle = sum(not guard.helps for guard in GUARDS)
    assert f"of {len(GUARDS)} **guards** of which {idle} help against nothing" in page
    assert f"of {num_uses} **uses** of {len(WEAKNESSES)} weaknesses" in page
    assert len(outside) >= 40
    assert len(STEPS) >= 60
    assert sum(bool(guard.helps) for guard in GUARDS) >= 30
    assert sum(not guard.helps for guard in GUARDS) >= 30
    assert len({weakness.cwe for weakness in WEAKNESSES}) >= 25
    assert num_uses >= 100
    assert {s.framework for s in SURROUNDINGS} >= {"flask", "django", "fastapi", "aiohttp", "tornado"}


def test_no_part_has_the_name_of_another() -> None:
    for parts in (STEPS, GUARDS, SURROUNDINGS):
        assert len({part.name for part in parts}) == len(parts)


def test_no_fresh_name_hides_a_name_that_parts_use() -> None:
    texts = [form for step in STEPS for form in step.forms] + [guard.text for guard in GUARDS]
    texts += [use for weakness in WEAKNESSES for use in (*all_uses(weakness), *weakness.sound)]
    texts += [source for weakness in WEAKNESSES for pair in weakness.choices for source in pair]
    texts += [text for s in SURROUNDINGS for text in (s.head, s.answer, *s.sources, *s.leaves)]
    texts += [*sources.CLEAN, *sources.SECRETS, *noise.FILLERS, *noise.CONSTANT, *noise.HARMLESS]
    used = {name.lower() for text in texts for name in re.findall(r"(?<![\w$.'{])[A-Za-z]\w*", text)}
    assert sorted((used | {name.lower() for name in dir(builtins)}) & set(NOUNS)) == []


@pytest.mark.parametrize("holds", [True, False])
def test_a_condition_is_what_it_is_said_to_be(holds: bool) -> None:
    writer = Writer(random.Random(0))
    assert {eval(condition(writer, holds)) for _ in range(100)} == {holds}

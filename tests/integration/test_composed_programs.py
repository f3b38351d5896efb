"""Composed programs: twins of the same words, true marks, parts that training has not seen, the same bytes again."""

import ast
import logging
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from data.generator.__main__ import main
from data.generator.composed import drawing, noise, program
from data.generator.composed.drawing import (
    PIVOTS,
    UNSEEN_COMPOSITIONS,
    UNSEEN_GUARDS,
    UNSEEN_STEPS,
    UNSEEN_USES,
    draw_plan,
)
from data.generator.composed.guards import MARKUP, Guard
from data.generator.composed.parts import is_held_out
from data.generator.composed.plan import Guards, Order, Plan, Use
from data.generator.composed.program import compose
from data.generator.composed.step import TEXT, Step
from data.generator.composed.surroundings import SURROUNDINGS, Surrounding
from data.generator.composed.weakness import Weakness
from data.generator.composed.weaknesses import WEAKNESSES
from data.generator.marked import GUARD, HARMFUL, TAINTED
from data.generator.security_rows import COMPOSED_PARTS, composed
from domain.task import SEVERITIES
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.sources.fields import sought
from tests.support.composed import space
from tests.support.hostile import HOSTILE, harms

Row = dict[str, Any]
Pair = tuple[Row, Row]
ROOT = Path(__file__).resolve().parents[2]
PAIRS = 1_500
WANTED = ("7", "harmless", "10.0.0.1", "https://example.org/", "12345678123456781234567812345678")
LEAVES = ("raise ValueError('$word')", "return None")


def words(row: Row) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", row["code"])


def pairs_of(rows: list[Row]) -> list[Pair]:
    """Give the twins as (weak, safe)."""
    twins = [(rows[i], rows[i + 1]) for i in range(0, len(rows), 2)]
    return [(b, a) if a["label"] == "safe" else (a, b) for a, b in twins]


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Let programs log without a word."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(composed(PAIRS, 1))


@pytest.fixture(scope="module")
def unseen() -> list[Row]:
    return list(composed(PAIRS // 3, 2, UNSEEN_COMPOSITIONS))


def test_twins_are_two_functions_of_the_same_words_and_the_same_length(rows: list[Row]) -> None:
    for weak, safe in pairs_of(rows):
        assert weak["code"] != safe["code"]
        assert len(weak["code"]) == len(safe["code"])
        assert Counter(words(weak)) == Counter(words(safe))
        assert (safe["label"], weak["family"], weak["cwe"]) == ("safe", safe["family"], safe["cwe"])
        assert weak["label"] in SEVERITIES[1:]


def test_every_program_compiles_and_is_no_other(rows: list[Row]) -> None:
    for row in rows:
        compile(row["code"], row["family"], "exec")
    assert len({row["code"] for row in rows}) == len(rows)


def test_twins_differ_at_one_place_of_the_plan() -> None:
    rng = random.Random(3)
    for _ in range(100):
        drawn = draw_plan(rng)
        weak, safe = (compose(drawn, vulnerable).characters.split("\n") for vulnerable in (True, False))
        changed = [number for number, (a, b) in enumerate(zip(weak, safe, strict=True)) if a != b]
        assert 0 < len(changed) < 0.7 * len(weak), "\n".join(weak)


def test_marks_point_at_what_they_say(rows: list[Row]) -> None:
    for weak, safe in pairs_of(rows):
        for row in (weak, safe):
            marked = {name: [row["code"][start:end] for start, end, called in row["marks"] if called == name]
                      for name in (TAINTED, HARMFUL, GUARD)}  # fmt: skip
            assert all(name.isidentifier() for name in marked[TAINTED])
            assert all(text == text.strip() and "\n" not in text for text in marked[HARMFUL] + marked[GUARD])
            assert all(any(name in text for name in marked[TAINTED]) for text in marked[HARMFUL] + marked[GUARD])
            assert bool(marked[HARMFUL]) == (row["label"] != "safe")


@pytest.mark.parametrize("pattern", [r"\w+", r"\w+|[^\w\s]"], ids=["words", "words and signs"])
@pytest.mark.parametrize("longest", [1, 3])
def test_neither_words_nor_runs_of_three_tell_the_twins_apart(
    rows: list[Row], unseen: list[Row], pattern: str, longest: int
) -> None:
    grams = TfidfVectorizer(token_pattern=pattern, ngram_range=(1, longest), lowercase=False, sublinear_tf=True)
    weak = np.array([row["label"] != "safe" for row in rows])
    # Words of twins cancel in the gradient: with the tolerance of the library it would end where it began.
    model = LogisticRegression(C=10, tol=1e-8, max_iter=200).fit(grams.fit_transform([r["code"] for r in rows]), weak)
    scores = model.decision_function(grams.transform([row["code"] for row in unseen]))
    truth = np.array([row["label"] != "safe" for row in unseen])
    assert roc_auc_score(truth, scores) < 0.55
    gains = (scores[::2] - scores[1::2]) * np.where(truth[::2], 1, -1)
    won, lost = (gains > 1e-9).sum(), (gains < -1e-9).sum()
    assert won - lost < 3 * np.sqrt(max(won + lost, 1)), "one twin beats the other more often than a coin would"


def test_the_length_tells_nothing(unseen: list[Row]) -> None:
    assert roc_auc_score([row["label"] != "safe" for row in unseen], [len(row["code"]) for row in unseen]) == 0.5


@pytest.mark.parametrize("kind", MARKUP)
def test_hostile_text_does_harm_in_the_weak_twin_and_never_in_the_safe_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weakness = Weakness(79, kind, ("sink($v)", "$a = [sink($v)]"), ("quiet($v)",), carries=TEXT)
    surrounding = Surrounding("run", "script", "def run($arg, harmless):", ("$arg.pop()",), "return '$word'", LEAVES)
    for module, name, value in (
        (drawing, "WEAKNESSES", (weakness,)), (drawing, "SURROUNDINGS", (surrounding,)), (drawing, "NOISE", (0.0,)),
        (program, "CLEAN", ("harmless",)), (noise, "FILLERS", ("TASKS.append(('$k', $low))",)),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    rng = random.Random(kind)
    for _ in range(80):
        drawn = draw_plan(rng, rng.choice((UNSEEN_COMPOSITIONS, UNSEEN_STEPS, UNSEEN_GUARDS)))
        weak, safe = (compose(drawn, vulnerable).characters for vulnerable in (True, False))
        assert does_harm(weak, kind), weak
        assert not does_harm(safe, kind), safe


def does_harm(code: str, kind: str) -> bool:
    """Run a program with hostile texts, and tell whether one that can do harm arrives in its use.

    It reads one text or two. Beside a hostile one the other is any that a guard may want: a word of the program, a
    number, an address.
    """
    compiled = compile(code, "composed", "exec")
    wanted = {*re.findall(r"'(\w+)'", code), *WANTED}
    return any(
        arrives(compiled, kind, texts)
        for hostile in HOSTILE[kind]
        for other in (hostile, *sorted(wanted))
        for texts in ([hostile, other], [other, hostile])
    )


def arrives(compiled: CodeType, kind: str, texts: list[str]) -> bool:
    """Run a program that reads these texts, the last one first."""
    arrived: list[object] = []
    names = {**space(), "sink": arrived.append, "quiet": len}
    exec(compiled, names)
    with suppress(ValueError, KeyError, IndexError):  # a guard left the function
        names["run"](texts, "harmless")
    return any(harms(kind, value) for value in arrived)


def held_out_parts(drawn: Plan) -> set[str]:
    """Say which kinds of parts of a plan are kept for validation."""
    found = set()
    for stage in drawn.stages:
        guards: tuple[Guard, ...] = (stage.helping, stage.useless) if isinstance(stage, Guards) else ()
        guards += (stage,) if isinstance(stage, Guard) else (stage.guard,) if isinstance(stage, Order) else ()
        if isinstance(stage, Step) and is_held_out("step", stage.name):
            found.add(UNSEEN_STEPS)
        if any(is_held_out("guard", guard.name) for guard in guards):
            found.add(UNSEEN_GUARDS)
        if isinstance(stage, Use | Order) and is_held_out(f"use of {drawn.weakness.cwe}", stage.harmful):
            found.add(UNSEEN_USES)
    return found


@pytest.mark.parametrize("part", ["", *COMPOSED_PARTS])
def test_a_plan_holds_new_parts_of_one_kind_at_most_and_at_its_pivot(part: str) -> None:
    rng = random.Random(4)
    for _ in range(300):
        drawn = draw_plan(rng, part)
        assert held_out_parts(drawn) == {part} - {"", UNSEEN_COMPOSITIONS}
        assert is_held_out("composition", drawn.composition) == (part == UNSEEN_COMPOSITIONS)
        pivot = drawn.stages[drawn.pivot]
        if part == UNSEEN_STEPS:
            assert isinstance(pivot, Step)
            assert is_held_out("step", pivot.name)
        if part == UNSEEN_GUARDS:
            assert isinstance(pivot, Guards | Order)


def test_every_seen_part_can_be_drawn_and_every_pivot() -> None:
    rng = random.Random(5)
    plans = [draw_plan(rng) for _ in range(3_000)]
    assert {drawn.surrounding.name for drawn in plans} == {surrounding.name for surrounding in SURROUNDINGS}
    assert {drawn.weakness.cwe for drawn in plans} == {weakness.cwe for weakness in WEAKNESSES}
    kinds = {type(drawn.stages[drawn.pivot]).__name__ for drawn in plans}
    assert kinds == {"Sources", "Step", "Guards", "Use", "Order"}
    assert len(kinds) == len(PIVOTS)


def test_the_same_seed_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    for name, seed, hash_seed in (("a", "7", "1"), ("b", "7", "2"), ("c", "8", "1")):
        command = [
            *["-m", "data.generator", "security", "--rows", "60", "--seed"],
            seed,
            "--output",
            str(tmp_path / f"{name}.jsonl"),
        ]
        subprocess.run(
            [sys.executable, *command], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed}, check=True
        )
    first, second, other = ((tmp_path / f"{name}.jsonl").read_bytes() for name in "abc")
    assert first == second
    assert first.count(b"\n") == 60
    assert not set(first.splitlines()) & set(other.splitlines())


def test_more_rows_of_a_seed_begin_as_fewer() -> None:
    assert list(composed(20, 7))[:10] == list(composed(5, 7))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("security --rows 3 --output x.jsonl", "3 is no even number above 0"),
        ("security --rows 0 --output x.jsonl", "0 is no even number above 0"),
        ("security --rows two --output x.jsonl", "two"),
        ("security --rows 2 --output x.csv", "x.csv ends in none of .jsonl, .jsonl.gz, .parquet"),
        ("security --rows 2", "--output"),
        ("secrets", "secrets"),
    ],
)
def test_a_wrong_call_is_refused_in_one_line(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words.split())
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".parquet"])
def test_each_format_is_read_with_its_marks(ending: str, tmp_path: Path, rows: list[Row]) -> None:
    path = tmp_path / f"rows{ending}"
    main(["security", "--rows", "40", "--seed", "1", "--output", str(path)])
    read = load_rows(path, RowSchema(sought("text", ("code",)), labels=SEVERITIES, carried=("marks", "cwe")))
    assert list(read.texts) == [row["code"] for row in rows[:40]]
    for number, row in enumerate(rows[:40]):
        assert [[mark.start, mark.end, mark.name] for mark in read.marks(number)] == row["marks"]
        assert f"CWE-{read.cwes[number]}" == row["cwe"]


def test_the_code_is_a_function_or_a_class_with_one(rows: list[Row]) -> None:
    for row in rows[:200]:
        assert any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(row["code"]))
        )

"""Which texts have one form, and how alike others are."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.auditing.forms import CODE, KEYWORDS, PROSE, reads_as, renamed_form, words_of
from infrastructure.auditing.near_clones import NearIndex, hash_of, jaccard, shingles_of

PYTHON = """
def load(path, limit=10):
    # keep it short
    text = open(path, "r").read()
    return text[:limit] + load(path)
"""
C = """
static int copy(char *target, const char *source) {
    /* until the end */
    while (*source) *target++ = *source++; // and no further
    return copy(target, source);
}
"""


def renamed(code: str, **names: str) -> str:
    for name, other in names.items():
        code = re.sub(rf"\b{name}\b", other, code)
    return code


@pytest.mark.parametrize(
    "other",
    [
        renamed(PYTHON, load="fetch", path="place", limit="most", text="content"),
        PYTHON.replace("10", "99").replace('"r"', "'rb'"),
        PYTHON.replace("# keep it short", "").replace("    ", "\t"),
    ],
)
def test_names_numbers_strings_and_comments_make_no_difference(other: str) -> None:
    assert renamed_form(other, CODE) == renamed_form(PYTHON, CODE)


def test_a_function_of_c_may_be_renamed_too() -> None:
    other = renamed(C, copy="move", target="to", source="from_there").replace("/* until the end */", "")
    assert renamed_form(other, CODE) == renamed_form(C, CODE)


@pytest.mark.parametrize(
    "other",
    [
        PYTHON.replace("open(", "connect("),  # another function is called
        PYTHON.replace(".read()", ".readline()"),
        PYTHON.replace("[:limit]", "[limit:]"),
        PYTHON.replace("text[:limit]", "path[:limit]"),  # another variable is meant
    ],
)
def test_what_is_called_and_which_variable_is_meant_make_one(other: str) -> None:
    assert renamed_form(other, CODE) != renamed_form(PYTHON, CODE)


def test_a_few_tokens_have_no_form() -> None:
    assert renamed_form("x = 1", CODE) == []


def test_case_punctuation_and_numbers_make_no_difference_to_prose() -> None:
    assert renamed_form("Room 12, please: ASAP!", PROSE) == renamed_form("room 7 please asap", PROSE)
    assert renamed_form("room one please", PROSE) != renamed_form("room two please", PROSE)
    assert renamed_form("part a1 is late", PROSE) != renamed_form("part a2 is late", PROSE)  # a name, not a number
    assert renamed_form("room 12", PROSE) != renamed_form("room 7", PROSE)  # too short to be the same but for that
    assert renamed_form("!!!", PROSE) == []
    assert len(words_of("部屋を見る", PROSE)) == 5


def test_division_is_no_comment_in_python_and_a_hash_none_in_c() -> None:
    assert "//" not in words_of("int f(int a) { // half\n return a; }\n", CODE)
    assert words_of("half = total // 2 + rest", CODE).count("/") == 2
    assert "include" in words_of("#include <stdio.h>\nint f(int a) {\n  return a;\n}\n", CODE)


@given(st.text(alphabet="ab1 \n\t\"'`/*#\\(){};.=-:é部", max_size=300))
def test_any_text_has_words_and_a_form(text: str) -> None:
    for form in (CODE, PROSE):
        assert all(word.strip() for word in words_of(text, form) if "\n" not in word)
        assert renamed_form(text, form) == renamed_form(text, form)


@pytest.mark.parametrize("piece", ["/*", '"""', "'", '\\"', "//", "`", "((", "a.", "'''"])
def test_a_hostile_text_is_read_in_one_pass(piece: str) -> None:
    text = piece * 50_000
    assert len(words_of(text, CODE)) <= len(text)


def test_code_and_prose_are_told_apart() -> None:
    own = Path(__file__).read_text(encoding="utf-8")
    assert reads_as([own, C, PYTHON]) == CODE
    assert reads_as(["The meeting is at ten (room 4).", "Nobody came; it rained.", "Why not?"]) == PROSE


def test_names_of_python_are_no_names_of_the_text() -> None:
    import keyword

    assert set(keyword.kwlist) <= KEYWORDS


def test_shingles_are_runs_of_five_words_whatever_their_number() -> None:
    words = ["a", "b", "c", "d", "e", "f", "g"]
    one = shingles_of(words, hash_of)
    assert len(one) == 3
    assert jaccard(one, shingles_of(words, hash_of)) == 1.0
    assert jaccard(one, shingles_of([*words[:-1], "h"], hash_of)) == 2 / 4
    assert len(shingles_of(words[:2], hash_of)) == 1
    assert len(shingles_of([], hash_of)) == 0
    assert jaccard(shingles_of([], hash_of), one) == 0.0


def test_nearly_all_near_clones_are_found_and_nothing_else() -> None:
    datasketch = pytest.importorskip("datasketch")
    random = np.random.default_rng(0)
    index = NearIndex()

    def signed(shingles: np.ndarray) -> object:
        signature = datasketch.MinHash(num_perm=126, seed=1, hashfunc=lambda number: number & 0xFFFFFFFF)
        signature.update_batch(shingles.tolist())
        return signature

    texts = [np.unique(random.integers(0, 2**63, size=100).astype(np.uint64)) for _ in range(200)]
    for place, text in enumerate(texts):
        index.add(place, text, signed(text), -1)
    found = 0
    for place, text in enumerate(texts):
        near = np.unique(np.concatenate([text[10:], random.integers(0, 2**63, size=10).astype(np.uint64)]))
        assert jaccard(near, text) == pytest.approx(90 / 110)
        partner, _ = index.partner(near, signed(near))
        assert partner in (place, -1)
        found += partner == place
        half = np.unique(np.concatenate([text[50:], random.integers(0, 2**63, size=50).astype(np.uint64)]))
        assert index.partner(half, signed(half)) == (-1, 0.0)
    assert found >= 0.97 * len(texts)

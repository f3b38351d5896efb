"""Pairs are checked row by row; rows of one source never stand on both sides of a split."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from infrastructure.data.pairs.rows import PairRows, load_pairs, pairs_not_in, split_pairs
from infrastructure.data.sources.fields import sought

FIELDS = (sought("source", ("source",)), sought("target", ("target",)))


def written(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def loaded(path: Path, *pairs: tuple[str, str]) -> PairRows:
    return load_pairs(written(path, [{"source": s, "target": t} for s, t in pairs]), *FIELDS)


def test_texts_and_lines_are_those_of_the_file(tmp_path: Path) -> None:
    pairs = (("naïve 😀\n", " a\tb"), ("x", "\u2028y\n"), ("z", "w"))
    rows = loaded(tmp_path / "x.jsonl", *pairs)
    assert list(zip(rows.sources, rows.targets, strict=True)) == list(pairs)
    assert rows.lines.tolist() == [1, 2, 3]
    assert rows.name_of(1) == "x.jsonl:2"


def test_fields_are_the_first_that_the_first_row_has(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", [{"java": "a", "cs": "b", "source": "c"}])
    rows = load_pairs(path, sought("source", ("code", "java", "source")), sought("target", ("target", "cs")))
    assert (rows.sources[0], rows.targets[0]) == ("a", "b")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"target": "b"}, "field 'source' is missing"),
        ({"source": "a"}, "field 'target' is missing"),
        ({"source": [3], "target": "b"}, "source is [3], not a string"),
        ({"source": "a", "target": None}, "target is null, not a string"),
        ({"source": " \n", "target": "b"}, "source is empty"),
        ({"source": "", "target": "b"}, "source is empty"),
        ({"source": "a", "target": ""}, "target is empty"),
        ({"source": "a", "target": "\t "}, "target is empty"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_what_to_do(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = written(tmp_path / "x.jsonl", [{"source": "a", "target": "b"}, row, row])
    with pytest.raises(DatasetError) as caught:
        load_pairs(path, *FIELDS)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"x.jsonl:2: {said}: ")
    assert second.startswith(f"x.jsonl:3: {said}: ")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"sorce": "a", "target": "b"}, "--set source_field=sorce"),
        ({"source": "a", "tagret": "b"}, "--set target_field=tagret"),
        ({"source": "a", "zzz": "b"}, "--set target_field=zzz"),
        ({"source": "a", "zzz": "b", "yyy": "c"}, "--set target_field=NAME"),
    ],
)
def test_a_field_that_is_nowhere_is_refused_with_the_nearest_name(
    tmp_path: Path, row: dict[str, str], said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        load_pairs(written(tmp_path / "x.jsonl", [row]), *FIELDS)


@settings(max_examples=15)
@given(
    numbers=st.lists(st.integers(0, 12), min_size=2, max_size=40).filter(lambda drawn: len(set(drawn)) > 1),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_a_split_takes_each_row_once_and_sources_equal_up_to_white_space_together(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], share: float, seed: int
) -> None:
    blanks = ("a {}", "a  {}", "a\n{} ", "a{}")
    pairs = [(blanks[place % 4].format(number), f"t{place}") for place, number in enumerate(numbers)]
    rows = loaded(tmp_path_factory.getbasetemp() / "pairs.jsonl", *pairs)
    train, evaluation, num_duplicates = split_pairs(rows, share, seed)
    assert sorted([*train, *evaluation]) == list(range(len(numbers)))
    assert min(len(train), len(evaluation)) > 0
    assert not {numbers[row] for row in train} & {numbers[row] for row in evaluation}
    assert num_duplicates == len(numbers) - len(set(numbers))
    again = split_pairs(rows, share, seed)
    np.testing.assert_array_equal(again[0], train)
    np.testing.assert_array_equal(again[1], evaluation)


def test_the_share_is_kept_and_the_seed_chooses(tmp_path: Path) -> None:
    rows = loaded(tmp_path / "x.jsonl", *((f"s{n}", "t") for n in range(500)))
    chosen = {tuple(split_pairs(rows, 0.1, seed)[1]) for seed in range(3)}
    assert {len(part) for part in chosen} == {50}
    assert len(chosen) == 3


def test_one_source_alone_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="one source in 3 rows"):
        split_pairs(loaded(tmp_path / "x.jsonl", ("a b", "1"), ("ab", "2"), (" a b", "3")), 0.5, seed=0)


def test_rows_that_another_file_holds_are_found_by_their_source(tmp_path: Path) -> None:
    rows = loaded(tmp_path / "x.jsonl", ("a b", "1"), ("c", "2"), ("d", "3"))
    other = loaded(tmp_path / "y.jsonl", ("ab", "9"), ("d\n", "8"))
    assert pairs_not_in(rows, other).tolist() == [1]

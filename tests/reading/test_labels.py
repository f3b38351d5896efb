"""Labels are what people mean by them: one label for each of its spellings, and the same one from each format."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exceptions import DatasetError
from domain.task import SEVERITIES
from infrastructure.data.labels.rows import LabelledRows, RowSchema, load_rows
from infrastructure.data.sources import label_names as labels
from infrastructure.data.sources.fields import sought
from infrastructure.data.sources.label_names import matches, name_of
from infrastructure.tasks.labels.scoring import class_weights_of
from tests.support.texts import any_text

TEXT = sought("text", ("text",))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def loaded(directory: Path, cells: Sequence[Any], kind: str = "jsonl", schema: RowSchema | None = None) -> LabelledRows:
    """Write rows with these labels in a format and read them."""
    path = directory / f"x.{kind}"
    if kind == "parquet":
        texts = [f"t{number}" for number in range(len(cells))]
        pyarrow.parquet.write_table(pyarrow.table({"text": texts, "label": list(cells)}), path)
    elif kind == "jsonl":
        rows = ({"text": f"t{number}", "label": label} for number, label in enumerate(cells))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        lines = (f"t{number},{label}\n" for number, label in enumerate(cells))
        path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    return load_rows(path, schema or RowSchema(TEXT))


def labels_of(rows: LabelledRows) -> list[str]:
    return [rows.label_names[number] for number in rows.labels]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
@pytest.mark.parametrize(
    ("cells", "names", "order"),
    [
        ([1, 0, 1], ["1", "0", "1"], ("0", "1")),
        ([10, -3, 2], ["10", "-3", "2"], ("-3", "2", "10")),
        ([True, False], ["True", "False"], ("False", "True")),
        ([2.0, 1.0, 1.0], ["2", "1", "1"], ("1", "2")),
        (["01", "1"], ["01", "1"], ("01", "1")),
        (["true", "false"], ["True", "False"], ("False", "True")),
        (["TRUE", "FALSE"], ["True", "False"], ("False", "True")),
        (["true", "half-true", "false"], ["true", "half-true", "false"], ("false", "half-true", "true")),
        (["pos ", "pos", "\u00a0neg"], ["pos", "pos", "neg"], ("neg", "pos")),
        (["café", "cafe\u0301", "th\u00e9\u200b"], ["café", "café", "thé"], ("café", "thé")),
    ],
    ids=lambda cells: "-".join(map(ascii, cells)),
)
def test_a_label_is_the_same_from_each_format(
    tmp_path: Path, kind: str, cells: list[Any], names: list[str], order: tuple[str, ...]
) -> None:
    rows = loaded(tmp_path, cells, kind)
    assert labels_of(rows) == names
    assert rows.label_names == order


def test_a_number_and_its_digits_are_one_label_and_a_truth_value_is_no_number(tmp_path: Path) -> None:
    assert labels_of(loaded(tmp_path, [1, "1", True, 1.0, "True", 0, False])) == [
        "1",
        "1",
        "True",
        "1",
        "True",
        "0",
        "False",
    ]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["pos ", "pos ", "neg"], "2 labels had white space at the ends or another Unicode form"),
        (
            [1.0, 2.0, 2],
            "2 labels had the form of a whole number with a fraction, read without: 1.0 as '1', 2.0 as '2'.",
        ),
        (["Spam", "spam", "spam"], "differ in case alone and are kept apart: 'Spam' (1 row) and 'spam' (2 rows)."),
        (["true", "FALSE"], "2 labels meant a truth value"),
        ([f"a{number} " for number in range(9)], "'a2 ' as 'a2' and 6 more."),
    ],
)
def test_what_was_changed_is_counted_now_and_from_the_cache(tmp_path: Path, cells: list[Any], said: str) -> None:
    first, second = (loaded(tmp_path, cells).warnings for _ in range(2))
    assert first == second
    (word,) = first
    assert word.startswith("x.jsonl: ")
    assert said in word


def test_spellings_beyond_all_bounds_are_kept_by_their_names_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "MOST_SPELLINGS", 9)
    cells = ["a" + " " * 2_000, "a", *("b" + " " * number for number in range(40)), "c "]
    rows = loaded(tmp_path, cells)
    assert labels_of(rows) == [cell.strip() for cell in cells]
    assert "x.jsonl: 41 labels had white space" in rows.warnings[0]


@pytest.mark.parametrize("cells", [["a", "b"], [1, 0], [True, False], ["1", "x"], ["é", "e"]])
def test_plain_labels_are_read_without_a_word(tmp_path: Path, cells: list[Any]) -> None:
    assert loaded(tmp_path, cells).warnings == ()


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
@pytest.mark.parametrize("cells", [[1.0, 0.37, 2.5], [0.37, 2.0, -1e-3]], ids=["second", "first"])
def test_measured_values_are_no_labels_and_told_once_with_a_way_out(
    tmp_path: Path, kind: str, cells: list[float]
) -> None:
    with pytest.raises(DatasetError, match=r"label is 0\.37, a measured value") as caught:
        loaded(tmp_path, cells * 9, kind)
    assert len(str(caught.value).splitlines()) == 1
    assert "no regression task" in str(caught.value)
    assert labels_of(loaded(tmp_path, ["low" if cell < 1 else "high" for cell in cells], kind))


def test_measured_values_in_more_kinds_than_labels_may_be_are_called_so(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="measured value"):
        loaded(tmp_path, [number / 7 + 0.01 for number in range(5_100)])


@pytest.mark.parametrize("cell", [None, "", " \t", "\ufeff", float("nan")])
def test_nothing_is_no_label(tmp_path: Path, cell: Any) -> None:
    with pytest.raises(DatasetError, match=r"x\.jsonl:2: label is empty: Give the row a label or remove"):
        loaded(tmp_path, ["a", cell])


def test_a_closed_set_is_met_through_white_space_and_keeps_its_order(tmp_path: Path) -> None:
    rows = loaded(tmp_path, ["low ", "\u00a0safe"], schema=RowSchema(TEXT, labels=SEVERITIES))
    assert (rows.label_names, labels_of(rows)) == (SEVERITIES, ["low", "safe"])


def test_groups_are_named_as_labels_are_and_blanks_are_no_group(tmp_path: Path) -> None:
    groups = ["a", "a ", 1, "1", None, "", " ", 2.0]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": "t", "label": "x", "family": group}) + "\n" for group in groups))
    assert load_rows(path, RowSchema(TEXT)).groups.tolist() == [0, 0, 1, 1, -1, -1, -1, 2]


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("True", ("false", "true"), "true"),
        ("true", ("False", "True"), "True"),
        ("1", ("0.0", "1.0"), "1.0"),
        ("1.0", ("0", "1"), "1"),
        ("1", ("1", "1.0"), "1"),
        ("spam", ("Spam", "ham"), None),
        ("01", ("1", "2"), None),
    ],
)
def test_a_label_of_another_file_means_the_one_known_label_it_is_a_form_of(
    name: str, known: tuple[str, ...], found: str | None
) -> None:
    assert matches([name], known) == {name: found}


def test_class_weights_may_name_labels_as_numbers_truth_values_and_with_blanks() -> None:
    from application.training_request import TrainModelRequest

    given_weights = TrainModelRequest(class_weights={1: 2.0, 0: 0.5}).class_weights
    assert class_weights_of(given_weights, ("0", "1"), [1, 1]).tolist() == [0.5, 2.0]  # type: ignore[union-attr]
    given_weights = TrainModelRequest(class_weights={True: 3.0}).class_weights
    assert class_weights_of(given_weights, ("False", "True"), [1, 1]).tolist() == [1.0, 3.0]  # type: ignore[union-attr]
    assert class_weights_of({" pos ": 3.0}, ("neg", "pos"), [1, 1]).tolist() == [1.0, 3.0]  # type: ignore[union-attr]


@given(
    st.one_of(any_text(), st.integers(), st.booleans(), st.floats(allow_nan=True), st.none(), st.lists(st.integers()))
)
def test_a_name_names_itself_and_can_be_written_down(cell: Any) -> None:
    name = name_of(cell)
    if name is not None:
        assert name_of(name) == name
        assert name.encode().decode() == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("very bad", "very  bad"),
        ("very bad", "very\u00a0bad"),
        ("spam", "\uff53\uff50\uff41\uff4d"),
        ("ham", "'ham'"),
        ("-1", "\u22121"),
        ("Bad", "bad"),
    ],
)
def test_labels_that_look_alike_are_kept_apart_with_a_word(tmp_path: Path, one: str, other: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": f"t{i}", "label": (one, other)[i % 2]}) + "\n" for i in range(8)))
    rows = load_rows(path, RowSchema(sought("text", ("text",))))
    assert len(rows.label_names) == 2
    assert sum("alone and are kept apart" in word for word in rows.warnings) == 1


def test_truth_values_beside_numbers_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(f'{{"text": "t{i}", "label": {["1", "true", "0"][i % 3]}}}\n' for i in range(9)))
    rows = load_rows(path, RowSchema(sought("text", ("text",))))
    assert rows.label_names == ("0", "1", "True")
    assert any("'1' (3 rows) and 'True' (3 rows)" in word for word in rows.warnings)


@pytest.mark.parametrize("mark", ["\u200e", "\u200f", "\u00ad", "\u2069"])
def test_marks_that_nobody_sees_around_a_label_are_no_part_of_it(mark: str) -> None:
    assert name_of(f"{mark}ham{mark}") == "ham"


@pytest.mark.parametrize("word", ["nan", "NaN", "#N/A", "#REF!", "null"])
def test_a_label_that_may_mean_nothing_is_told_of(tmp_path: Path, word: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\n" + "".join(f"t{i},{['a', 'none', word][i % 3]}\n" for i in range(9)))
    rows = load_rows(path, RowSchema(sought("text", ("text",))))
    assert word in rows.label_names
    assert rows.warnings == (f"x.csv: {word!r} is the label of 3 rows, and may mean that the label is missing.",)

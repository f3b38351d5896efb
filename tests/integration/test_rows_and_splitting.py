"""Rows are checked once and kept; a split shares nothing between its parts."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyarrow import parquet
from transformers import PreTrainedTokenizerFast

from application.training import LabelTraining
from domain.exceptions import DatasetError
from domain.task import SEVERITIES
from infrastructure.data.kept import cache
from infrastructure.data.kept.mapped import TextColumn
from infrastructure.data.labels.loading import ClassificationData, SplitRows
from infrastructure.data.labels.rows import LabelledRows, RowSchema, load_rows, require_labels, white_space_key
from infrastructure.data.labels.splitting import Split, split_rows
from infrastructure.data.sources import checking
from infrastructure.data.sources.fields import sought
from infrastructure.data.tokens import tokenization
from infrastructure.models.tokenizer import train_tokenizer
from infrastructure.training import DatasetLoader
from tests.support import tiny
from tests.support.trainings import training

ROOT = Path(__file__).resolve().parents[2]
TEXT_FIELD = sought("text", ("text",))
TEXT = RowSchema(TEXT_FIELD)


def written(path: Path, entries: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text(json.dumps(entries, indent=0), encoding="utf-8")
    return path


def loaded(path: Path, entries: Sequence[Mapping[str, Any]], schema: RowSchema = TEXT) -> LabelledRows:
    return load_rows(written(path, entries), schema)


def labelled(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"text": text, "label": label} for text, label in pairs]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def tokens() -> PreTrainedTokenizerFast:
    return tiny.tokenizer()


class TestRows:
    def test_texts_labels_groups_and_lines_are_those_of_the_file(self, tmp_path: Path) -> None:
        entries: list[dict[str, Any]] = [
            {"text": "naïve 😀\u2028x", "label": "b", "family": "f"},
            {"text": " two\r\nlines ", "label": "a", "family": None},
            {"text": "third", "label": "b", "family": 7},
            {"text": "last", "label": "ä", "family": "f"},
        ]
        found = loaded(tmp_path / "x.json", entries)
        assert list(found.texts) == ["naïve 😀\u2028x", " two\r\nlines ", "third", "last"]
        assert [found.label_names[number] for number in found.labels] == ["b", "a", "b", "ä"]
        assert found.groups.tolist() == [0, -1, 1, 0]
        assert found.lines.tolist() == [2, 7, 12, 17]
        assert found.label_counts() == {"a": 1, "b": 2, "ä": 1}

    def test_half_a_character_becomes_one_that_can_be_written(self, tmp_path: Path) -> None:
        (text,) = loaded(tmp_path / "x.json", [{"text": "before \udc80 after", "label": "a"}]).texts
        assert text.encode().decode() == text
        assert (text[:7], text[-6:]) == ("before ", " after")

    def test_files_in_a_directory_may_have_names_that_are_not_utf8(self, tmp_path: Path) -> None:
        directory = tmp_path / "d"
        (directory / "a").mkdir(parents=True)
        (directory / "a" / os.fsdecode(b"\xff.py")).write_text("two")
        assert list(load_rows(directory, TEXT).texts) == ["two"]

    @pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that nobody can read comes from /proc")
    def test_a_file_that_cannot_be_read_fails_its_directory_with_a_remedy(self, tmp_path: Path) -> None:
        (tmp_path / "d" / "a").mkdir(parents=True)
        (tmp_path / "d" / "a" / "x.py").write_text("x")
        (tmp_path / "d" / "a" / "y.py").symlink_to("/proc/self/mem")
        with pytest.raises(DatasetError, match="cannot be read") as caught:
            load_rows(tmp_path / "d", TEXT)
        assert caught.value.remedy

    @pytest.mark.parametrize(
        ("fields", "entry", "wanted"),
        [
            (("text", "code"), {"code": "c", "text": "t"}, "text"),
            (("code", "text"), {"code": "c", "text": "t"}, "code"),
            (("text", "code"), {"code": "c", "other": "o"}, "code"),
            (("other",), {"code": "c", "text": "t", "other": "o"}, "other"),
        ],
    )
    def test_the_first_wanted_field_that_rows_have_is_the_text(
        self, tmp_path: Path, fields: tuple[str, ...], entry: dict[str, str], wanted: str
    ) -> None:
        found = loaded(tmp_path / "x.json", [{**entry, "label": "a"}], RowSchema(sought("text", fields)))
        assert (found.text_field, list(found.texts)) == (wanted, [entry[wanted]])

    def test_rows_without_a_wanted_field_name_the_fields_they_have(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="has the fields 'txt', 'label'") as caught:
            loaded(tmp_path / "x.json", [{"txt": "t", "label": "a"}])
        assert caught.value.remedy.endswith("--set text_field=txt")

    def test_label_and_group_may_stand_in_fields_of_other_names(self, tmp_path: Path) -> None:
        entry = {"text": "t", "label": "no", "kind": "yes", "family": "f", "author": "g"}
        schema = RowSchema(TEXT_FIELD, sought("label", (), "kind"), group_field="author")
        found = loaded(tmp_path / "x.json", [entry, {**entry, "author": "h"}], schema)
        assert found.label_names == ("yes",)
        assert found.groups.tolist() == [0, 1]

    def test_labels_of_your_own_are_sorted_and_those_of_a_task_keep_its_order(self, tmp_path: Path) -> None:
        entries = labelled(("1", "low"), ("2", "safe"), ("3", "high"))
        assert loaded(tmp_path / "x.json", entries).label_names == ("high", "low", "safe")
        assert loaded(tmp_path / "y.json", entries[::-1]).label_names == ("high", "low", "safe")
        closed = loaded(tmp_path / "x.json", entries, RowSchema(TEXT_FIELD, labels=SEVERITIES))
        assert closed.label_names == SEVERITIES
        assert closed.labels.tolist() == [1, 0, 3]

    def test_rows_without_labels_have_none(self, tmp_path: Path) -> None:
        found = loaded(tmp_path / "x.json", [{"text": "t"}], RowSchema(TEXT_FIELD, label=None))
        assert (found.labels.tolist(), found.label_names) == ([-1], ())

    def test_all_faults_are_told_together_and_counted(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError) as caught:
            loaded(tmp_path / "x.json", [{"text": "", "label": "a"}, {"text": "good", "label": "a"}] * 25)
        told = str(caught.value).splitlines()
        assert len(told) == 4
        assert caught.value.messages == tuple(told)
        assert told[1].startswith("x.json:10: text is empty")
        assert told[-1] == "x.json: 25 faults in all, the first of each kind are shown."

    def test_a_label_with_one_row_cannot_be_split_and_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="one row of label 'b'"):
            require_labels(loaded(tmp_path / "x.json", labelled(("1", "a"), ("2", "a"), ("3", "b"))))

    @given(st.text(alphabet=" \t\n\u3000ab😀", max_size=12), st.text(alphabet=" \t\n\u3000ab😀", max_size=12))
    def test_keys_are_equal_just_when_texts_differ_in_white_space_alone(self, one: str, other: str) -> None:
        same = "".join(one.split()) == "".join(other.split())
        assert (white_space_key(one) == white_space_key(other)) == same


class TestCache:
    def test_a_second_load_parses_nothing_and_gives_the_same(
        self, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = loaded(tmp_path / "x.json", tiny.rows(40))
        monkeypatch.setattr(checking, "read_rows", must_not_run)
        second = load_rows(tmp_path / "x.json", TEXT)
        for name in ("labels", "keys", "groups", "lines"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert list(second.texts) == list(first.texts) == [row["text"] for row in tiny.rows(40)]
        assert (second.label_names, second.text_field, second.sha256) == (first.label_names, "text", first.sha256)

    def test_other_content_or_another_schema_is_read_anew(self, tmp_path: Path, own_cache: Path) -> None:
        path = tmp_path / "x.json"
        entries = [{"text": "one", "code": "two", "label": label, "kind": "k"} for label in ("low", "safe")]
        schemas = (
            TEXT,
            RowSchema(sought("text", ("code",))),
            RowSchema(TEXT_FIELD, sought("label", (), "kind")),
            RowSchema(TEXT_FIELD, labels=SEVERITIES),
            RowSchema(TEXT_FIELD, group_field="kind"),
        )
        keys = [loaded(path, entries, schema).cache_key for schema in schemas]
        keys.append(loaded(path, entries[::-1]).cache_key)
        assert len(set(keys)) == 6
        assert load_rows(path, TEXT).label_names == ("low", "safe")
        assert load_rows(path, TEXT).labels.tolist() == [1, 0]

    def test_a_file_with_faults_leaves_nothing_behind(self, tmp_path: Path, own_cache: Path) -> None:
        with pytest.raises(DatasetError):
            loaded(tmp_path / "x.json", [{"text": "good", "label": "a"}, {"text": "bad"}])
        assert list(own_cache.iterdir()) == []

    def test_the_entries_used_longest_ago_leave_when_all_take_too_much(
        self, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def make(size: int, name: str) -> Path:
            def fill(staging: Path) -> None:
                (staging / "f").write_bytes(bytes(size))

            return cache.cached("kind", name, fill).path

        monkeypatch.setattr(cache, "LIMIT_BYTES", 25_000)
        for age, name in ((300, "old"), (200, "older than it seems"), (100, "young")):
            entry = make(8_000, name)
            os.utime(entry, (1_700_000_000 - age, 1_700_000_000 - age))
        make(8_000, "old")  # its use makes it the youngest
        make(8_000, "new")
        assert sorted(entry.name for entry in own_cache.iterdir()) == ["kind-new", "kind-old", "kind-young"]

    def test_tokens_are_made_once_for_a_tokenizer_and_a_length(
        self, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch, tokens: PreTrainedTokenizerFast
    ) -> None:
        path = tiny.file_of_rows(tmp_path / "x.json")
        first = DatasetLoader(path, tokens, max_length=64).load()
        DatasetLoader(path, tokens, max_length=65).load()
        monkeypatch.setattr(tokenization, "_keep_tokens", must_not_run)
        second = DatasetLoader(path, tokens, max_length=64).load()
        assert all(first[i]["input_ids"].equal(second[i]["input_ids"]) for i in range(len(first)))
        other = tiny.tokenizer()
        other.add_tokens(["shout"])
        for changed in (DatasetLoader(path, other, max_length=64), DatasetLoader(path, tokens, max_length=63)):
            with pytest.raises(AssertionError, match="must not run"):
                changed.load()

    def test_tokens_are_made_once_when_rows_are_cut_too(
        self, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, tokens = tiny.file_of_rows(tmp_path / "x.json"), tiny.tokenizer()
        assert DatasetLoader(path, tokens, max_length=6).load().tokens.num_cut > 0
        monkeypatch.setattr(tokenization, "_keep_tokens", must_not_run)
        DatasetLoader(path, tokens, max_length=6).load()

    def test_tokens_are_made_anew_for_the_other_side_of_truncation(self, tmp_path: Path, own_cache: Path) -> None:
        path, tokens = tiny.file_of_rows(tmp_path / "x.json"), tiny.tokenizer()
        found = {}
        for side in ("right", "left"):
            tokens.truncation_side = side
            dataset = DatasetLoader(path, tokens, max_length=6).load()
            found[side] = [dataset[i]["input_ids"].tolist() for i in range(len(dataset))]
            assert found[side] == tokens(list(dataset.texts), truncation=True, max_length=6)["input_ids"]
        assert found["left"] != found["right"]


def must_not_run(*_: object) -> Any:
    raise AssertionError("must not run")


def rows_of(labels: Sequence[int], keys: Sequence[int], groups: Sequence[int]) -> LabelledRows:
    """Make rows without a file."""
    names = tuple("abcde"[: max(labels) + 1])
    columns: dict[str, Any] = {
        "labels": np.array(labels, np.int32),
        "keys": np.array(keys, np.uint64),
        "groups": np.array(groups),
    }
    texts = cast(TextColumn, [""] * len(labels))  # a split asks for their number alone
    return LabelledRows(Path("made.json"), "", "", "text", names, texts, lines=np.arange(len(labels)), **columns)


COUNTS = st.lists(st.integers(2, 60), min_size=2, max_size=5)
SHARES = st.sampled_from((0.01, 0.1, 0.2, 1 / 3, 0.5, 0.9, 0.99))
SEEDS = st.integers(0, 2**32)


class TestSplit:
    @given(counts=COUNTS, share=SHARES, seed=SEEDS, data=st.data())
    def test_each_label_gives_its_share_to_the_row(
        self, counts: list[int], share: float, seed: int, data: st.DataObject
    ) -> None:
        labels = data.draw(st.permutations([label for label, count in enumerate(counts) for _ in range(count)]))
        made = rows_of(labels, range(len(labels)), [-1] * len(labels))
        split = split_rows(made, share, seed)
        assert sorted([*split.train, *split.evaluation]) == list(range(len(labels)))
        taken = Counter(labels[row] for row in split.evaluation)
        for label, count in enumerate(counts):
            assert abs(taken[label] - share * count) <= 1
            assert 0 < taken[label] < count
        assert_same(split, split_rows(made, share, seed))

    @given(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(-1, 4)), min_size=4, max_size=40), SEEDS
    )
    def test_equal_texts_and_families_stay_on_one_side_and_only_a_label_of_one_piece_is_refused(
        self, made: list[tuple[int, int, int]], seed: int
    ) -> None:
        labels, keys, groups = columns_of(made)
        assume(len(set(labels)) > 1)
        pieces = pieces_of(keys, groups)
        label_of = dict(zip(pieces, labels, strict=True))
        refused = sorted(set(Counter(label_of.values())) - {k for k, n in Counter(label_of.values()).items() if n > 1})
        if refused:
            with pytest.raises(DatasetError) as caught:
                split_rows(rows_of(labels, keys, groups), 0.3, seed)
            assert all(repr("abc"[label]) in caught.value.problem for label in refused)
            return
        split = split_rows(rows_of(labels, keys, groups), 0.3, seed)
        assert not {pieces[row] for row in split.train} & {pieces[row] for row in split.evaluation}
        assert split.num_duplicates == len(keys) - len(set(keys))

    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=6, max_size=60), SHARES, SEEDS)
    def test_families_of_several_labels_stay_on_one_side_too(
        self, made: list[tuple[int, int]], share: float, seed: int
    ) -> None:
        labels, groups = zip(*made, strict=True)
        try:
            split = split_rows(rows_of(labels, range(len(made)), groups), share, seed)
        except DatasetError:
            assume(False)
        assert not {groups[row] for row in split.train} & {groups[row] for row in split.evaluation}
        assert {labels[row] for row in split.train} == {labels[row] for row in split.evaluation} == set(labels)

    @given(SEEDS)
    def test_one_large_family_neither_fills_the_evaluation_part_nor_shuts_others_out(self, seed: int) -> None:
        labels, groups = [0] * 100 + [1] * 100, [0] * 90 + list(range(1, 111))
        split = split_rows(rows_of(labels, range(200), groups), 0.1, seed)
        taken = Counter(labels[row] for row in split.evaluation)
        assert 8 <= taken[0] <= 11
        assert 8 <= taken[1] <= 11

    def test_another_seed_gives_another_split_and_the_order_of_labels_none(self) -> None:
        made = rows_of([0, 1] * 50, range(100), [-1] * 100)
        evaluations = {tuple(split_rows(made, 0.2, seed).evaluation) for seed in range(5)}
        assert len(evaluations) == 5


def columns_of(made: Sequence[tuple[int, int, int]]) -> tuple[list[int], list[int], list[int]]:
    """Give each label texts and groups of its own, so that a piece has one label."""
    labels = [label for label, _, _ in made]
    return labels, [10 * label + key for label, key, _ in made], [g if g < 0 else 10 * k + g for k, _, g in made]


def pieces_of(keys: Sequence[int], groups: Sequence[int]) -> list[int]:
    """Number what an equal text or group ties together, by spreading the smallest number until all is still."""
    pieces = list(range(len(keys)))
    while True:
        before = list(pieces)
        for one in range(len(keys)):
            for other in range(len(keys)):
                if keys[one] == keys[other] or groups[one] == groups[other] >= 0:
                    pieces[one] = min(pieces[one], pieces[other])
        if pieces == before:
            return pieces


def assert_same(one: Split, other: Split) -> None:
    np.testing.assert_array_equal(one.train, other.train)
    np.testing.assert_array_equal(one.evaluation, other.evaluation)


def request_for(path: Path, **changes: Any) -> LabelTraining:
    changes = {"task": "text_classification", "dataset_path": str(path), **changes}
    return training(LabelTraining, **changes)


def texts_of(split: SplitRows) -> tuple[list[str], list[str]]:
    return list(split.train_texts()), list(split.eval_texts())


class TestClassificationData:
    def test_repeats_up_to_white_space_stay_together_and_are_told(self, tmp_path: Path) -> None:
        entries = [
            {"text": text.format(n=n), "label": "ab"[n % 2]}
            for n in range(20)
            for text in ("if x{n}: y()", "if x{n}:\n\ty()", " ifx{n}:y( ) ")
        ]
        split = ClassificationData().load(request_for(written(tmp_path / "x.json", entries)))
        train, evaluation = ({"".join(text.split()) for text in part} for part in texts_of(split))
        assert not train & evaluation
        assert len(train) + len(evaluation) == 20
        assert any("40 rows repeat another" in warning for warning in split.warnings)

    def test_texts_with_more_than_one_label_and_labels_without_rows_are_told(self, tmp_path: Path) -> None:
        entries = labelled(*((f"t{n}", ("low", "safe")[n % 2]) for n in range(12)), ("t0", "safe"), ("t1", "low"))
        path = written(tmp_path / "x.json", entries)
        split = ClassificationData().load(request_for(path, task="security_classification"))
        assert any("2 texts occur with more than one label" in warning for warning in split.warnings)
        assert any("no row has the label medium, high, critical" in warning for warning in split.warnings)

    def test_the_evaluation_part_of_split_data_loses_nothing_and_training_loses_what_it_shares(
        self, tmp_path: Path
    ) -> None:
        train = written(tmp_path / "train.json", labelled(*((f"word {n}", "ab"[n % 2]) for n in range(10))))
        evaluation = written(tmp_path / "eval.json", labelled(("word\n3", "b"), ("new", "a"), ("  word 4", "a")))
        split = ClassificationData().load(request_for(train, eval_dataset=str(evaluation)))
        kept, scored = texts_of(split)
        assert kept == [f"word {n}" for n in range(10) if n not in (3, 4)]
        assert scored == ["word\n3", "new", "  word 4"]
        assert any("2 rows of train.json also stand in eval.json" in warning for warning in split.warnings)

    def test_labels_of_split_data_have_the_numbers_of_the_training_part(self, tmp_path: Path) -> None:
        train = written(tmp_path / "train.json", labelled(("1", "a"), ("2", "b"), ("3", "c")))
        evaluation = written(tmp_path / "eval.json", labelled(("x", "c"), ("y", "b"), ("z", "c")))
        split = ClassificationData().load(request_for(train, eval_dataset=str(evaluation)))
        assert split.label_names == ("a", "b", "c")
        assert split.train_labels().tolist() == [0, 1, 2]
        assert split.eval_labels().tolist() == [2, 1, 2]

    def test_a_label_that_training_never_saw_is_refused(self, tmp_path: Path) -> None:
        train = written(tmp_path / "train.json", labelled(("1", "a"), ("2", "b")))
        evaluation = written(tmp_path / "eval.json", labelled(("x", "c")))
        with pytest.raises(DatasetError, match=r"eval\.json has labels that training had not: 'c'"):
            ClassificationData().load(request_for(train, eval_dataset=str(evaluation)))

    def test_a_wrong_number_of_labels_is_refused(self, tmp_path: Path) -> None:
        path = tiny.file_of_rows(tmp_path / "x.json")
        assert ClassificationData().load(request_for(path, num_labels=2)).label_names == tiny.LABELS
        with pytest.raises(DatasetError, match=r"num_labels is 3, but x\.json has 2 labels \(calm, loud\)"):
            ClassificationData().load(request_for(path, num_labels=3))

    def test_fields_named_in_the_request_win_over_guesses(self, tmp_path: Path) -> None:
        entries = [{"text": "no", "label": "no", "body": f"b{n}", "kind": "ab"[n % 2]} for n in range(8)]
        request = request_for(written(tmp_path / "x.json", entries), text_field="body", label_field="kind")
        split = ClassificationData().load(request)
        assert sorted(text for part in texts_of(split) for text in part) == [f"b{n}" for n in range(8)]
        assert split.label_names == ("a", "b")


class TestDatasetLoader:
    def test_parts_know_their_rows_labels_and_lines(self, tmp_path: Path, tokens: PreTrainedTokenizerFast) -> None:
        path = tiny.file_of_rows(tmp_path / "x.json", 40)
        entries = {row["text"]: row["label"] for row in tiny.rows(40)}
        train, test = DatasetLoader(path, tokens, max_length=64).get_train_test_split(test_size=0.25)
        assert (len(train), len(test)) == (30, 10)
        assert sorted([*train.texts, *test.texts]) == sorted(entries)
        for part in (train, test):
            assert part.label_mapping == {"calm": 0, "loud": 1}
            assert [part.id2label[part[i]["labels"]] for i in range(len(part))] == [entries[t] for t in part.texts]
            assert part.statistics["label_counts"] == {"calm": len(part) // 2, "loud": len(part) // 2}
            assert part.statistics["num_tokens"] == sum(len(part[i]["input_ids"]) for i in range(len(part)))
            decoded = [str(tokens.decode(part[i]["input_ids"], skip_special_tokens=True)) for i in range(len(part))]
            assert [text.strip() for text in decoded] == [text.lower() for text in part.texts]
        assert train.row_id(0) == "x.json:1"

    def test_rows_have_the_tokens_that_the_tokenizer_gives_them_directly(self, tmp_path: Path) -> None:
        # It makes one token of hundreds of blanks, so that no fixed number of characters is sure to be enough.
        tokens = train_tokenizer([" " * 512 + "roar shout"] * 4, 400, lowercase=False, seed=0)
        texts = [" " * 5_000 + "roar " * 40, " " * 2_000 + "shout", "short", "roar " * 500, "x" * 4_000, "é" * 300]
        entries = [{"text": text, "label": "ab"[number % 2]} for number, text in enumerate(texts)]
        dataset = DatasetLoader(written(tmp_path / "x.json", entries), tokens, max_length=16).load()
        cut = tokens(texts, truncation=True, max_length=16)["input_ids"]
        assert [dataset[i]["input_ids"].tolist() for i in range(len(texts))] == cut
        whole = tokens(texts, truncation=False)["input_ids"]
        assert dataset.tokens.num_cut == sum(len(ids) > 16 for ids in whole)
        assert [len(ids) < 16 for ids in cut] == [False, True, True, False, False, False]

    @pytest.mark.parametrize("share", [0.0, 1.0, -0.2, 20.0, float("nan")])
    def test_a_share_that_is_none_is_refused(
        self, tmp_path: Path, tokens: PreTrainedTokenizerFast, share: float
    ) -> None:
        with pytest.raises(DatasetError, match="must lie between 0 and 1"):
            DatasetLoader(tiny.file_of_rows(tmp_path / "x.json"), tokens).get_train_test_split(test_size=share)


class TestShippedData:
    """The whole file, for a split that leaks would make every figure in the documentation a lie."""

    @pytest.mark.parametrize("seed", [42, 1])
    def test_no_family_and_no_text_of_the_security_data_stands_on_both_sides(self, seed: int) -> None:
        path = ROOT / "data/security_validation.parquet"
        entries: list[dict[str, str]] = parquet.read_table(path, columns=["code", "label", "family"]).to_pylist()
        split = ClassificationData().load(
            training(LabelTraining, "security_classification", seed=seed, dataset_path=str(path))
        )
        sides = [[entries[row] for row in part] for part in (split.train, split.evaluation)]
        assert sum(map(len, sides)) == len(entries)
        for value_of in (lambda row: row["family"], lambda row: "".join(row["code"].split())):
            train, evaluation = ({value_of(row) for row in side} for side in sides)
            assert not train & evaluation
        counts = Counter(row["label"] for row in entries)
        for label, taken in Counter(row["label"] for row in sides[1]).items():
            assert abs(taken / counts[label] - 0.2) < 0.05
        assert {row["label"] for row in sides[0]} == {row["label"] for row in sides[1]} == set(SEVERITIES)

    def test_another_process_splits_the_security_data_alike(self) -> None:
        code = (
            "import sys; from pathlib import Path; from infrastructure.data.sources.fields import sought; "
            "from infrastructure.data.labels.rows import RowSchema, load_rows; "
            "from infrastructure.data.labels.splitting import split_rows; "
            "rows = load_rows(Path('data/security_validation.parquet'), RowSchema(sought('text', ('code',)))); "
            "print(*split_rows(rows, 0.2, 42).evaluation)"
        )
        outputs = {
            subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, check=True,
                capture_output=True, text=True,
            ).stdout
            for seed in ("1", "2")
        }  # fmt: skip
        made = load_rows(ROOT / "data/security_validation.parquet", RowSchema(sought("text", ("code",))))
        assert outputs == {" ".join(map(str, split_rows(made, 0.2, 42).evaluation)) + "\n"}


# The peak since `exec`; ru_maxrss would begin at the size of the process that started this one.
LOAD_AND_MEASURE = """
import re, sys
from pathlib import Path
from infrastructure.data.sources.fields import sought
from infrastructure.data.labels.rows import RowSchema, load_rows
from infrastructure.data.labels.splitting import split_rows

def peak_bytes():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

import hashlib, json, difflib, numpy.random
before = peak_bytes()
rows = load_rows(Path(sys.argv[1]), RowSchema(sought("text", ("text",))))
split = split_rows(rows, 0.1, 0)
print(len(rows), len(split.evaluation), peak_bytes() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_memory_does_not_grow_with_the_texts_of_a_file(tmp_path: Path, own_cache: Path) -> None:
    path, filling = tmp_path / "large.jsonl", "word " * 100
    with path.open("w") as file:
        file.writelines(f'{{"text": "{n} {filling}", "label": "{"ab"[n % 2]}"}}\n' for n in range(200_000))
    words = [sys.executable, "-c", LOAD_AND_MEASURE, str(path)]
    output = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    num_rows, num_eval, growth_bytes = map(int, output.split())
    assert (num_rows, num_eval) == (200_000, 20_000)
    assert path.stat().st_size > 100e6
    assert growth_bytes < 60e6

"""An audit finds what was planted, and nothing where nothing was."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from application.training import LabelTraining
from application.training_request import TrainModelRequest
from domain.audit import ALL_ROWS, BAG_OF_WORDS, LENGTH, POSITION, SINGLE_WORD
from infrastructure.auditing import auditor, clone_search
from infrastructure.auditing.folds import auc_of
from infrastructure.auditing.sides import Limits
from infrastructure.data.labels.loading import ClassificationData
from tests.support.audited_rows import (
    Rows,
    alarmed,
    audited,
    clean_rows,
    clones,
    file_of,
    flipped,
    shortcut,
    with_column,
)

TRAIN = clean_rows(300)
SCORED = clean_rows(100, seed=1)


def both(tmp_path: Path, train: Rows, scored: Rows) -> tuple[Path, Path]:
    return file_of(tmp_path / "train.jsonl", train), file_of(tmp_path / "eval.jsonl", scored)


def test_clean_rows_raise_no_alarm(tmp_path: Path) -> None:
    audit = audited(*both(tmp_path, TRAIN, SCORED))
    assert alarmed(audit) == []
    assert [(found.across, found.in_training, found.in_evaluation) for found in audit.clones] == [(0, 0, 0)] * 3
    assert (audit.conflicts.texts, audit.num_train, audit.num_eval) == (0, 300, 100)
    assert audit.samples == ()


def test_clones_are_counted_once_where_they_are_most_alike_and_named_by_line(tmp_path: Path) -> None:
    texts = [str(row["text"]) for row in TRAIN]
    first, *rest = texts[12].split()
    planted = [
        f"  {texts[10]}\n",  # white space aside
        f"{texts[11].upper()}!",  # case and punctuation aside
        " ".join([f"x{first}", *rest]),  # one word of at least thirty, the first, so that one run of five differs
    ]
    rows = [{"text": text, "label": "yes"} for text in planted]
    audit = audited(*both(tmp_path, TRAIN, [*SCORED, *rows]))
    assert [clones(audit, kind).across for kind in ("exact", "renamed", "near")] == [1, 1, 1]
    for place, kind in enumerate(("exact", "renamed", "near")):
        (example,) = clones(audit, kind).examples
        assert (example.evaluation, example.training) == (f"eval.jsonl:{101 + place}", f"train.jsonl:{11 + place}")
    (near,) = clones(audit, "near").examples
    words = len(rest) + 1
    assert near.similarity == pytest.approx((words - 5) / (words - 3), abs=1e-4)  # runs shared of all runs
    assert "exact clones" in alarmed(audit)


def test_clones_of_code_differ_in_names_and_not_in_what_they_call(tmp_path: Path) -> None:
    body = "def {f}({a}):\n    {b} = {a} + {number}\n    # {a}\n    return {call}({b}, key='{a}')\n"
    names = {"f": "read", "a": "path", "b": "other", "number": 1, "call": "md5"}
    others = {"f": "load", "a": "place", "b": "next_one", "number": 22, "call": "md5"}
    filler = [{"code": f"def g{n}(x):\n    return h{n}(x) - {n} * x.y{n}\n", "label": "safe"} for n in range(6)]
    train = [
        *filler,
        {"code": body.format(**names), "label": "high"},
        {"code": "y = z(3) + 1\nq = z.a()", "label": "high"},
    ]
    scored = [
        {"code": body.format(**others), "label": "high"},
        {"code": body.format(**{**others, "call": "sha256"}), "label": "safe"},
    ]
    audit = audited(*both(tmp_path, train, scored))
    assert (audit.task, audit.form, audit.negative_label) == ("security_classification", "code", "safe")
    found = clones(audit, "renamed")
    assert found.across == 1
    assert found.examples[0].evaluation == "eval.jsonl:1"
    assert found.examples[0].training == "train.jsonl:7"


def test_rows_that_repeat_within_a_part_are_counted_there(tmp_path: Path) -> None:
    twice = [*TRAIN, TRAIN[0], TRAIN[0]]
    audit = audited(*both(tmp_path, twice, [*SCORED, SCORED[1]]))
    exact = clones(audit, "exact")
    assert (exact.across, exact.in_training, exact.in_evaluation) == (0, 3, 2)


def test_a_part_that_is_held_out_shares_no_text_even_where_rows_repeat(tmp_path: Path) -> None:
    rows = [*TRAIN, *TRAIN[:30]]
    audit = audited(file_of(tmp_path / "rows.jsonl", rows))
    assert clones(audit, "exact").across == 0
    assert clones(audit, "exact").in_training + clones(audit, "exact").in_evaluation == 60


def test_texts_with_several_labels_are_told_with_their_rows(tmp_path: Path) -> None:
    other = {"text": f" {TRAIN[4]['text']}", "label": "yes"}
    audit = audited(*both(tmp_path, TRAIN, [*SCORED, other]))
    assert (audit.conflicts.texts, audit.conflicts.rows) == (1, 2)
    (found,) = audit.conflicts.examples
    assert (found.rows, found.labels) == (("train.jsonl:5", "eval.jsonl:101"), ("no", "yes"))


def test_labels_that_were_flipped_are_found_by_their_words(tmp_path: Path) -> None:
    rows, wrong = flipped(clean_rows(400, own_words=0.4), every=10)
    audit = audited(file_of(tmp_path / "rows.jsonl", rows))
    noise = audit.noise
    assert noise is not None
    assert 0.05 < noise.share < 0.12  # a tenth; what words are not sure of counts as right
    first = {doubt.row for doubt in noise.doubtful[: len(wrong)]}
    truly = {f"rows.jsonl:{at + 1}" for at in wrong}
    assert len(first & truly) >= 0.9 * len(wrong)
    assert all(doubt.label != doubt.suggested for doubt in noise.doubtful)
    assert "label noise" in alarmed(audit)


def test_labels_that_are_right_are_not_doubted(tmp_path: Path) -> None:
    audit = audited(file_of(tmp_path / "rows.jsonl", clean_rows(400, own_words=0.4)))
    assert audit.noise is not None
    assert audit.noise.share < 0.02
    assert "label noise" not in alarmed(audit)


def test_a_word_that_gives_the_label_away_is_named(tmp_path: Path) -> None:
    rows = [{**row, "text": f"{row['text']} zebra"} if row["label"] == "yes" else row for row in TRAIN]
    audit = audited(file_of(tmp_path / "rows.jsonl", rows))
    assert shortcut(audit, SINGLE_WORD).auc == 1.0
    for name in (BAG_OF_WORDS, SINGLE_WORD):
        (words,) = [each.words for each in shortcut(audit, name).words if each.label == "yes"]
        assert words[0] == "zebra"
    (alarm,) = [each for each in audit.alarms if each.finding == f"shortcut: {SINGLE_WORD}"]
    assert "yes: zebra" in alarm.sentence


def test_length_position_and_project_that_give_the_label_away_are_told(tmp_path: Path) -> None:
    longer = [{**row, "text": f"{row['text']} {row['text']}"} if row["label"] == "yes" else row for row in TRAIN]
    found = audited(file_of(tmp_path / "long.jsonl", longer))
    assert f"shortcut: {LENGTH}" in alarmed(found)
    ordered = sorted(TRAIN, key=lambda row: str(row["label"]))
    found = audited(file_of(tmp_path / "ordered.jsonl", ordered))
    assert f"shortcut: {POSITION}" in alarmed(found)
    named = with_column(TRAIN, "project", [f"{row['label']}-{at % 5}" for at, row in enumerate(TRAIN)])
    found = audited(file_of(tmp_path / "named.jsonl", named))
    assert "shortcut: project" in alarmed(found)
    assert shortcut(found, "project").auc == pytest.approx(1.0)
    # Held apart by the split, a name tells nothing of the rows that are scored.
    apart = audited(tmp_path / "named.jsonl", group_field="project")
    assert "shortcut: project" not in alarmed(apart)
    assert [leak.rows for leak in apart.groups] == [0]


def test_twins_are_told_by_held_out_groups(tmp_path: Path) -> None:
    texts = [row["text"] for row in clean_rows(150)]
    twins = [
        {"text": f"{text} {end}", "label": label, "pair_id": number}
        for number, text in enumerate(texts)
        for end, label in (("ka", "no"), ("ki", "yes"))
    ]
    ends = [row | {"text": str(row["text"])[:-3]} if at % 7 else row for at, row in enumerate(twins)]
    found = shortcut(audited(file_of(tmp_path / "twins.jsonl", ends)), BAG_OF_WORDS)
    assert found.auc is not None
    assert found.auc_held_out is not None
    assert found.auc < 0.4 < found.auc_held_out < 0.7


def test_projects_on_both_sides_are_counted_and_no_flag_is_taken_for_one(tmp_path: Path) -> None:
    train = with_column(TRAIN, "project", [f"p{at // 10}" for at in range(300)])
    scored = with_column(SCORED, "project", [f"p{at // 10 + 28}" for at in range(100)])
    train = with_column(train, "commit", [f"c{at}" for at in range(300)])
    scored = with_column(scored, "commit", [f"d{at}" for at in range(100)])
    scored = with_column(scored, "commit_in_train", [False] * 100)
    train = with_column(train, "commit_in_train", [True] * 300)
    audit = audited(*both(tmp_path, train, scored))
    leaks = {leak.column: leak for leak in audit.groups}
    assert set(leaks) == {"project", "commit"}
    assert (leaks["project"].values, leaks["project"].shared, leaks["project"].rows) == (38, 2, 20)
    assert (leaks["commit"].shared, leaks["commit"].rows) == (0, 0)
    assert set(leaks["project"].examples) == {"p28", "p29"}
    assert audit.held_out_by == "project"
    assert alarmed(audit) == ["shared groups"]
    parts = {part.part: part.rows for part in audit.scores}
    assert parts[ALL_ROWS] == 100
    assert parts["no project in training"] == 80


@pytest.mark.parametrize(
    "form", ["2024-{month:02d}-{day:02d}", "{day:02d}.{month:02d}.2024", "2024{month:02d}{day:02d}"]
)
def test_rows_that_are_older_than_what_was_learnt_from_are_told(tmp_path: Path, form: str) -> None:
    def stamps(first_month: int, count: int) -> list[str]:
        return [form.format(month=first_month + at % 3, day=1 + at % 28) for at in range(count)]

    train = with_column(TRAIN, "created_at", stamps(4, 300))
    behind = with_column(SCORED, "created_at", stamps(8, 100))
    before = with_column(SCORED, "created_at", stamps(1, 100))
    if form.startswith("{day"):  # a column that only ever names days up to 12 could be read in two ways
        assert any(str(row["created_at"]) > "13" for row in train)
    clean = audited(*both(tmp_path, train, behind))
    assert (clean.times[0].older, clean.times[0].share_older, alarmed(clean)) == (0, 0.0, [])
    leaking = audited(*both(tmp_path, train, before))
    assert (leaking.times[0].older, leaking.times[0].share_older) == (100, 1.0)
    assert alarmed(leaking) == ["time"]


def test_a_time_column_that_is_none_is_told_and_refused_only_when_it_was_named(tmp_path: Path) -> None:
    rows = with_column(TRAIN, "date", ["soon"] * 300)
    audit = audited(file_of(tmp_path / "rows.jsonl", rows))
    assert audit.times == ()
    assert any("'date' was not compared" in note for note in audit.notes)


def test_scores_without_clones_are_those_of_the_rows_that_are_left(tmp_path: Path) -> None:
    copied = [{"text": row["text"] + " ", "label": "yes"} for row in TRAIN[:60]]
    audit = audited(*both(tmp_path, TRAIN, [*SCORED, *copied]))
    before, after = audit.scores
    assert (before.part, before.rows, after.rows) == (ALL_ROWS, 160, 100)
    assert before.words is not None
    assert after.words is not None
    unplanted = audited(*both(tmp_path, TRAIN, SCORED)).scores[0].words
    assert after.words.accuracy == pytest.approx(unplanted.accuracy if unplanted else 0.0, abs=0.05)


def test_the_area_under_the_curve_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    scores = random.dirichlet(np.ones(3), size=50)
    labels = random.integers(0, 3, size=50)
    reference = roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    assert auc_of(scores, labels, None) == pytest.approx(reference)
    assert auc_of(scores, labels, 0) == pytest.approx(roc_auc_score(labels != 0, 1 - scores[:, 0]))


def test_the_same_seed_finds_the_same(tmp_path: Path) -> None:
    path = file_of(tmp_path / "rows.jsonl", with_column(TRAIN, "author", [f"a{at % 13}" for at in range(300)]))
    assert audited(path) == audited(path)


def test_of_large_data_a_part_is_looked_at_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor, "FULL", Limits(compared=120, learnt=60, characters=10**6, text_characters=200))
    parts = both(tmp_path, [*TRAIN, *TRAIN[:5]], [*SCORED, *TRAIN[:7]])
    audit = audited(*parts)
    assert (clones(audit, "exact").across, clones(audit, "exact").rows) == (7, 107)  # of all rows, however many
    assert clones(audit, "near").rows == 60
    compared, learnt, long = audit.samples
    assert compared.startswith("60 of 305 rows of the training part and 60 of 107 rows of the evaluation part")
    assert "learnt from and judged by a bag of words" in learnt
    assert "the first 200 characters" in long
    assert shortcut(audit, BAG_OF_WORDS).rows == 60
    assert audit.scores[0].rows == 30
    assert audited(*parts) == audit


def test_without_the_library_near_clones_are_left_out_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (auditor, clone_search):
        monkeypatch.setattr(module, "can_find_near_clones", lambda: False)
    audit = audited(*both(tmp_path, TRAIN, SCORED))
    assert [found.kind for found in audit.clones] == ["exact", "renamed"]
    assert any("pip install 'athanor[security]'" in note for note in audit.notes)


def test_more_labels_than_a_bag_of_words_is_made_for_leave_that_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor, "MAX_LABELS", 1)
    audit = audited(*both(tmp_path, TRAIN, SCORED))
    assert (audit.noise, audit.shortcuts, audit.scores) == (None, (), ())
    assert any("more than 1 labels" in note for note in audit.notes)


def test_in_short_twins_are_held_out_with_their_group_in_two_files_too(tmp_path: Path) -> None:
    def twins(count: int, seed: int) -> Rows:
        texts = [str(row["text"]) for row in clean_rows(count, seed)]
        return [
            {"text": f"{text} {end}", "label": label, "family": str(number)}
            for number, text in enumerate(texts)
            for end, label in (("ka", "no"), ("ki", "yes"))
        ]

    train, scored = both(tmp_path, twins(80, 2), twins(30, 3))
    training = TrainModelRequest(
        task="text_classification", dataset_path=str(train), eval_dataset=str(scored)
    ).resolved()
    assert isinstance(training, LabelTraining)
    audit = auditor.brief_audit(ClassificationData().load(training), training)
    assert audit.held_out_by == "family"
    assert audit.groups == ()  # families of two files are not known to be the same
    found = shortcut(audit, BAG_OF_WORDS)
    assert found.auc is not None
    assert found.auc_held_out is not None
    assert found.auc < found.auc_held_out


def test_a_quick_training_looks_at_few_rows_and_says_so(tmp_path: Path) -> None:
    train, scored = both(tmp_path, TRAIN, SCORED)
    names = {"dataset_path": str(train), "eval_dataset": str(scored)}
    training = TrainModelRequest(task="text_classification", quick=True, **names).resolved()
    assert isinstance(training, LabelTraining)
    audit = auditor.brief_audit(ClassificationData().load(training), training)
    assert (audit.num_train, audit.num_eval) == (300, 100)
    assert len(audit.samples) == 2
    assert audit.samples[0].startswith("200 of 300 rows of the training part were compared")

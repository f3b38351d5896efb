"""What is known of public data sets is found by an audit; these tests need the data beside the repository."""

from dataclasses import replace
from pathlib import Path

import pytest

from domain.audit import ALL_ROWS, BAG_OF_WORDS, Audit
from domain.task import TASKS
from infrastructure.auditing import auditor
from infrastructure.auditing.sides import BRIEF, FULL
from tests.support.audited_rows import alarmed, audited, clones, shortcut


@pytest.fixture(scope="module")
def sven(shared: Path) -> Audit:
    """Audit the published split of SVEN (He and Vechev, CCS 2023)."""
    folder = shared / "data/security/sven"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return audited(folder / "train.jsonl.gz", folder / "val.jsonl.gz")


def test_the_split_of_sven_leaks_commits_and_projects(sven: Audit) -> None:
    leaks = {leak.column: leak for leak in sven.groups}
    assert leaks["commit"].rows == 2 * 34  # both twins of a pair
    assert leaks["project"].rows == 2 * 68
    assert leaks["pair_id"].rows == 0
    assert alarmed(sven).count("shared groups") == 2


def test_one_pair_of_sven_is_a_near_copy_of_a_training_pair(sven: Audit) -> None:
    across = [row for kind in ("renamed", "near") for row in clones(sven, kind).examples]
    assert clones(sven, "exact").across == 0
    # Both twins of a function that stands in the training part with another comment.
    assert {"val.jsonl.gz:34", "val.jsonl.gz:64"} <= {row.evaluation for row in across}
    assert all(row.similarity > 0.8 for row in across)


def test_a_bag_of_words_falls_to_chance_without_the_commits_of_the_training_part(sven: Audit) -> None:
    scores = {part.part: part for part in sven.scores}
    before, after = scores[ALL_ROWS], scores["no commit in training"]
    assert (before.rows, after.rows) == (166, 98)
    assert before.words is not None
    assert after.words is not None
    assert before.words.auc is not None
    assert after.words.auc is not None
    assert before.words.auc > 0.75
    assert after.words.auc < 0.65


def test_twins_of_sven_are_judged_with_their_project_held_out(sven: Audit) -> None:
    found = shortcut(sven, BAG_OF_WORDS)
    assert sven.held_out_by == "project"
    assert found.auc is not None
    assert found.auc_held_out is not None
    assert found.auc < 0.5 < found.auc_held_out < 0.9


@pytest.mark.slow
def test_ag_news_has_a_dozen_clones_and_labels_that_words_know(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shared / "data/classification/ag_news"
    monkeypatch.setattr(auditor, "FULL", replace(FULL, learnt=5_000))  # a half of the rows teaches as much
    audit = audited(folder / "train.jsonl.gz", folder / "test.jsonl.gz")
    assert [found.across for found in audit.clones] == [1, 1, 10]
    assert audit.conflicts.texts == 1
    assert audit.noise is not None
    assert 0.03 < audit.noise.share < 0.05
    found = shortcut(audit, BAG_OF_WORDS)
    assert found.auc is not None
    assert found.auc > 0.97
    assert alarmed(audit) == ["exact clones", f"shortcut: {BAG_OF_WORDS}"]


def test_the_shipped_messages_raise_no_alarm() -> None:
    audit = audited(Path("data/classification.json"))
    assert alarmed(audit) == []
    assert [found.across for found in audit.clones] == [0, 0, 0]
    assert audit.held_out_by == "family"
    assert shortcut(audit, BAG_OF_WORDS).auc_held_out == pytest.approx(0.75, abs=0.02)


@pytest.mark.slow
def test_words_do_not_tell_the_shipped_twins_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(BRIEF, compared=3_000, learnt=1_500, characters=1_500_000)  # of 45,000 rows, which tell as much
    monkeypatch.setattr(auditor, "FULL", few)
    task = TASKS["security_classification"]
    audit = audited(Path(task.default_dataset), Path(str(task.default_eval_dataset)))
    assert alarmed(audit) == []
    assert [found.across for found in audit.clones] == [0, 0, 0]
    assert audit.held_out_by == "family"
    found = shortcut(audit, BAG_OF_WORDS)
    assert found.auc_held_out == pytest.approx(0.5, abs=0.06)
    assert found.auc is not None
    assert found.auc < 0.5

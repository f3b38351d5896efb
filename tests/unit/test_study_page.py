"""The page of a study tells what was found, also of few trials, of failures, and of values that strangers wrote."""

from dataclasses import replace

from domain.comparison import NOT_TOLD_APART
from domain.study import COMPLETED, FAILED, PRUNED, Candidate, Study, Trial
from infrastructure.reports.page.blocks import Bars, Chart, Paragraph, Table
from infrastructure.reports.page.html import page_html
from infrastructure.tuning.page import study_page

SPACE = {"learning_rate": "0.0001 to 0.01, log", "optimizer": "adamw, muon"}


def trial(
    number: int, rate: float, optimizer: str, value: float | None, state: str = COMPLETED, reason: str = ""
) -> Trial:
    settings = {"learning_rate": rate, "optimizer": optimizer}
    return Trial(number, settings, None, state, value, ((5, value or 0.0),), 10, reason=reason, seconds=61.4)


TRIALS = (
    trial(0, 1e-3, "adamw", 0.5),
    trial(1, 2e-4, "muon", 0.7),
    trial(2, 9e-3, "muon", 0.2, PRUNED),
    trial(3, 8e-3, "adamw", None, FAILED, "the loss \x1b[31m diverged <b>"),
)
STUDY = Study(
    "letters",
    "text_classification",
    "macro_f1",
    "runs/letters",
    space=SPACE,
    trials=TRIALS,
    repeats=(replace(TRIALS[1], seed=43),),
    candidates=(
        Candidate(1, TRIALS[1].settings, {42: 0.7, 43: 0.6}, 0.65, 0.01, 1.29),
        Candidate(0, TRIALS[0].settings, {42: 0.5, 43: 0.6}, 0.55, -0.09, 1.19),
    ),
    chosen=1,
    difference=(0.1, -0.5, 0.7),
    verdict=NOT_TOLD_APART,
    importance={"learning_rate": 0.75, "optimizer": 0.25},
    run_dir="runs/letters/best",
    run_file="runs/letters/best.yaml",
)


def blocks_of(study: Study, kind: type) -> list[object]:
    return [block for section in study_page(study).sections for block in section.blocks if isinstance(block, kind)]


def test_the_sentence_says_how_sure_the_best_is_beside_the_defaults() -> None:
    sentence = study_page(STUDY).sentence
    assert sentence.startswith("Trial 1 of 4 has macro F1 0.6500 over 2 seeds, +0.1000 beside the defaults")
    assert "(-0.5000 to +0.7000 with 95 % confidence): not told apart by so few seeds." in sentence


def test_the_history_has_the_best_so_far_the_defaults_and_pruned_trials() -> None:
    history = blocks_of(STUDY, Chart)[0]
    assert isinstance(history, Chart)
    assert list(history.lines[0].y) == [0.5, 0.7, 0.7, 0.7]
    assert [line.name for line in history.lines] == ["best so far", "completed", "pruned, its best score until then"]
    assert [level.y for level in history.levels] == [0.5]


def test_parallel_axes_run_from_the_lowest_to_the_highest_of_each_setting() -> None:
    parallel = blocks_of(STUDY, Chart)[1]
    assert isinstance(parallel, Chart)
    assert [name for _, name in parallel.x.ticks] == ["learning_rate", "optimizer", "macro F1"]
    heights = {line.name: list(line.y) for line in parallel.lines}
    assert heights == {"the others": [1.0, 0.0, 0.0], "the best": [0.0, 1.0, 1.0]}
    assert {mark.text for mark in parallel.marks} == {"0.0002", "0.001", "adamw", "muon", "0.5", "0.7"}


def test_all_trials_stand_in_a_table_with_the_reasons_of_those_that_failed() -> None:
    tables = {block.caption: block for block in blocks_of(STUDY, Table) if isinstance(block, Table)}
    assert [row[1] for row in tables["Trials"].rows] == [COMPLETED, COMPLETED, PRUNED, FAILED]
    assert tables["Trials"].rows[3][-1] == "the loss \x1b[31m diverged <b>"
    assert tables["Trained again"].rows == [(1, "43", COMPLETED, 0.7, 61.4)]


def test_what_strangers_wrote_neither_commands_nor_marks_up() -> None:
    page = page_html(study_page(STUDY))
    assert "\x1b" not in page
    assert "diverged &lt;b&gt;" in page
    assert "http" not in page.partition("<body>")[2]


def test_a_study_of_one_trial_has_a_page() -> None:
    alone = replace(
        STUDY, trials=TRIALS[:1], repeats=(), candidates=STUDY.candidates[1:], chosen=0, importance={}, difference=None
    )
    page = page_html(study_page(alone))
    assert "Too few trials were completed to tell." in page
    assert "Too few trials were completed to draw." in page
    assert not blocks_of(alone, Bars)


def test_the_page_says_who_has_seen_a_test_part() -> None:
    def told(study: Study) -> str:
        return " ".join(block.text for block in blocks_of(study, Paragraph) if isinstance(block, Paragraph))

    assert "No trial has seen a test part" in told(replace(STUDY, test_metrics={"mae": 1.0}))
    assert "score the model on rows that nobody has looked at" in told(STUDY)

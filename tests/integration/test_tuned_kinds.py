"""Studies of other kinds and by other samplers: what a table's trials see, and Gaussian processes, which load torch."""

import json
import math
from pathlib import Path

import pytest

import athanor
from domain.search_space import Choice, Range, Space, is_within
from domain.study import COMPLETED, Search, Trial
from infrastructure.tasks.series.quantile_kind import QuantileForecasting
from infrastructure.tuning.advisor import OptunaAdvisor
from tests.support import forked, tuned
from tests.support.command_line import athanor as called
from tests.support.small_requests import request_for


def test_no_trial_of_a_table_scores_its_test_part_and_the_best_run_does_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = []
    inner = QuantileForecasting.report

    def noted(self, request, dataset, result, trained, run):  # type: ignore[no-untyped-def]
        reported.append(str(run.directory))
        return inner(self, request, dataset, result, trained, run)

    monkeypatch.setattr(QuantileForecasting, "report", noted)
    training = request_for("quantile_forecasting", tmp_path, max_steps=4, eval_steps=2).changed(output_dir=None)
    study = athanor.tune(
        training,
        trials=2,
        seeds=2,
        space={"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}, "weight_decay": [0.0, 0.1]},
        output_dir=tmp_path / "study",
    )
    assert study.errors == ()
    assert reported == [str(tmp_path / "study/best")]
    for each in (*study.trials, *study.repeats):
        assert json.loads((Path(each.run_dir) / "summary.json").read_text())["test_metrics"] == {}
    assert study.test_metrics["num_windows"] > 0
    assert study.metric == "loss"
    assert study.candidates[0].mean == min(each.mean for each in study.candidates)


def test_a_gaussian_process_suggests_by_the_trials_alone() -> None:
    space: Space = {"rate": Range(1e-4, 1e-1, log=True), "rows": Choice((16, 32))}
    asked, advisor = Search("study", space, "accuracy", "gp", "none", 7), OptunaAdvisor()

    def studied() -> list[Trial]:
        trials: list[Trial] = []
        for number in range(9):
            settings = advisor.suggest(asked, trials)
            assert settings is not None
            score = 1 - abs(math.log10(settings["rate"]) + 2) / 3
            trials.append(Trial(number, settings, state=COMPLETED, value=score))
        return trials

    first = studied()
    assert first == studied()
    assert all(is_within(each.settings, space) for each in first)
    assert len({str(each.settings) for each in first}) == 9


def test_rows_that_changed_since_the_first_trial_end_the_study(tmp_path: Path) -> None:
    words = tuned.words_in(tmp_path, 1)
    assert called(*words).exit_code == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    (tmp_path / "rows.json").write_text(json.dumps([*rows, {"text": "bang bang", "label": "loud"}]))
    answer = called(*tuned.words_in(tmp_path, 2))
    assert answer.exit_code == 1
    assert "other rows than those before it" in answer.stderr
    assert "another --output" in answer.stderr


def test_settings_of_the_text_leave_the_rows_as_they_are(tmp_path: Path) -> None:
    """A tokenizer that cuts otherwise reads the same rows: such trials are no trials of other rows."""
    words = tuned.words_in(tmp_path, 3)
    (tmp_path / "space.yaml").write_text("lowercase: [true, false]\nlabel_smoothing: [0.0, 0.1]\n")
    study = json.loads(called(*words).stdout)
    assert [each["state"] for each in study["trials"]] == ["completed"] * 3


def test_a_disk_that_refuses_ends_the_study_in_a_sentence_and_room_lets_it_go_on(tmp_path: Path) -> None:
    words = tuned.words_in(tmp_path, 2)
    process = forked.start(words, tmp_path / "answers", file_size_limit=200_000)
    assert process.wait() == 1, process.stderr
    (said,) = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    assert "File too large" in said
    assert "the same command goes on" in said
    assert "Traceback" not in process.stderr
    study = json.loads(called(*words).stdout)
    assert [each["state"] for each in study["trials"]] == ["completed"] * 2

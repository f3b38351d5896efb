"""Runs are looked at where they stand, whatever state they are in, and looking changes nothing."""

import json
import os
import shutil
from pathlib import Path

import pytest

from application.training_request import TrainModelRequest
from domain.exceptions import RunError
from domain.run_layout import RUN_FILE, RunLayout
from domain.runs import RunFacts, in_order
from infrastructure.runs import run_archive, run_glance
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_store import RunStore
from infrastructure.staging import DELETED, name_aside
from tests.support.run_directories import BEGAN, SUMMARY, run_at, write_lines

ARCHIVE = RunArchive()


def listed(root: Path) -> dict[str, RunFacts]:
    return {run.run_id: run for run in ARCHIVE.runs(str(root))}


def everything_in(directory: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(directory.rglob("*"))}


def test_a_finished_run_is_told_with_its_data_model_rows_and_result(tmp_path: Path) -> None:
    run = run_at(tmp_path / "one", dataset_path="some/letters.csv")
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    assert listed(tmp_path)["one"] == RunFacts(
        run_id="one",
        run_dir=str(run),
        status="finished",
        began="2026-03-01T12:00:00.123456+00:00",
        task="text_classification",
        data="some/letters.csv",
        model="encoder-tiny",
        metric_name="macro_f1",
        metric=0.75,
        num_train_rows=90,
        num_eval_rows=10,
        stop_reason="completed",
        size_bytes=size,
    )


def started(path: Path, summary: dict[str, object] | None = None) -> Path:
    run = run_at(path, summary)
    begun = {"num_train_rows": 90, "num_eval_rows": 10, "total_steps": 60, "first_step": 0, "event": "RunStarted"}
    write_lines(RunLayout(run).log, [begun, {"step": 24, "total_steps": 60, "event": "StepCompleted"}])
    values = [("train_loss", 0.9), ("eval_macro_f1", 0.4), ("eval_macro_f1", 0.6), ("eval_accuracy", 0.7)]
    write_lines(RunLayout(run).metrics, [{"name": name, "value": value, "step": 24} for name, value in values])
    return run


def test_an_interrupted_run_is_told_with_its_progress_and_latest_score(tmp_path: Path) -> None:
    run = listed(started(tmp_path / "one").parent)["one"]
    assert (run.status, run.step, run.total_steps, run.metric) == ("interrupted", 24, 60, 0.6)
    assert (run.num_train_rows, run.num_eval_rows, run.num_rows) == (90, 10, 100)


def test_a_stopped_run_says_why_and_has_the_score_of_its_best_model(tmp_path: Path) -> None:
    started(tmp_path / "one", {**SUMMARY, "success": False, "stop_reason": "SIGINT"})
    run = listed(tmp_path)["one"]
    assert (run.status, run.stop_reason, run.step, run.metric) == ("stopped", "SIGINT", 24, 0.75)


def test_only_the_ends_of_long_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(tmp_path / "one")
    filler = {"event": "StepCompleted", "step": 30, "total_steps": 60, "note": "x" * 1000}
    write_lines(RunLayout(run).log, [filler] * 2000)
    write_lines(RunLayout(run).metrics, [{"name": "train_loss", "value": 1.0, "note": "x" * 1000}] * 2000)
    write_lines(RunLayout(run).metrics, [{"name": "eval_macro_f1", "value": 0.5}])
    asked: list[int] = []
    part = run_glance._part

    def counting(path: Path, limit: int) -> bytes:
        read = part(path, limit)
        asked.append(len(read))
        return read

    monkeypatch.setattr(run_glance, "_part", counting)
    told = run_glance.glance(run)
    assert (told.step, told.total_steps, told.num_train_rows, told.metric) == (30, 60, 90, 0.5)
    assert sum(asked) < 300_000 < RunLayout(run).log.stat().st_size


def test_states_are_told_apart(tmp_path: Path) -> None:
    for name, summary in (("finished", SUMMARY), ("stopped", {"success": False}), ("interrupted", None)):
        run_at(tmp_path / name, summary)
    run_at(tmp_path / "unreadable").joinpath("summary.json").write_text('{"success": 1.5}')
    wanted = TrainModelRequest(output_dir=str(tmp_path / "running"))
    running = RunStore().reserve(wanted)
    running.open(wanted)
    assert {name: run.status for name, run in listed(tmp_path).items()} == {
        name: name for name in ("finished", "stopped", "interrupted", "running", "unreadable")
    }
    assert "success is 1.5" in listed(tmp_path)["unreadable"].error
    running.close()
    assert listed(tmp_path)["running"].status == "interrupted"


def test_a_stopped_run_that_was_taken_up_again_is_running(tmp_path: Path) -> None:
    run_at(tmp_path / "run", {"success": False, "stop_reason": "SIGINT"})
    again, wanted = RunStore().reopen(str(tmp_path / "run"))
    again.open(wanted)
    running = listed(tmp_path)["run"]
    assert (running.status, running.stop_reason) == ("running", None)
    assert ARCHIVE.summary(str(tmp_path / "run"))["status"] == "running"
    again.close()
    assert listed(tmp_path)["run"].status == "stopped"


def test_looking_at_a_run_neither_changes_nor_locks_it(tmp_path: Path) -> None:
    run_at(tmp_path / "run", None)
    before = everything_in(tmp_path)
    for _ in range(3):
        listed(tmp_path)
        ARCHIVE.summary(str(tmp_path / "run"))
        ARCHIVE.settings(str(tmp_path / "run"))
    assert everything_in(tmp_path) == before
    again, wanted = RunStore().reopen(str(tmp_path / "run"))
    again.open(wanted)
    again.close()


def test_what_is_no_run_or_no_run_any_more_is_not_listed(tmp_path: Path) -> None:
    run_at(tmp_path / "run")
    (tmp_path / "no run").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "run.yaml is a directory" / RUN_FILE).mkdir(parents=True)
    run_at(name_aside(tmp_path / "deleted", DELETED))
    assert set(listed(tmp_path)) == {"run"}


def test_a_run_that_goes_while_it_is_looked_at_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_at(tmp_path / "going")
    run_at(tmp_path / "staying")
    look = run_glance.glance

    def removed_meanwhile(path: Path) -> RunFacts:
        if path.name == "going":
            shutil.rmtree(path)
        return look(path)

    monkeypatch.setattr(run_archive, "glance", removed_meanwhile)
    assert set(listed(tmp_path)) == {"staying"}


@pytest.mark.parametrize("damaged", ["run.yaml", "log.jsonl", "metrics.jsonl"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\0", b"[" * 100_000, b"- a\n- b\n", b'{"step": []}\n', b"a: &a [*a]"]
)
def test_damaged_files_leave_the_run_in_the_list(tmp_path: Path, damaged: str, content: bytes) -> None:
    for name, summary in (("done", SUMMARY), ("begun", None)):
        (run_at(tmp_path / name, summary) / damaged).write_bytes(content)
    told = listed(tmp_path)
    assert (told["done"].status, told["done"].metric, told["begun"].status) == ("finished", 0.75, "interrupted")


@pytest.mark.parametrize("success", [True, False])
def test_numbers_that_nothing_can_write_are_none(tmp_path: Path, success: bool) -> None:
    huge = {"best_metric": 10**400, "num_train_rows": 10**4_200, "success": success}
    run = started(tmp_path / "run", {**SUMMARY, **huge})
    write_lines(RunLayout(run).log, [{"step": 10**4_200, "total_steps": 10**4_200}])
    told = listed(tmp_path)["run"]
    assert (told.metric, told.num_eval_rows) == (None, 10)
    assert told.num_train_rows in (None, 90)  # as its log has it
    assert told.step in (None, 24)


def test_a_run_whose_files_are_directories_pipes_or_links_to_nothing_stays_in_the_list(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    (run / "log.jsonl").unlink()
    os.mkfifo(run / "log.jsonl")
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    (run / "run.lock").symlink_to("nowhere")
    told = listed(tmp_path)["run"]
    assert (told.status, told.metric, told.data) == ("interrupted", None, "letters.csv")
    assert told.began is not None


def test_a_directory_that_is_missing_a_file_or_a_run_is_refused(tmp_path: Path) -> None:
    run_at(tmp_path / "run")
    for place, said in (("nowhere", "does not exist"), ("run/run.yaml", "is a file"), ("run", "is a run itself")):
        with pytest.raises(RunError, match=said) as caught:
            ARCHIVE.runs(str(tmp_path / place))
        assert caught.value.exit_code == 2
    with pytest.raises(RunError, match="cannot be listed"):
        ARCHIVE.runs("a\0b")
    (tmp_path / "empty").mkdir()
    assert ARCHIVE.runs(str(tmp_path / "empty")) == []


def test_a_run_that_moved_has_the_name_and_places_of_where_it_is(tmp_path: Path) -> None:
    old = {
        "metrics_file": "runs/old/metrics.json",
        "run_id": "old",
        "run_dir": "runs/old",
        "model_path": "runs/old/model",
    }
    run_at(tmp_path / "old", {**SUMMARY, **old})
    moved = (tmp_path / "old").rename(tmp_path / "new")
    told = ARCHIVE.summary(str(moved))
    assert {name: told[name] for name in old} == {
        "run_id": "new",
        "run_dir": str(moved),
        "model_path": str(moved / "model"),
        "metrics_file": str(moved / "metrics.json"),
    }
    assert [(run.run_id, run.run_dir) for run in ARCHIVE.runs(str(tmp_path))] == [("new", str(moved))]


def test_a_summary_of_an_older_version_is_read(tmp_path: Path) -> None:
    run_at(tmp_path / "old", {"success": True, "best_metric": 0.5})
    told = ARCHIVE.summary(str(tmp_path / "old"))
    assert (told["status"], told["best_metric"], "metrics_file" in told) == ("finished", 0.5, False)
    assert listed(tmp_path)["old"].task == "text_classification"  # from its run file


def test_a_copy_without_a_log_began_when_its_run_file_was_written(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run")
    (run / "log.jsonl").unlink()
    os.utime(run / RUN_FILE, (1_700_000_000, 1_700_000_000))
    assert listed(tmp_path)["run"].began == "2023-11-14T22:13:20+00:00"


def test_runs_of_one_second_stand_as_they_began(tmp_path: Path) -> None:
    for name, moment in (("a", "12:00:00.900000Z"), ("b", "12:00:00.100000Z"), ("c", "12:00:00Z")):
        run = run_at(tmp_path / name)
        (run / "log.jsonl").write_text(json.dumps({"event": "RunStarted", "timestamp": f"2026-01-01T{moment}"}) + "\n")
    assert [run.run_id for run in in_order(ARCHIVE.runs(str(tmp_path)), "date")] == ["c", "b", "a"]


def test_a_run_is_found_by_its_path_or_by_its_name_below_the_root(tmp_path: Path) -> None:
    run = run_at(tmp_path / "runs" / "tickets")
    assert ARCHIVE.find(str(run), "elsewhere") == ARCHIVE.find("tickets", str(tmp_path / "runs")) == str(run)
    with pytest.raises(RunError, match="tikcets holds no run") as caught:
        ARCHIVE.find("tikcets", str(tmp_path / "runs"))
    assert f"Did you mean {run}?" in caught.value.remedy
    with pytest.raises(RunError, match="see `runs list`"):
        ARCHIVE.find("a\0b", str(tmp_path / "nowhere"))


def test_the_settings_are_those_of_the_run_file(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", learning_rate=0.25, seed=7)
    told = ARCHIVE.settings(str(run))
    assert (told["learning_rate"], told["seed"], told["dataset_path"]) == (0.25, 7, "letters.csv")
    assert "horizons" not in told  # which mean nothing to the task, and stand in no run file of it


def test_the_first_event_is_when_a_run_began() -> None:
    assert json.loads(json.dumps(BEGAN)).startswith(run_glance._stamp(BEGAN).removesuffix("+00:00"))  # type: ignore[union-attr]


def test_a_link_is_listed_and_shown_under_its_own_name(tmp_path: Path) -> None:
    run_at(tmp_path / "one")
    (tmp_path / "best").symlink_to("one")
    (tmp_path / "broken").symlink_to("nowhere")
    assert set(listed(tmp_path)) == {"best", "one"}
    assert ARCHIVE.summary(ARCHIVE.find("best", str(tmp_path)))["run_id"] == "best"

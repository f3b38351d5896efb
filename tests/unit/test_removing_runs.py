"""Runs go only when somebody agrees, all of them may go, and nothing else would."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from application.training_request import TrainModelRequest
from application.use_cases.clean_runs import CleanRunsUseCase
from application.use_cases.delete_runs import DeleteRunsUseCase
from domain.exceptions import RunError
from domain.run_layout import RunLayout
from domain.runs import Leftovers, RunFacts
from infrastructure.runs import run_remover
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_remover import RunRemover
from infrastructure.runs.run_store import RunStore
from infrastructure.staging import DELETED, name_aside
from tests.fakes.runs import FakeArchive, FakeRemover
from tests.support.run_directories import add_checkpoint, run_at

REMOVER = RunRemover()
RUNS = tuple(RunFacts(name, f"runs/{name}", status, size_bytes=100) for name, status in
             (("a", "finished"), ("b", "interrupted"), ("c", "finished"), ("d", "finished")))  # fmt: skip


def entries(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


class TestDeletingSeveral:
    def test_deletes_what_was_agreed_upon_and_tells_the_bytes(self) -> None:
        remover, shown = FakeRemover(), list[Sequence[RunFacts]]()

        def agree(runs: Sequence[RunFacts]) -> bool:
            shown.append(runs)
            return True

        done = DeleteRunsUseCase(FakeArchive(RUNS), remover).execute(["a", "runs/b", "a"], agree=agree)
        assert (remover.deleted, done.num_bytes, done.errors) == (["runs/a", "runs/b"], 200, ())
        assert shown == [RUNS[:2]]

    def test_deletes_nothing_without_a_yes(self) -> None:
        remover = FakeRemover()
        done = DeleteRunsUseCase(FakeArchive(RUNS), remover).execute(["a"], agree=lambda runs: False)
        assert (done.deleted, remover.deleted) == ((), [])

    def test_deletes_none_when_one_may_not_go_and_says_all_that_is_wrong(self) -> None:
        remover = FakeRemover(faults={"runs/a": "a is in use.", "runs/c": "c is a link."})
        with pytest.raises(RunError) as caught:
            DeleteRunsUseCase(FakeArchive(RUNS), remover).execute(["a", "b", "c"])
        assert (caught.value.messages, remover.deleted) == (("a is in use.", "c is a link."), [])

    def test_goes_on_behind_one_that_the_disk_refuses(self) -> None:
        remover = FakeRemover(failing={"runs/a": RunError("no.")})
        done = DeleteRunsUseCase(FakeArchive(RUNS), remover).execute(["a", "b"])
        assert ([run.run_id for run in done.deleted], done.num_bytes, done.errors) == (["b"], 100, ("no.",))


class TestDeletingOne:
    def test_takes_all_of_it_and_nothing_beside_it(self, tmp_path: Path) -> None:
        for name in ("one", "other"):
            add_checkpoint(run_at(tmp_path / name))
        (tmp_path / "notes.txt").write_text("mine")
        REMOVER.delete(str(tmp_path / "one"))
        assert entries(tmp_path) == {"other", "notes.txt"}
        assert (tmp_path / "other" / "model" / "config.json").exists()

    def test_is_refused_while_a_process_uses_it(self, tmp_path: Path) -> None:
        wanted = TrainModelRequest(output_dir=str(tmp_path / "run"))
        run = RunStore().reserve(wanted)
        run.open(wanted)
        assert "in use" in REMOVER.fault_of(str(tmp_path / "run"))
        with pytest.raises(RunError, match="in use by another process"):
            REMOVER.delete(str(tmp_path / "run"))
        assert (tmp_path / "run" / "run.yaml").exists()
        run.close()
        assert REMOVER.fault_of(str(tmp_path / "run")) == ""

    def test_is_refused_behind_a_link_and_links_within_are_not_followed(self, tmp_path: Path) -> None:
        run = run_at(tmp_path / "elsewhere" / "run")
        (tmp_path / "precious").mkdir()
        (tmp_path / "precious" / "keep").write_text("x")
        shutil.rmtree(run / "model")
        (run / "model").symlink_to(tmp_path / "precious")
        (tmp_path / "link").symlink_to(run)
        assert "is a symbolic link" in REMOVER.fault_of(str(tmp_path / "link"))
        with pytest.raises(RunError, match="is a symbolic link"):
            REMOVER.delete(str(tmp_path / "link"))
        REMOVER.delete(str(run))
        assert entries(tmp_path / "elsewhere") == set()
        assert (tmp_path / "precious" / "keep").exists()

    @pytest.mark.parametrize("name", ["thesis.tex", "data", "other run"])
    def test_is_refused_where_the_directory_holds_what_no_run_writes(self, tmp_path: Path, name: str) -> None:
        run = run_at(tmp_path / "run")
        (run / name).mkdir()
        assert f"also holds {name}, which no run writes" in REMOVER.fault_of(str(run))
        with pytest.raises(RunError, match="Move that out first"):
            REMOVER.delete(str(run))
        assert (run / "summary.json").exists()

    def test_is_refused_for_what_is_no_run_and_makes_no_directory(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("empty", "nowhere"):
            assert "holds no run" in REMOVER.fault_of(str(tmp_path / name))
            with pytest.raises(RunError, match="holds no run"):
                REMOVER.delete(str(tmp_path / name))
        assert not (tmp_path / "nowhere").exists()

    def test_that_was_killed_half_way_leaves_no_run_and_the_next_one_removes_the_rest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("one", "two"):
            add_checkpoint(run_at(tmp_path / name))

        def killed(path: Path) -> None:
            (path / "summary.json").unlink()
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(run_remover, "remove", killed)
            with pytest.raises(KeyboardInterrupt):
                REMOVER.delete(str(tmp_path / "one"))
        assert [run.run_id for run in RunArchive().runs(str(tmp_path))] == ["two"]
        assert len(entries(tmp_path)) == 2
        REMOVER.delete(str(tmp_path / "two"))
        assert entries(tmp_path) == set()

    def test_that_was_killed_before_anything_went_leaves_the_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_at(tmp_path / "one")

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            REMOVER.delete(str(tmp_path / "one"))
        assert [run.status for run in RunArchive().runs(str(tmp_path))] == ["finished"]

    def test_that_the_disk_refuses_is_a_sentence_and_leaves_the_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run_at(tmp_path / "one")

        def refused(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "rename", refused)
        with pytest.raises(RunError, match="cannot be deleted: Permission denied"):
            REMOVER.delete(str(tmp_path / "one"))
        assert entries(tmp_path / "one") >= {"run.yaml", "summary.json", "model"}

    def test_knows_a_run_by_any_way_to_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run_at(tmp_path / "runs" / "one")
        monkeypatch.chdir(tmp_path / "runs" / "one")
        REMOVER.delete(".")
        assert entries(tmp_path / "runs") == set()


class TestCleaning:
    def test_takes_states_of_finished_runs_and_leftovers_alone(self, tmp_path: Path) -> None:
        done, unfinished = run_at(tmp_path / "done"), run_at(tmp_path / "unfinished", None)
        for run in (done, unfinished):
            add_checkpoint(run, 5)
            add_checkpoint(run, 10)
        RunLayout(done).rehearsal.mkdir()
        (RunLayout(done).rehearsal / "model.safetensors").write_bytes(bytes(500))
        half = name_aside(done / "model", DELETED)
        half.mkdir()
        (half / "x").write_bytes(bytes(50))
        killed = name_aside(tmp_path / "gone", DELETED)
        run_at(killed)
        cleaned = CleanRunsUseCase(RunArchive(), REMOVER).execute(root=str(tmp_path))
        assert [leftovers.run_id for leftovers in cleaned.found] == ["done", ""]
        assert cleaned.num_bytes == 2_550 + cleaned.found[1].num_bytes
        assert (cleaned.is_done, cleaned.errors) == (True, ())
        assert entries(done) == {"run.yaml", "log.jsonl", "summary.json", "model"}
        assert len(entries(unfinished / "checkpoints")) == 2
        assert entries(tmp_path) == {"done", "unfinished"}

    def test_counts_without_removing_when_it_is_only_asked(self, tmp_path: Path) -> None:
        add_checkpoint(run_at(tmp_path / "done"))
        clean = CleanRunsUseCase(RunArchive(), REMOVER)
        for cleaned in (
            clean.execute(root=str(tmp_path), dry_run=True),
            clean.execute(root=str(tmp_path), agree=lambda found: False),
        ):
            assert (cleaned.num_bytes, cleaned.is_done) == (1_000, False)
        assert (tmp_path / "done" / "checkpoints").exists()

    def test_finds_nothing_where_a_finished_run_has_dropped_its_states(self, tmp_path: Path) -> None:
        RunLayout(run_at(tmp_path / "done")).checkpoints.mkdir()
        assert CleanRunsUseCase(RunArchive(), REMOVER).execute(root=str(tmp_path)).found == ()

    def test_leaves_the_states_of_a_run_whose_model_is_missing(self, tmp_path: Path) -> None:
        add_checkpoint(run_at(tmp_path / "done"))
        shutil.rmtree(tmp_path / "done" / "model")
        assert CleanRunsUseCase(RunArchive(), REMOVER).execute(root=str(tmp_path)).found == ()

    def test_follows_no_link(self, tmp_path: Path) -> None:
        run = run_at(tmp_path / "runs" / "done")
        (tmp_path / "precious").mkdir()
        (tmp_path / "precious" / "keep").write_text("x")
        (run / "checkpoints").symlink_to(tmp_path / "precious")
        (run / ".staging-model-host_1_1_ab-deleted").symlink_to(tmp_path / "precious")
        cleaned = CleanRunsUseCase(RunArchive(), REMOVER).execute(root=str(tmp_path / "runs"))
        assert cleaned.errors == ()
        assert (tmp_path / "precious" / "keep").exists()
        assert os.path.lexists(run / "checkpoints")

    def test_counts_a_run_once_that_a_link_points_to_and_leaves_one_that_is_elsewhere(self, tmp_path: Path) -> None:
        add_checkpoint(run_at(tmp_path / "runs" / "done"))
        add_checkpoint(run_at(tmp_path / "elsewhere"))
        (tmp_path / "runs" / "best").symlink_to("done")
        (tmp_path / "runs" / "far").symlink_to(tmp_path / "elsewhere")
        cleaned = CleanRunsUseCase(RunArchive(), REMOVER).execute(root=str(tmp_path / "runs"))
        assert ([leftovers.run_id for leftovers in cleaned.found], cleaned.num_bytes) == (["done"], 1_000)
        with pytest.raises(RunError, match=r"far is a symbolic link. Clean what it points to by its own name"):
            CleanRunsUseCase(RunArchive(), REMOVER).execute(["far"], root=str(tmp_path / "runs"))
        assert (tmp_path / "elsewhere" / "checkpoints").exists()

    def test_refuses_runs_that_are_named_and_not_finished(self) -> None:
        remover = FakeRemover()
        with pytest.raises(RunError, match=r"runs/b is interrupted, not finished.* Resume or delete it"):
            CleanRunsUseCase(FakeArchive(RUNS), remover).execute(["a", "b"])
        running = FakeArchive((RunFacts("r", "runs/r", "running"),))
        with pytest.raises(RunError, match=r"runs/r is running, not finished.* Wait for its end"):
            CleanRunsUseCase(running, remover).execute(["r"])
        assert remover.cleaned == []

    def test_says_of_one_that_cannot_be_read_what_is_damaged_and_how_to_mend_it(self, tmp_path: Path) -> None:
        run = run_at(tmp_path / "run")
        (run / "summary.json").write_text("{")
        with pytest.raises(RunError) as shown:
            RunArchive().summary(str(run))
        with pytest.raises(RunError) as cleaned:
            CleanRunsUseCase(RunArchive(), REMOVER).execute([str(run)])
        assert str(cleaned.value) == str(shown.value)
        assert "Restore it, or remove the file" in str(cleaned.value)

    def test_cleans_only_what_is_named_and_goes_on_behind_a_failure(self) -> None:
        remover = FakeRemover(failing={"runs/a": RunError("in use.")}, beside=Leftovers("", "runs", ("x",), 5))
        done = CleanRunsUseCase(FakeArchive(RUNS), remover).execute(["a", "c"])
        assert (remover.cleaned, done.num_bytes, done.errors) == (["runs/c"], 10, ("in use.",))
        everything = CleanRunsUseCase(FakeArchive(RUNS), FakeRemover(without=["runs/d"])).execute()
        assert [leftovers.run_dir for leftovers in everything.found] == ["runs/a", "runs/c"]


def test_a_run_that_is_taken_up_while_it_is_cleaned_is_left_alone(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run")
    add_checkpoint(run)
    found = REMOVER.leftovers_of(str(run))
    (run / "summary.json").write_text(json.dumps({"success": False}))
    again, wanted = RunStore().reopen(str(run))
    again.open(wanted)
    with pytest.raises(RunError, match="in use"):
        REMOVER.clean(found)
    again.close()
    assert (run / "checkpoints").exists()

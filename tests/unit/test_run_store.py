"""A run directory is made late, used by one, and leaves nothing that it did not bring."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, RunError
from domain.run_layout import RUN_FILE, SUMMARY, RunLayout
from infrastructure.runs import run_store, run_summary
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_file import dump_request
from infrastructure.runs.run_store import RunDirectory, RunStore
from infrastructure.staging import DELETED, name_aside
from tests.support.texts import any_text

ROOT = Path(__file__).resolve().parents[2]


def request(path: Path | None = None, **values: Any) -> TrainModelRequest:
    return TrainModelRequest(output_dir=None if path is None else str(path), **values)


def opened(path: Path, **values: Any) -> RunDirectory:
    wanted = request(path, **values)
    run = RunStore().reserve(wanted)
    assert isinstance(run, RunDirectory)
    run.open(wanted)
    return run


def everything_in(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in sorted(directory.rglob("*"))
    }


class TestReserving:
    def test_writes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        RunStore().reserve(request())
        RunStore().reserve(request(tmp_path / "deep" / "run"))
        assert everything_in(tmp_path) == {}

    def test_names_runs_after_task_and_time_and_never_twice_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        runs = [RunStore().reserve(request(task="text_classification")) for _ in range(20)]
        assert len({run.path for run in runs}) == 20
        assert all(Path(run.path).parent == Path("runs") for run in runs)
        assert all(run.run_id.startswith("text_classification-2") for run in runs)

    def test_takes_the_place_it_is_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        run = RunStore().reserve(request(Path("mine")))
        assert (run.path, run.run_id) == ("mine", "mine")
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        assert RunStore().reserve(request(Path("."))).run_id == "here"

    def test_refuses_a_directory_that_holds_a_run(self, tmp_path: Path) -> None:
        opened(tmp_path / "run").close()
        before = everything_in(tmp_path)
        with pytest.raises(RunError, match="holds a run already") as caught:
            RunStore().reserve(request(tmp_path / "run"))
        assert f"athanor resume {tmp_path / 'run'}" in caught.value.remedy
        assert everything_in(tmp_path) == before

    @pytest.mark.parametrize(("place", "said"), [("file", "is a file"), ("file/run", "cannot be created below")])
    def test_refuses_a_file_and_a_place_below_one(self, tmp_path: Path, place: str, said: str) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(RunError, match=said):
            RunStore().reserve(request(tmp_path / place))


# Values that YAML would read as something else if they were written bare.
AWKWARD = ("no", "null", "1e3", "0x1f", "~", "2024-01-01", " leading", "a: b", "#x", "'", '"', "\ud800", "- x", "")
TEXTS = any_text(max_size=20) | st.sampled_from(AWKWARD)


class TestTheRunFile:
    @settings(max_examples=25)
    @given(
        text=TEXTS.filter(bool),
        rate=st.floats(1e-12, 10.0),
        weights=st.none() | st.dictionaries(TEXTS, st.floats(1e-6, 1e6), max_size=3),
        seed=st.integers(0, 2**40),
        quick=st.booleans(),
    )
    def test_gives_back_the_request_that_was_written(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        text: str,
        rate: float,
        weights: dict[str, float] | None,
        seed: int,
        quick: bool,
    ) -> None:
        wanted = request(
            text_field=text, label_field=text, learning_rate=rate, class_weights=weights, seed=seed, quick=quick
        )
        path = tmp_path_factory.getbasetemp() / "written.yaml"
        path.write_text(dump_request(wanted), encoding="utf-8")
        assert RunStore().read_request(str(path)) == wanted

    def test_keeps_a_line_end_that_yaml_would_read_as_a_blank(self, tmp_path: Path) -> None:
        (tmp_path / "written.yaml").write_text(dump_request(request(text_field="a\x85b")), encoding="utf-8")
        assert RunStore().read_request(str(tmp_path / "written.yaml")).text_field == "a\x85b"

    def test_stands_in_the_directory_as_soon_as_the_run_is_open(self, tmp_path: Path) -> None:
        wanted = request(tmp_path / "run", learning_rate=2e-5).resolved()
        run = RunStore().reserve(wanted)
        run.open(wanted)
        assert RunStore().read_request(str(tmp_path / "run" / RUN_FILE)).resolved() == wanted
        run.close()

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"epochs: [1\n", "is not YAML"),
            (b"- 1\n", "holds no settings"),
            (b"", "holds no settings"),
            (b"epochs: \xff", "cannot be read"),
            (b"epoch: 3", "Did you mean 'epochs'"),
            (b"!!python/object/apply:os.system ['true']", "is not YAML"),
        ],
    )
    def test_that_is_none_is_refused(self, tmp_path: Path, content: bytes, said: str) -> None:
        (tmp_path / "run.yaml").write_bytes(content)
        with pytest.raises(ConfigurationError, match=said):
            RunStore().read_request(str(tmp_path / "run.yaml"))


class TestOneProcessAtATime:
    def test_a_run_in_use_cannot_be_opened_again_until_it_is_closed(self, tmp_path: Path) -> None:
        first = opened(tmp_path / "run")
        before = everything_in(tmp_path)
        second, wanted = RunStore().reopen(str(tmp_path / "run"))
        with pytest.raises(RunError, match="in use by another process"):
            second.open(wanted)
        second.save_failure({"success": False}, keep=False)
        second.close()
        assert everything_in(tmp_path) == before
        first.close()
        second.open(wanted)
        second.close()

    def test_the_loser_of_a_race_for_a_directory_touches_nothing(self, tmp_path: Path) -> None:
        late = RunStore().reserve(request(tmp_path / "run"))
        first = opened(tmp_path / "run")
        (tmp_path / "run" / "checkpoints" / "step-00000001").mkdir(parents=True)
        first.save_summary({"success": True})
        first.close()
        before = everything_in(tmp_path)
        with pytest.raises(RunError, match="holds a run already"):
            late.open(request(tmp_path / "run"))
        late.save_failure(FAILED, keep=False)
        late.close()
        assert everything_in(tmp_path) == before

    def test_closing_leaves_no_lock_and_may_be_done_twice(self, tmp_path: Path) -> None:
        run = opened(tmp_path / "run")
        run.close()
        run.close()
        assert set(everything_in(tmp_path / "run")) == {RUN_FILE}

    def test_a_run_whose_process_was_killed_can_be_taken_up_again(self, tmp_path: Path) -> None:
        code = (
            "import sys, time; from application.training_request import TrainModelRequest; "
            "from infrastructure.runs.run_store import RunStore; "
            "wanted = TrainModelRequest(output_dir=sys.argv[1]); run = RunStore().reserve(wanted); run.open(wanted); "
            "print('open', flush=True); time.sleep(600)"
        )
        words = [sys.executable, "-c", code, str(tmp_path / "run")]
        process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            assert RunArchive().summary(str(tmp_path / "run"))["status"] == "running"
            run, wanted = RunStore().reopen(str(tmp_path / "run"))
            with pytest.raises(RunError, match="in use"):
                run.open(wanted)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert RunArchive().summary(str(tmp_path / "run"))["status"] == "interrupted"
        run.open(wanted)
        run.close()


FAILED = {"success": False, "errors": ["no memory."]}


class TestAFailedRun:
    def test_that_never_began_removes_what_it_created_and_nothing_else(self, tmp_path: Path) -> None:
        (tmp_path / "runs" / "other").mkdir(parents=True)
        (tmp_path / "runs" / "other" / "notes.txt").write_text("mine")
        before = everything_in(tmp_path)
        run = opened(tmp_path / "runs" / "new" / "deep" / "run")
        inside = tmp_path / "runs" / "new" / "deep" / "run"
        (inside / "tokenizer").mkdir()
        (inside / "tokenizer" / "tokenizer.json").write_text("{}")
        (inside / "log.jsonl").write_text("{}\n")
        run.save_failure(FAILED, keep=False)
        run.close()
        assert everything_in(tmp_path) == before

    def test_leaves_an_empty_directory_that_was_there_before(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        run = opened(tmp_path / "run")
        run.save_failure(FAILED, keep=False)
        run.close()
        assert everything_in(tmp_path) == {"run": None}

    def test_leaves_the_files_that_were_there_before(self, tmp_path: Path) -> None:
        (tmp_path / "run" / "mine").mkdir(parents=True)
        (tmp_path / "run" / "notes.txt").write_text("mine")
        before = everything_in(tmp_path)
        run = opened(tmp_path / "run")
        (tmp_path / "run" / "tokenizer").mkdir()
        run.save_failure(FAILED, keep=False)
        run.close()
        assert everything_in(tmp_path) == before

    def test_leaves_a_directory_that_somebody_else_has_moved_into(self, tmp_path: Path) -> None:
        run = opened(tmp_path / "new" / "run")
        (tmp_path / "new" / "neighbour").write_text("hers")
        run.save_failure(FAILED, keep=False)
        run.close()
        assert everything_in(tmp_path) == {"new": None, "new/neighbour": b"hers"}

    def test_that_was_never_opened_touches_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "notes.txt").write_text("mine")
        run = RunStore().reserve(request(tmp_path / "run"))
        run.save_failure(FAILED, keep=False)
        run.close()
        assert everything_in(tmp_path) == {"run": None, "run/notes.txt": b"mine"}

    @pytest.mark.parametrize("reason", ["asked to keep", "has a checkpoint", "was resumed"])
    def test_that_got_somewhere_is_kept_with_its_errors(self, tmp_path: Path, reason: str) -> None:
        run = opened(tmp_path / "run")
        if reason == "has a checkpoint":
            (tmp_path / "run" / "checkpoints" / "step-00000005").mkdir(parents=True)
        if reason == "was resumed":
            run.close()
            again, wanted = RunStore().reopen(str(tmp_path / "run"))
            again.open(wanted)
            assert isinstance(again, RunDirectory)
            run = again
        before = set(everything_in(tmp_path / "run"))
        run.save_failure(FAILED, keep=reason == "asked to keep")
        assert set(everything_in(tmp_path / "run")) == {*before, SUMMARY}
        run.close()
        shown = json.loads((tmp_path / "run" / SUMMARY).read_text(encoding="utf-8"))
        assert (shown["success"], shown["errors"]) == (False, ["no memory."])

    def test_on_a_full_disk_is_told_in_a_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(run_store, "write_whole", full)
        monkeypatch.setattr(run_summary, "write_whole", full)
        run = RunStore().reserve(request(tmp_path / "run"))
        with pytest.raises(RunError, match="No space left on device") as caught:
            run.open(request(tmp_path / "run"))
        assert "Make room" in caught.value.remedy
        run.save_failure(FAILED, keep=False)
        run.close()
        assert everything_in(tmp_path) == {}
        run = RunDirectory(tmp_path, exists=True)
        with pytest.raises(RunError, match="No space left"):
            run.save_summary({})


def test_a_summary_is_kept_as_people_write(tmp_path: Path) -> None:
    run = opened(tmp_path / "run")
    run.save_summary({"success": True, "task": "größer 😀"})
    run.close()
    assert "größer 😀" in (tmp_path / "run" / SUMMARY).read_text(encoding="utf-8")
    assert json.loads((tmp_path / "run" / SUMMARY).read_text(encoding="utf-8"))["success"] is True


class TestResuming:
    def test_is_refused_where_there_is_no_run(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="holds no run"):
            RunStore().reopen(str(tmp_path))

    def test_gives_the_run_and_the_request_it_was_started_with(self, tmp_path: Path) -> None:
        wanted = request(tmp_path / "run", epochs=7)
        opened(tmp_path / "run", epochs=7).close()
        before = (tmp_path / "run" / RUN_FILE).read_bytes()
        run, found = RunStore().reopen(str(tmp_path / "run"))
        assert (found, run.path, run.run_id) == (wanted, str(tmp_path / "run"), "run")
        run.open(found.changed(epochs=8))
        run.close()
        assert (tmp_path / "run" / RUN_FILE).read_bytes() == before

    def test_is_refused_for_a_finished_run_and_not_for_a_stopped_one(self, tmp_path: Path) -> None:
        run = opened(tmp_path / "run")
        run.save_summary({"success": False})
        run.close()
        RunStore().reopen(str(tmp_path / "run"))
        run.save_summary({"success": True})
        with pytest.raises(RunError, match="is finished") as caught:
            RunStore().reopen(str(tmp_path / "run"))
        assert f"train --config {tmp_path / 'run' / RUN_FILE}" in caught.value.remedy


def put_aside(target: Path) -> None:
    """Leave what a process leaves that was killed, or refused, while it removed something."""
    aside = name_aside(target, DELETED)
    aside.mkdir(parents=True)
    (aside / "half").write_text("x")


def test_what_the_disk_refused_to_remove_goes_when_the_run_ends(tmp_path: Path) -> None:
    run = opened(tmp_path / "run")
    put_aside(tmp_path / "run/checkpoints/step-00000001")
    put_aside(tmp_path / "run/run.yaml")
    name_aside(RunLayout(tmp_path / "run").rehearsal).mkdir()
    (tmp_path / "run/.staging-notes").write_text("of somebody else")
    run.close()
    assert set(everything_in(tmp_path / "run")) == {".staging-notes", "checkpoints", "run.yaml"}


def test_a_kill_behind_the_summary_leaves_nothing_once_a_resume_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "run").close()
    run = tmp_path / "run"
    (run / SUMMARY).write_text(json.dumps({"success": True}))
    (run / "run.lock").touch()
    put_aside(run / "checkpoints/step-00000001")
    with pytest.raises(RunError, match="is finished"):
        RunStore().reopen(str(run))
    assert set(everything_in(run)) == {"checkpoints", "run.yaml", SUMMARY}

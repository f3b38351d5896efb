"""Files of a run that somebody has edited, replaced or linked are refused in a sentence, quickly."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from domain.events import Warned
from domain.exceptions import AthanorError, ConfigurationError, RunError
from domain.run_layout import RUN_FILE, SUMMARY, RunLayout
from infrastructure.plain_files import NotPlainError, open_to_append, read_plain
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_file import dump_request
from infrastructure.runs.run_log import RunLog
from infrastructure.runs.run_store import RunStore
from infrastructure.training.training_metrics_tracker import LONGEST_LINE, TrainingMetricsTracker

OWN_PLACES = [place.name for place in RunLayout(Path()).own_places]
ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
SCALARS = {"no": "no", "digits": "1" * 6_000, "hex": "0x" + "f" * 6_000, "base 60": ":".join(["1"] * 3_000)}


def run_at(path: Path) -> Path:
    wanted = TrainModelRequest(output_dir=str(path))
    run = RunStore().reserve(wanted)
    run.open(wanted)
    run.close()
    return path


class TestARunFile:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (ALIASES, ":1 has an anchor or an alias"),
            ("epochs: *nowhere", "an alias|is not YAML"),
            ("a: " + "[" * 20_000, "nests more than"),
            ("{a: " * 20_000, "nests more than"),
            (f"epochs: {SCALARS['digits']}", "a number of 6,000 digits"),
            (f"epochs: {SCALARS['hex']}", "a number of 6,002 digits"),
            (f"seed: {SCALARS['base 60']}", "a number of 5,999 digits"),
            ("epochs: 2024-99-99", "no number or date"),
            ("quick: !!bool x", "no number or date"),
            ("epochs: !!timestamp x", "no number or date"),
            ("epochs: 1\nseed: 2\nepochs: 3\n", ":3 gives 'epochs' a second time"),
            ("1: 2\n'1': 3\n", "a second time"),
            ("<<: {epochs: 1}\n", "merge key"),
            ("? [a, b]\n: c\n", "is not YAML"),
            ("epochs: !!binary x\n", "is not YAML|epochs is"),
            ("x" * (3 << 20), "more than 2 MiB"),
            ("epochs: \x00", "is not YAML"),
        ],
    )
    def test_that_nobody_would_write_is_refused_in_a_short_sentence(
        self, tmp_path: Path, content: str, said: str
    ) -> None:
        (tmp_path / "run.yaml").write_text(content)
        with pytest.raises(ConfigurationError, match=said) as caught:
            RunStore().read_request(str(tmp_path / "run.yaml"))
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize("place", ["pipe", "directory", "/dev/zero", "\x00"])
    def test_that_is_no_file_is_refused_without_waiting(self, tmp_path: Path, place: str) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "directory").mkdir()
        with pytest.raises(ConfigurationError, match="cannot be read"):
            RunStore().read_request(str(tmp_path / place) if place.isalpha() else place)

    def test_with_one_list_in_two_settings_is_written_without_aliases(self, tmp_path: Path) -> None:
        names = ("a", "b")
        wanted = TrainModelRequest(columns=names, target_columns=names)
        (tmp_path / "run.yaml").write_text(dump_request(wanted))
        assert RunStore().read_request(str(tmp_path / "run.yaml")) == wanted


DAMAGED = {
    "": "is not JSON|json",
    "{": "(?i)json",
    "[]": "damaged",
    '"text"': "damaged",
    '{"success": "maybe"}': "success is 'maybe'",
    '{"best_metric": 1.0}': "success",
    '{"success": true, "best_epoch": "first"}': "best_epoch is 'first'",
    '{"success": true, "errors": 5}': "errors is 5",
    '{"success": true, "final_metrics": ' + '{"a":' * 5_000 + "1" + "}" * 5_001: "damaged",
    '{"success": true, "num_parameters": ' + "9" * 6_000 + "}": "damaged",
}


class TestASummary:
    @pytest.mark.parametrize(("content", "said"), DAMAGED.items())
    def test_that_was_edited_is_refused_with_file_and_key(self, tmp_path: Path, content: str, said: str) -> None:
        (run_at(tmp_path / "run") / SUMMARY).write_text(content)
        for ask in (RunArchive().summary, RunStore().reopen):
            with pytest.raises(RunError, match=said) as caught:
                ask(str(tmp_path / "run"))
            assert SUMMARY in str(caught.value)
            assert "remove the file" in caught.value.remedy
            assert len(str(caught.value)) < 1_000

    def test_that_is_a_pipe_or_not_utf8_is_refused_without_waiting(self, tmp_path: Path) -> None:
        os.mkfifo(run_at(tmp_path / "one") / SUMMARY)
        (run_at(tmp_path / "two") / SUMMARY).write_bytes(b"\xff")
        for name, said in (("one", "pipe or a device"), ("two", "not UTF-8")):
            with pytest.raises(RunError, match=said):
                RunArchive().summary(str(tmp_path / name))

    def test_that_is_damaged_does_not_hide_the_other_runs(self, tmp_path: Path) -> None:
        for name in ("bad", "good"):
            run_at(tmp_path / name)
        (tmp_path / "bad" / SUMMARY).write_text('{"success": []}')
        told = {run.run_id: run for run in RunArchive().runs(str(tmp_path))}
        assert told["good"].status == "interrupted"
        assert (told["bad"].status, SUMMARY in told["bad"].error) == ("unreadable", True)

    def test_keeps_a_number_that_is_not_finite_and_what_a_later_version_adds(self, tmp_path: Path) -> None:
        (run_at(tmp_path / "run") / SUMMARY).write_text('{"success": true, "best_metric": NaN, "new": {"a": 1}}')
        assert RunArchive().summary(str(tmp_path / "run"))["new"] == {"a": 1}

    def test_of_a_version_that_counted_the_best_epoch_from_0_is_read_as_those_of_today(self, tmp_path: Path) -> None:
        contents = {
            '{"success": true, "best_epoch": 1}': 2,
            '{"success": true, "best_epoch": 2, "intervals": {}}': 2,
            '{"success": false, "best_epoch": null}': None,
        }
        summary = run_at(tmp_path / "run") / SUMMARY
        for content, epoch in contents.items():
            summary.write_text(content)
            assert RunArchive().summary(str(tmp_path / "run"))["best_epoch"] == epoch


class TestMetrics:
    def test_that_were_edited_are_passed_over_and_counted(self, tmp_path: Path) -> None:
        tracker = TrainingMetricsTracker(tmp_path, file_name="m.jsonl")
        tracker.log_metric("loss", 0.5, 1)
        whole = (tmp_path / "m.jsonl").read_bytes()
        fields = json.loads(whole)
        edited = [
            {**fields, "step": True},
            {**fields, "step": 10**3_000},
            {**fields, "epoch": "x"},
            {**fields, "more": 1},
            {**fields, "name": "n" * 5_000},
            {**fields, "timestamp": None},
        ]
        lines = [json.dumps(line).encode() for line in edited]
        lines += [b"[" * 20_000, b"x" * (3 * LONGEST_LINE), b"\xff", b""]
        (tmp_path / "m.jsonl").write_bytes(b"\n".join([*lines, whole]) + b"y" * (2 * LONGEST_LINE))
        reopened = TrainingMetricsTracker(tmp_path, file_name="m.jsonl")
        assert (len(reopened.entries), reopened.num_damaged_lines) == (1, len(lines))
        reopened.log_metric("loss", 0.25, 2)
        again = TrainingMetricsTracker(tmp_path, file_name="m.jsonl")
        assert [entry.value for entry in again.entries] == [0.5, 0.25]

    def test_behind_a_link_or_a_pipe_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "hers").write_text("hers")
        (tmp_path / "link.jsonl").symlink_to(tmp_path / "hers")
        os.mkfifo(tmp_path / "pipe.jsonl")
        with pytest.raises(RunError, match="pipe or a device"):
            TrainingMetricsTracker(tmp_path, file_name="pipe.jsonl")
        tracker = TrainingMetricsTracker(tmp_path, file_name="other.jsonl")
        tracker.log_metric("loss", 1.0)
        (tmp_path / "other.jsonl").unlink()
        (tmp_path / "other.jsonl").symlink_to(tmp_path / "hers")
        tracker.log_metric("loss", 2.0)
        tracker.close()
        assert (tmp_path / "hers").read_text() == "hers"


class TestALink:
    @pytest.mark.parametrize("name", [*OWN_PLACES, "checkpoints/step-00000004"])
    def test_in_a_run_directory_is_refused_before_anything_is_written(self, tmp_path: Path, name: str) -> None:
        run, wanted = RunStore().reopen(str(run_at(tmp_path / "run")))
        (tmp_path / "hers").mkdir()
        place = tmp_path / "run" / name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(tmp_path / "hers")
        with pytest.raises(RunError, match="is a symbolic link"):
            run.open(wanted)
        assert list((tmp_path / "hers").iterdir()) == []
        assert not (tmp_path / "run" / "run.lock").is_file()

    def test_in_place_of_a_file_that_is_written_whole_is_replaced(self, tmp_path: Path) -> None:
        run, wanted = RunStore().reopen(str(run_at(tmp_path / "run")))
        (tmp_path / "hers").write_text("hers")
        for name in (SUMMARY, "metrics.json", "metrics.csv"):
            (tmp_path / "run" / name).symlink_to(tmp_path / "hers")
        run.open(wanted)
        run.save_summary({"success": True})
        TrainingMetricsTracker(tmp_path / "run", file_name="metrics.jsonl").finish()
        run.close()
        assert (tmp_path / "hers").read_text() == "hers"
        assert not (tmp_path / "run" / SUMMARY).is_symlink()

    def test_in_place_of_the_log_loses_lines_and_not_her_file(self, tmp_path: Path) -> None:
        (tmp_path / "hers").write_text("hers")
        log = RunLog(tmp_path)
        (tmp_path / "log.jsonl").unlink()
        (tmp_path / "log.jsonl").symlink_to(tmp_path / "hers")
        log.notify(Warned("news"))
        assert (tmp_path / "hers").read_text() == "hers"
        with pytest.raises(NotPlainError):
            RunLog(tmp_path)


class TestPlainFiles:
    def test_are_read_up_to_their_limit(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("12345")
        assert read_plain(tmp_path / "file", 5) == "12345"
        with pytest.raises(NotPlainError, match="more than"):
            read_plain(tmp_path / "file", 4)

    @pytest.mark.parametrize("name", ["pipe", "directory"])
    def test_are_told_from_pipes_and_directories(self, tmp_path: Path, name: str) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "directory").mkdir()
        for ask in (lambda path: read_plain(path, 9), open_to_append):
            with pytest.raises(OSError, match=r"pipe or a device|is a directory"):
                ask(tmp_path / name)


def test_every_refusal_is_a_failure_that_a_person_can_act_on(tmp_path: Path) -> None:
    refused: list[Any] = [
        lambda: RunArchive().find("\x00", "runs"),
        lambda: RunStore().reopen("x" * 5_000),
        lambda: RunArchive().runs(str(tmp_path / RUN_FILE)),
    ]
    for ask in refused:
        with pytest.raises(AthanorError):
            ask()

"""The harness itself: an attack that does not hit, or a difference that is not seen, would prove nothing."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from benchmarks.fault_harness.cases import Case, Skipped, failures_of, table_of, tried, work_through
from benchmarks.fault_harness.children import Child, Ended
from benchmarks.fault_harness.comparing import differences, facts_of
from benchmarks.fault_harness.damage import damages
from benchmarks.fault_harness.disk import KILL, TORN, Change, Disk, Fault, normal, recorded
from benchmarks.fault_harness.stage import Verdict, sentence_or_fault

KILLED = -9


def write_some(root: Path) -> None:
    """Make a directory, write, sync, rename and remove: one of each."""
    (root / "d").mkdir()
    with (root / "d" / "file").open("wb") as file:
        file.write(b"0123456789")
        file.flush()
        os.fsync(file.fileno())
    (root / "d" / "file").rename(root / "d" / "renamed")
    (root / "d" / "renamed").unlink()
    (root.parent / "elsewhere").write_text("not counted")


def child_of(tmp: Path, body: Callable[[], None], fault: Fault | None = None) -> Ended:
    """Run a body in a child on a disk with a fault, its changes recorded."""
    root = tmp / "root"
    root.mkdir(exist_ok=True)

    def watched() -> None:
        Disk(root, fault, tmp / "changes")()
        body()

    return Child(watched, tmp / "logs").ended()


def test_each_change_below_the_folder_is_counted_and_none_elsewhere(tmp_path: Path) -> None:
    assert child_of(tmp_path, lambda: write_some(tmp_path / "root")).exit_code == 0
    operations = [change.operation for change in recorded(tmp_path / "changes")]
    assert operations == ["os.mkdir", "open", "write", "fsync", "os.rename", "os.remove"]


def test_a_kill_at_any_change_leaves_what_came_before_it_and_nothing_else(tmp_path: Path) -> None:
    child_of(tmp_path, lambda: write_some(tmp_path / "root"))
    for number, change in enumerate(recorded(tmp_path / "changes")):
        place = tmp_path / str(number)
        place.mkdir()
        assert child_of(place, lambda root=place / "root": write_some(root), Fault(change, KILL)).exit_code == KILLED  # type: ignore[misc]
        assert recorded(place / "changes")[-1] == change
        assert len(recorded(place / "changes")) == number + 1


def test_a_torn_write_leaves_half_of_the_bytes(tmp_path: Path) -> None:
    ended = child_of(tmp_path, lambda: write_some(tmp_path / "root"), Fault(Change("write", "d/file", 0), TORN))
    assert ended.exit_code == KILLED
    assert (tmp_path / "root/d/file").read_bytes() == b"01234"


def test_a_disk_refuses_once_or_from_there_on(tmp_path: Path) -> None:
    def touch_three() -> None:
        for name in ("a", "b", "c"):
            try:
                (tmp_path / "root" / name).write_text(name)
            except OSError as error:
                print(name, error.strerror)

    once = child_of(tmp_path, touch_three, Fault(Change("open", "b", 0), "EROFS"))
    assert once.stdout == "b Read-only file system\n"
    lasting = child_of(tmp_path, touch_three, Fault(Change("open", "b", 0), "ENOSPC", lasting=True))
    assert lasting.stdout == "b No space left on device\nc No space left on device\n"


def test_a_thread_in_the_background_is_killed_at_its_change_while_another_one_writes(tmp_path: Path) -> None:
    root = tmp_path / "root"

    def write_in_turn() -> None:
        thread = threading.Thread(target=lambda: (root / "background").write_text("x"))
        for number in range(50):
            (root / "front").write_text(str(number))
            if number == 10:
                thread.start()
        thread.join()

    assert child_of(tmp_path, write_in_turn, Fault(Change("write", "background", 0), KILL)).exit_code == KILLED
    assert (root / "background").read_text() == ""


def test_tensors_that_a_library_writes_by_itself_are_torn_and_refused_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "root" / "model.safetensors"

    def save() -> None:
        try:
            save_file({"w": torch.zeros(100)}, path)
        except SafetensorError as error:
            print(error)

    change = Change("serialize", "model.safetensors", 0)
    assert "(os error 28)" in child_of(tmp_path, save, Fault(change, "ENOSPC")).stdout
    assert child_of(tmp_path, save, Fault(change, TORN)).exit_code == KILLED
    with pytest.raises(SafetensorError):
        load_file(path)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("checkpoints/.staging-step-00000004-host_12_140_0123abcd", "checkpoints/.staging-step-00000004"),
        ("checkpoints/.staging-step-00000004-a_host_12_140_0123abcd/model.safetensors",
         "checkpoints/.staging-step-00000004/model.safetensors"),
        (".staging-model-host_12_140_0123abcd-replaced", ".staging-model-replaced"),
        (".staging-model-rehearsal-host_12_140_0123abcd/athanor.json", ".staging-model-rehearsal/athanor.json"),
        (".staging-summary.json-host_12_140_0123abcd", ".staging-summary.json"),
        ("tokens-0123456789abcdef0123456789abcdef/tokens.bin", "tokens-KEY/tokens.bin"),
        ("metrics.jsonl", "metrics.jsonl"),
    ],
)  # fmt: skip
def test_a_change_has_the_same_name_in_every_process(place: str, expected: str) -> None:
    assert normal(place) == expected


# Comparing


def a_run(run: Path) -> Path:
    (run / "model").mkdir(parents=True)
    (run / "model/model.safetensors").write_bytes(b"weights")
    (run / "model/tokenizer_config.json").write_text("{}")
    metric = {"name": "train_loss", "value": 1.5, "step": 1, "epoch": 0}
    speed = {"name": "tokens_per_second", "value": 10.0, "step": 1, "epoch": 0}
    (run / "metrics.jsonl").write_text(f"{json.dumps(metric)}\n{json.dumps(speed)}\n")
    (run / "summary.json").write_text(json.dumps({"best_metric": 0.5, "training_time": 3.0}))
    return run


@pytest.mark.parametrize(
    ("file", "content", "found"),
    [
        ("model/model.safetensors", "weightz", "model/model.safetensors"),
        ("model/tokenizer_config.json", '{"is_local": true}', "model/tokenizer_config.json"),
        ("model/more.json", "{}", "model/more.json"),
        ("metrics.jsonl", "", "metrics.jsonl (2 lost, 0 others, 0 twice)"),
        ("metrics.jsonl", "{\n", "metrics.jsonl (2 lost, 1 others, 0 twice)"),
        ("summary.json", '{"best_metric": 0.6}', "summary best_metric"),
        ("confusion_matrix.png", "", "pictures"),
        ("run.lock", "", "left behind: run.lock"),
        ("model/.staging-x", "", "left behind: model/.staging-x"),
    ],
)
def test_every_difference_that_matters_is_found(tmp_path: Path, file: str, content: str, found: str) -> None:
    wanted = facts_of(a_run(tmp_path / "one"))
    other = a_run(tmp_path / "two")
    assert differences(wanted, facts_of(other)) == []
    (other / file).write_text(content)
    assert found in differences(wanted, facts_of(other))


def test_time_and_memory_are_no_difference(tmp_path: Path) -> None:
    one, two = a_run(tmp_path / "one"), a_run(tmp_path / "two")
    for name in ("metrics.jsonl", "summary.json"):
        text = (two / name).read_text()
        (two / name).write_text(text.replace("10.0", "11.0").replace("3.0", "4.0"))
    assert differences(facts_of(one), facts_of(two)) == []


@pytest.mark.parametrize(
    ("ended", "is_right"),
    [
        (Ended(1, "", "error: the disk is full. Make room.\n", 0.1), True),
        (Ended(2, "", "error: x\n", 0.1), True),
        (Ended(0, "", "", 0.1), False),
        (Ended(1, "", "no sentence\n", 0.1), False),
        (Ended(1, "", "Traceback (most recent call last):\nerror: x\n", 0.1), False),
        (Ended(-9, "", "error: x\n", 0.1, hung=True), False),
        (Ended(-11, "", "error: x\n", 0.1), False),
    ],
)
def test_a_refusal_is_an_exit_code_and_a_sentence_and_nothing_else(ended: Ended, is_right: bool) -> None:
    assert (sentence_or_fault(ended).fault == "") is is_right


def test_a_damage_changes_one_bit_or_takes_bytes_away(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    made = dict(damages(path, 2))
    assert made.pop("removed") is None
    assert made.pop("emptied") == b""
    assert made.pop("cut in half") == bytes(range(50))
    for content in made.values():
        assert content is not None
        assert sum(bin(a ^ b).count("1") for a, b in zip(content, range(100), strict=True)) == 1
    assert "bit flipped at 9" in made


# Working through


def case(name: str, attack: Callable[[Path], Verdict]) -> Case:
    return Case("section", "task", "group", name, "right", attack)


def test_two_workers_answer_every_case_once(tmp_path: Path) -> None:
    cases = [case(str(number), lambda place: Verdict(place.name)) for number in range(23)]
    results = list(work_through(cases, tmp_path, num_workers=2))
    assert sorted(result.name for result in results) == sorted(str(number) for number in range(23))
    assert not any(result.fault for result in results)


def test_a_case_that_raises_is_a_failure_and_not_the_end_of_the_others(tmp_path: Path) -> None:
    def raises(place: Path) -> Verdict:
        raise ValueError("of the harness")

    result = tried(case("bad", raises), tmp_path / "place")
    assert "of the harness" in result.fault


def test_the_table_counts_tries_and_a_failure_is_listed_with_the_command_that_repeats_it(tmp_path: Path) -> None:
    good = tried(case("good", lambda place: Verdict("same bytes", tries=10)), tmp_path / "a")
    bad = tried(case("it's bad", lambda place: Verdict("differs", "model", tries=5)), tmp_path / "b")
    table = table_of([good, bad], [Skipped("full_disk", "no root")])
    assert "| section | task | group | 15 | 10 | right | 1 same bytes, 1 differs |" in table
    assert "not tried: no root" in table
    assert """--case 'section/task/group/it'"'"'s bad'""" in failures_of([good, bad])

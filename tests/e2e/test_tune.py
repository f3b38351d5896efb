"""`athanor tune`: its result and its places, and what kills, signals and other workers change of them: nothing."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from domain.study import PRUNED, Trial
from infrastructure.tuning.database import opened, tables
from infrastructure.tuning.ledger import StudyLedger, StudyLedgers
from tests.support import forked, postgres, tuned
from tests.support.command_line import athanor

TRIALS = 3


def result_of(answer: Any) -> dict[str, Any]:
    assert answer.exit_code == 0, answer.stderr
    told: dict[str, Any] = json.loads(answer.stdout)
    return told


def facts_of(study: dict[str, Any]) -> list[Any]:
    """Give what of the trials may depend on neither time nor place."""
    return [
        (each["number"], each["settings"], each["seed"], each["state"], each["value"], each["curve"], each["data"])
        for each in (*study["trials"], *study["repeats"])
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuned")


@pytest.fixture(scope="module")
def undisturbed(place: Path) -> dict[str, Any]:
    return result_of(athanor(*tuned.words_in(place, TRIALS, seeds=2)))


def test_the_first_trial_has_the_defaults_and_the_others_differ_within_the_space(undisturbed: dict[str, Any]) -> None:
    first, *others = undisturbed["trials"]
    assert first["settings"] == {"learning_rate": 1e-3, "batch_size": 32, "word_dropout": 0.6}
    for each in others:
        assert 1e-4 <= each["settings"]["learning_rate"] <= 1e-2
        assert each["settings"]["batch_size"] in (8, 16)
    assert len({json.dumps(each["settings"]) for each in undisturbed["trials"]}) == TRIALS


def test_each_trial_is_a_run_with_its_settings_that_has_seen_no_report(undisturbed: dict[str, Any]) -> None:
    for each in undisturbed["trials"]:
        shown = json.loads(athanor("runs", "show", each["run_dir"], "--json").stdout)
        assert (shown["status"] == "finished") == (each["state"] != PRUNED)
        known = (Path(each["run_dir"]) / "run.yaml").read_text()
        assert f"batch_size: {each['settings']['batch_size']}\n" in known
        assert not (Path(each["run_dir"]) / "report.html").exists()


def test_the_best_is_chosen_by_its_mean_and_is_a_run_that_its_run_file_repeats(
    place: Path, undisturbed: dict[str, Any]
) -> None:
    best = max(undisturbed["candidates"], key=lambda each: each["mean"])
    assert best["mean"] == undisturbed["candidates"][0]["mean"]
    assert set(best["values"]) == {"42", "43"}
    run = Path(undisturbed["run_dir"])
    summary = json.loads((run / "summary.json").read_text())
    assert summary["best_metric"] == undisturbed["candidates"][0]["values"]["42"]
    assert (run / "report.html").is_file()
    again = athanor("train", "--config", undisturbed["run_file"], "--output", place / "again", "--json")
    assert result_of(again)["best_metric"] == summary["best_metric"]


def test_the_page_and_the_result_are_kept(place: Path, undisturbed: dict[str, Any]) -> None:
    assert json.loads((place / "study/study.json").read_text()) == undisturbed
    page = Path(undisturbed["report"]).read_text(encoding="utf-8")
    for words in ("What was found", "History", "Which settings matter", "Settings side by side", "All trials"):
        assert words in page


def test_the_same_command_again_trains_nothing_and_says_the_same(place: Path, undisturbed: dict[str, Any]) -> None:
    began = (place / "study/best/log.jsonl").stat().st_mtime_ns
    assert result_of(athanor(*tuned.words_in(place, TRIALS, seeds=2))) == undisturbed
    assert (place / "study/best/log.jsonl").stat().st_mtime_ns == began


def test_a_study_that_is_killed_three_times_has_the_same_trials_and_none_twice(
    place: Path, undisturbed: dict[str, Any]
) -> None:
    """Killed as a trial saves, at once when one begins, and while one of the best is trained again."""
    words, study = tuned.words_in(place, TRIALS, output="killed", seeds=2), place / "killed"
    for number, sign in enumerate(
        ("trials/0001/checkpoints/step-00000004", "trials/0002/run.yaml", "repeats/0000-seed-43/checkpoints")
    ):
        process = forked.start(words, place / f"answers-{number}")
        process.wait_for(study / sign)
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = result_of(athanor(*words))
    assert facts_of(again) == facts_of(undisturbed)
    assert again["candidates"] == undisturbed["candidates"]
    for each in (*again["trials"], *again["repeats"]):  # each step was logged once: nothing was trained twice
        lines = (Path(each["run_dir"]) / "metrics.jsonl").read_text().splitlines()
        steps = [entry["step"] for entry in map(json.loads, lines) if entry["name"] == "eval_macro_f1"]
        assert len(steps) == len(set(steps))
    assert not (study / "workers").exists()


def test_an_interrupt_saves_the_trial_and_the_same_command_goes_on(place: Path, undisturbed: dict[str, Any]) -> None:
    words, study = tuned.words_in(place, 2, output="stopped"), place / "stopped"
    process = forked.start(words, place / "stopped-answers")
    process.wait_for(study / "trials/0001/checkpoints/step-00000002")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130, process.stderr
    assert "the same command goes on" in process.stderr
    assert "Traceback" not in process.stderr
    assert facts_of(result_of(athanor(*words))) == facts_of(undisturbed)[:2]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("there is no PostgreSQL server on this machine")
    with postgres.served() as address:
        yield address


def test_workers_that_begin_at_once_in_an_empty_database_make_one_study(database: str, tmp_path: Path) -> None:
    def joined(number: int) -> StudyLedger:
        return StudyLedgers().open(database, "begun", {}, str(tmp_path / str(number)))

    for _ in range(3):
        tables()[0].metadata.drop_all(opened(database))
        with ThreadPoolExecutor(8) as pool:
            workers = list(pool.map(joined, range(8)))
        assert [worker.begin(Trial(0, {})) for worker in workers] == [True] + 7 * [False]
        for worker in workers:
            worker.close()


def test_two_workers_share_a_study_in_postgresql_and_one_takes_up_what_the_other_was_killed_at(
    database: str, place: Path
) -> None:
    """Two calls with one --storage, as on two machines with directories of their own."""
    calls = [
        tuned.words_in(place, 6, "--storage", database, "--study", "shared", output=output) for output in ("one", "two")
    ]
    one, two = (forked.start(words, place / f"{number}-answers") for number, words in enumerate(calls))
    one.wait_for(place / "one/trials")
    killed = list((place / "one/trials").iterdir())
    one.send_signal(signal.SIGKILL)
    one.wait()
    assert two.wait(180) == 0, two.stderr
    study = json.loads(two.stdout)
    assert [each["number"] for each in study["trials"]] == list(range(6))
    assert {each["state"] for each in study["trials"]} <= {"completed", PRUNED}
    by_name = {Path(each["run_dir"]).name: each for each in study["trials"]}
    for each in killed:  # taken up where it was, under its number
        assert by_name[each.name]["run_dir"] == str(each)
    assert len({json.dumps(each["settings"]) for each in study["trials"]}) == 6


def test_several_workers_of_one_command_leave_a_whole_study(place: Path) -> None:
    study = result_of(athanor(*tuned.words_in(place, 3, "--workers", 2, output="several")))
    assert [each["state"] for each in study["trials"]] == ["completed"] * 3
    assert study["chosen"] is not None
    for log in (place / "several/workers").glob("*.log"):
        told = log.read_text()
        assert not any(word in told for word in ("Traceback", "Fatal", "error:")), told

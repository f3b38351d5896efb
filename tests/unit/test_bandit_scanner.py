"""Bandit on code as text: whole, cut out, cut off, and none."""

import io
import re
import sys
import warnings

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.exceptions import ConfigurationError
from domain.task import task_named
from infrastructure.data.sources.shipped import located
from infrastructure.scanners import known
from infrastructure.scanners.sql_words import BANDITS, SqlWords

pytest.importorskip("bandit", reason="needs the extra security")

from bandit.core import config, manager
from bandit.plugins import injection_sql

SHELL = "import subprocess\n\n\ndef run(command):\n    return subprocess.call(command, shell=True)\n"


def found(code: str) -> list[tuple[str, int]]:
    examination = known.scanner_named("bandit").examine(code)
    assert not examination.unreadable, examination.unreadable
    return [(finding.rule, finding.first_line) for finding in examination.findings]


def reason(code: str) -> str:
    examination = known.scanner_named("bandit").examine(code)
    assert not examination.findings
    return examination.unreadable


def test_a_finding_has_everything_that_bandit_says() -> None:
    call = known.scanner_named("bandit").examine(SHELL).findings[-1]
    assert (call.tool, call.rule, call.first_line, call.last_line) == ("bandit", "B602", 5, 5)
    assert (call.severity, call.confidence, call.cwe) == ("high", "high", 78)
    assert call.title == "subprocess popen with shell equals true"
    assert "shell=True" in call.message


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("    def run(self, x):\n        eval(x)\n", 2),
        ("\tdef run(self, x):\n\t\teval(x)\n", 2),
        ('    def run(self, x):\n        """Text\nat the margin.\n"""\n        eval(x)\n', 5),
        ("@property\n    def run(self):\n        eval(self.x)\n", 3),
        ("return eval(x)\n", 1),
        ("elif x:\n    eval(x)\n", 2),
        ("except ValueError:\n    eval(x)\nelse:\n    pass\n", 2),
        ("        eval(x)\n    finally:\n        y()\n    return 1\n", 1),
        ("            z = 1\n        else:\n            eval(x)\n    return 1\n", 3),
        ("    x = 1\n\n    def run(self):\n        eval(self.x)\n", 4),
        ("def run(x):\n    eval(x)\n    if x:\n", 2),
        ("def run(x):\n    eval(x)\n    try:\n        y()\n", 2),
        ("def run(x):\n    try:\n        eval(x)\n        if y:\n            z()\n        elif a:", 3),
        ("def run(x):\n    eval(x)\n    call(a,\n        b", 2),
        ("def run(x):\n    eval(x)\n    text = '''begun\n", 2),
        ("def run(x):\n    eval(x)\n    y.", 2),
        ("def run(x):\n    eval(x)\n    y = 'begun", 2),
        ("def run(x):\n    eval(x)\n\n@app.route('/')\n", 2),
        ("\ufeff\ndef run(x):\r\n    eval(x)\r\n", 3),
        ("x = 1\reval(x)\r", 2),
        ("x = 1\n\f\neval(x)\n", 3),
        ("# coding: latin-1\neval(x)\n", 2),
        ("# coding: no-such\neval(x)\n", 2),
        ("x = '\udce9'\neval(x)", 2),
        ("x = '" + "a" * 1_000_000 + "'\neval(x)", 2),
        ("x = '\\d'\neval(x is 'y')", 2),
        ("x = 0x" + "f" * 10_000 + "\neval(x)", 2),
    ],
)
def test_a_piece_is_read_and_its_lines_are_those_that_were_given(
    code: str, line: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found(code) == [("B307", line)]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def run(x):\n    print x\n", "Missing parentheses"),
        ("try:\n    run()\nexcept IOError, error:\n    print(1)\n", "line 3"),
        ("int main() {\n    return 0;\n}\n", "line 1"),
        ("function f(a) {\n", "line 1"),
        ("x = (1,\ny = 2\nz = 3\na = 4\nb = 5\n", "line"),
        ("x = 1\0", "null characters"),
        ("(" * 5000 + ")" * 5000, "nest"),
        ("x = " + "-" * 100_000 + "1", "nest"),
        ("x = " + "+".join(["y"] * 100_000), "nest"),
        ("x = y" + ".a" * 3000, "nest"),
        ("\n".join(" " * depth + "if x:" for depth in range(200)) + " y", "indent"),
        ("9" * 5000, "limit"),
    ],
)
def test_other_code_is_unreadable_with_a_sentence(code: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert words in reason(code)
    assert reason(code).endswith(".")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("code", ["", "\n", "# nothing\n", "x = 1", "     \n\t\n"])
def test_code_without_a_weakness_has_no_finding(code: str) -> None:
    assert found(code) == []


def test_it_says_what_bandit_says() -> None:
    task = task_named("security_classification")
    codes = (
        pyarrow.parquet.ParquetFile(located(str(task.default_eval_dataset), task)).read(["code"])["code"].to_pylist()
    )
    asked = manager.BanditManager(config.BanditConfig(), "file")
    for code in codes[:: len(codes) // 150]:
        asked.results.clear()
        asked._parse_file("./code.py", io.BytesIO(code.encode()), ["./code.py"])
        wanted = {(issue.test_id, issue.lineno, issue.severity.lower(), issue.text) for issue in asked.results}
        found = known.scanner_named("bandit").examine(code).findings
        assert {(one.rule, one.first_line, one.severity, one.message) for one in found} == wanted


def test_a_comment_hides_what_it_names() -> None:
    assert found("eval(x)  # nosec\n") == []
    assert found("eval(x)  # nosec B307\n") == []
    assert found("eval(x)  # nosec B602\n") == [("B307", 1)]
    assert found("x = '''\n# nosec\n'''\neval(x)\n") == [("B307", 4)]


def test_hidden_directions_are_found_behind_any_line_that_python_does_not_end() -> None:
    assert found("x = 'a\x0b\u2028b'\n# \u202e\n") == [("B613", 2)]


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["select", "from", "FROM", "insert", "into", "values", "update", "set", "delete", " ", "\n", "(", "a"]
        )
    )
)
def test_sql_is_found_where_bandit_finds_it(words: list[str]) -> None:
    text = "".join(words)
    assert bool(SqlWords().search(text)) == bool(re.search(BANDITS, text, re.IGNORECASE | re.DOTALL))


def test_bandit_asks_what_was_replaced() -> None:
    known.scanner_named("bandit")
    assert isinstance(injection_sql.SIMPLE_SQL_RE, SqlWords)


@pytest.mark.parametrize(
    "code",
    [
        "x = f'" + "select {a} " * 10_000 + "'",
        "x = " + " + ".join(["'select a '"] * 400),
        "x = 1  # nosec " + "a," * 100_000,
        "x = {" + "'a': 1," * 20_000 + "}",
    ],
)
def test_time_follows_the_length_of_code(code: str) -> None:
    assert found(code) == []  # with Bandit's own rules, half a minute


def test_keys_of_a_table_are_asked_with_their_own_value() -> None:
    assert found("x = {\n'token': 'a',\n**y,\n'b': 'token',\n'secret': c,\n'pwd': 'd',\n}\n") == [
        ("B105", 2),
        ("B105", 6),
    ]


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bandit", None)
    known.scanner_named.cache_clear()
    with pytest.raises(ConfigurationError, match=r"pip install 'athanor\[security\]'"):
        known.scanner_named("bandit")

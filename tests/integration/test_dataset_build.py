"""Rows are what stands in sources, labelled, measured, told apart and split, the same each time."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from domain.code_rows import CodeRow
from domain.exceptions import ConfigurationError, DatasetError
from domain.findings import Examination
from infrastructure.files import sha256_of
from infrastructure.scanners.bandit import BanditScanner
from tests.support.built import built, rows_of
from tests.support.repositories import commit, git, needs_git, repository, write
from tests.support.written_code import AFTER, BEFORE, safe, weak


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out/rows.jsonl"


def test_a_function_knows_where_it_comes_from_and_what_was_found_in_it(tmp_path: Path, output: Path) -> None:
    code = "# SPDX-License-Identifier: ISC\nimport os\n\n\nclass Store:\n" + "".join(
        f"    {line}\n" for line in weak("sell").splitlines()
    )
    source = write(
        tmp_path / "shop", {"pkg/store.py": code, "b.py": safe("buy"), "LICENSE": "Apache License\nVersion 2.0"}
    )
    built(output, source)
    buy, sell = rows_of(output)
    assert (buy["project"], buy["path"], buy["name"], buy["line"], buy["licence"]) == (
        "shop",
        "b.py",
        "buy",
        1,
        "Apache-2.0",
    )
    assert (buy["label"], buy["findings"], buy["cwe"], buy["commit"]) == ("safe", [], None, None)
    assert (sell["name"], sell["line"], sell["licence"]) == ("Store.sell", 6, "ISC")
    assert (sell["label"], sell["cwe"], sell["labelled_by"], sell["language"]) == (
        "critical",
        "CWE-78",
        "scanner",
        "python",
    )
    assert sell["code"] == weak("sell")
    worst = max(sell["findings"], key=lambda found: found["severity"] == "high")
    assert (worst["rule"], worst["first_line"], worst["tool"]) == ("B602", 4, "bandit")
    assert set(buy) == set(CodeRow("", "", "", "", "", "", 0, "", "").as_row())


def test_a_finding_counts_what_the_file_imports(tmp_path: Path, output: Path) -> None:
    code = "from subprocess import call as run_it\n\n\ndef go(name):\n    run_it(name, shell=True)\n    return name\n"
    built(output, write(tmp_path / "a", {"a.py": code}))
    assert rows_of(output)[0]["label"] != "safe"


def test_what_teaches_little_is_left_out_and_counted(tmp_path: Path, output: Path) -> None:
    tangled = "def tangled(x):\n" + "".join(
        f"    if x == {number}:\n        x = x + {number}\n" for number in range(60)
    )
    files = {
        "a.py": safe("first"),
        "short.py": "def short(): return 1\n",
        "long.py": "def long():\n" + "    x = 1\n" * 400,
        "tangled.py": tangled,
        "copy.py": f"# Copied.\n{safe('first')}",
        "same.py": safe("first"),
        "renamed.py": safe("first").replace("table", "rows").replace("key", "name"),
        "broken.py": "def broken(:\n",
        "test_a.py": safe("tried"),
        "vendor/other.py": safe("other"),
        "latin.py": "",
    }
    source = write(tmp_path / "a", files)
    (source / "latin.py").write_bytes(b"def f():\n    return '\xe9'\n")
    left_out = built(output, source).card["left_out"]
    assert [row["path"] for row in rows_of(output)] == ["a.py"]
    assert left_out == {
        "files of tests": 1,
        "files that are no Python of this version": 1,
        "files that are no text in the encoding they name": 1,
        "files that repeat another": 1,
        "functions that are too complex": 1,
        "functions that are too long": 1,
        "functions that are too short": 1,
        "functions that nearly repeat another": 1,
        "functions that repeat another": 1,
    }


@needs_git
def test_functions_that_the_scanner_cannot_read_are_left_out_and_not_called_safe(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(self: BanditScanner, code: str) -> Examination:
        return Examination(unreadable="Too deep.") if "other" in code else examine(self, code)

    examine = BanditScanner.examine
    monkeypatch.setattr(BanditScanner, "examine", unread)
    old = f"{BEFORE.format(name='read')}\n\n{safe('other')}"
    source = repository(tmp_path / "a", {"a.py": safe("first"), "b.py": old})
    commit(source, {"b.py": old.replace("root / name", "name")}, "Stop path traversal")
    left_out = built(output, source, fixes=True).card["left_out"]
    assert [row["name"] for row in rows_of(output)] == ["first"]
    assert left_out == {"functions that bandit cannot read": 3}


def test_limits_are_those_that_were_asked_for(tmp_path: Path, output: Path) -> None:
    source = write(tmp_path / "a", {"a.py": safe("first"), "tests/test_b.py": "def short(): return 1\n"})
    built(output, source, tests=True, min_lines=1)
    assert [row["name"] for row in rows_of(output)] == ["first", "short"]
    with pytest.raises(DatasetError, match="1 functions whose maintainability is too low"):
        built(output, source, min_maintainability=100.0, force=True)
    with pytest.raises(DatasetError, match="1 functions that are too complex"):
        built(output, source, max_complexity=1, force=True)
    assert [row["name"] for row in rows_of(output)] == ["first", "short"]


def test_of_copies_the_worst_label_is_kept_wherever_it_stands(tmp_path: Path, output: Path) -> None:
    code = "def go(name):\n    run_it(name, shell=True)\n    return name\n"
    one = write(tmp_path / "a", {"a.py": code})
    two = write(tmp_path / "b", {"b.py": f"from subprocess import call as run_it\n\n\n{code}"})
    built(output, one, two)
    (row,) = rows_of(output)
    assert (row["project"], row["label"] == "safe") == ("b", False)


def test_projects_stay_on_one_side_and_files_where_there_is_one_project(tmp_path: Path, output: Path) -> None:
    names = [f"p{number}" for number in range(5)]
    sources = [write(tmp_path / name, {f"{at}.py": safe(f"{name}_{at}") for at in "abc"}) for name in names]
    response = built(output, *sources)
    sides = {row["project"]: row["split"] for row in rows_of(output)}
    assert {row["family"] for row in rows_of(output)} == set(names)
    assert all(row["split"] == sides[row["project"]] for row in rows_of(output))
    assert response.card["splits"] == {"train": 12, "validation": 3}
    alone = built(output, sources[0], force=True)
    assert {row["family"] for row in rows_of(output)} == {"p0/a.py", "p0/b.py", "p0/c.py"}
    assert any("of one project" in note for note in alone.notes)


def test_a_label_that_a_training_could_not_split_is_told(tmp_path: Path, output: Path) -> None:
    sources = [write(tmp_path / name, {"a.py": safe(name)}) for name in "ab"]
    assert any("Every row is safe" in note for note in built(output, *sources).notes)
    write(tmp_path / "a", {"weak.py": weak("sold")})
    assert any(
        "labelled critical stand in one project alone" in note for note in built(output, *sources, force=True).notes
    )


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".parquet"])
def test_the_same_sources_give_the_same_bytes(tmp_path: Path, ending: str) -> None:
    sources = [write(tmp_path / name, {"a.py": safe(name), "b.py": weak(f"{name}_b")}) for name in "ab"]
    one, two = tmp_path / f"one{ending}", tmp_path / f"two{ending}"
    built(one, *sources)
    built(two, *sources[::-1])
    assert one.read_bytes() == two.read_bytes()
    cards = [(tmp_path / f"{name}.card.json").read_text(encoding="utf-8") for name in ("one", "two")]
    assert cards[0] == cards[1]
    assert json.loads(cards[0])["rows_sha256"] == sha256_of(one)
    assert str(tmp_path) not in cards[0].replace(f'"source": "{tmp_path}', "")


def test_parquet_holds_the_rows_of_json_lines(tmp_path: Path) -> None:
    source = write(tmp_path / "a", {"a.py": safe("first"), "b.py": weak("second")})
    built(tmp_path / "lines.jsonl", source)
    built(tmp_path / "rows.parquet", source)
    columns = pyarrow.parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    for row in columns:
        row |= {name: json.loads(row[name]) for name in ("findings", "marks")}
    assert columns == rows_of(tmp_path / "lines.jsonl")


@needs_git
def test_a_repository_is_read_at_the_commit_that_was_asked_for(tmp_path: Path, output: Path) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    first = git(source, "rev-parse", "HEAD")
    git(source, "tag", "v1")
    git(source, "tag", "--annotate", "-m", "Two", "release/2")
    commit(source, {"a.py": safe("second")}, "Change")
    newest = git(source, "rev-parse", "HEAD")
    write(source, {"b.py": safe("never_committed")})
    for pin, wanted in [("", newest), ("@main", newest), ("@v1", first), ("@release/2", first), (f"@{first}", first)]:
        for given in (f"file://{source}{pin}", f"{source}{pin}"):
            response = built(output, given, force=True)
            (row,) = rows_of(output)
            assert (row["commit"], row["name"]) == (wanted, "first" if wanted == first else "second")
            assert any("was read at its HEAD" in note for note in response.notes) == (not pin)
    built(output, f"file://{source}@{first[:9]}", force=True)  # which only the whole history can tell
    assert rows_of(output)[0]["commit"] == first


@needs_git
def test_a_repository_and_a_directory_of_its_files_give_the_same_rows(tmp_path: Path) -> None:
    files = {"a.py": safe("first"), "b/c.py": weak("second"), "LICENSE": "Mozilla Public License Version 2.0"}
    built(tmp_path / "one.jsonl", repository(tmp_path / "x/shop", files))
    built(tmp_path / "two.jsonl", write(tmp_path / "y/shop", files))
    one, two = rows_of(tmp_path / "one.jsonl"), rows_of(tmp_path / "two.jsonl")
    assert [{**row, "commit": None} for row in one] == two


@needs_git
def test_a_bare_repository_is_one_too(tmp_path: Path, output: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(repository(tmp_path / "shop", {"a.py": safe("first")})), "bare.git")
    built(output, tmp_path / "bare.git")
    assert rows_of(output)[0]["project"] == "bare"


@needs_git
def test_a_repository_that_numbers_by_sha256_is_read_at_any_commit(tmp_path: Path, output: Path) -> None:
    source = tmp_path / "shop"
    source.mkdir()
    git(source, "init", "--quiet", "--object-format=sha256")
    first = commit(source, {"a.py": safe("first")}, "One")
    commit(source, {"a.py": safe("second")}, "Two")
    git(source, "tag", "v1", first)
    for pin, name in ((f"@{first}", "first"), (f"@{first[:12]}", "first"), ("@v1", "first"), ("", "second")):
        built(output, f"{source}{pin}", force=True)
        assert [row["name"] for row in rows_of(output)] == [name]


@needs_git
def test_fixes_become_pairs_with_what_changed(tmp_path: Path, output: Path) -> None:
    old, new = BEFORE.format(name="read"), AFTER.format(name="read")
    source = repository(tmp_path / "shop", {"a.py": f"{old}\n\n{safe('other')}"})
    before = git(source, "rev-parse", "HEAD")
    after = commit(source, {"a.py": f"# More\n{new}\n\n{safe('other')}"}, "Stop path traversal (CVE-2026-0001)")
    response = built(output, source, fixes=True)
    other, weak_row, fixed = sorted(rows_of(output), key=lambda row: (row["pair_id"] or "", row["label"]))
    assert other["pair_id"] is None
    assert weak_row["pair_id"] == fixed["pair_id"] == f"{after[:12]}:a.py:read"
    assert [(row["label"], row["commit"], row["line"]) for row in (weak_row, fixed)] == [
        ("high", before, 1),
        ("safe", after, 2),
    ]
    assert {(row["cve"], row["cwe"], row["labelled_by"]) for row in (weak_row, fixed)} == {
        ("CVE-2026-0001", "CWE-22", "fix")
    }
    for row, name, line in [
        (weak_row, "harmful", "path = root / name"),
        (fixed, "guard", "path = root / PurePath(name).name"),
    ]:
        ((start, end, called),) = row["marks"]
        assert (called, row["code"][start:end]) == (name, line)
    assert weak_row["split"] == fixed["split"]
    assert (response.card["num_pairs"], response.card["left_out"]["functions that repeat another"]) == (1, 1)


@needs_git
def test_what_is_no_fix_of_a_function_becomes_no_pair(tmp_path: Path, output: Path) -> None:
    def version(number: int) -> str:
        return BEFORE.format(name="read").replace("page", f"page {number}")

    source = repository(tmp_path / "shop", {"a.py": version(0), "b.py": safe("other"), "test_a.py": version(0)})
    commit(source, {"a.py": version(1)}, "Fix XSS by words alone")
    commit(source, {"test_a.py": AFTER.format(name="read")}, "Fix XSS in a test")
    commit(source, {"README.md": "Mind XSS."}, "Speak of XSS")
    commit(source, {"a.py": AFTER.format(name="read"), "c.py": safe("added")}, "Faster reading")
    many = {f"m{number}.py": BEFORE.format(name=f"read_{number}") for number in range(12)}
    commit(source, many, "Add many")
    commit(
        source,
        {name: text.replace("root / name", "name") for name, text in many.items()},
        "Fix CVE-2026-0002 everywhere",
    )
    wide = "\n\n".join(safe(f"wide_{number}") for number in range(12))
    commit(source, {"wide.py": wide}, "Add wide")
    commit(source, {"wide.py": wide.replace("table.get", "table.pop")}, "Fix CVE-2026-0003 in one file")
    git(source, "checkout", "--quiet", "-b", "side", "HEAD~1")
    commit(source, {"side.py": safe("side")}, "Add a side")
    git(source, "checkout", "--quiet", "main")
    git(source, "merge", "--quiet", "--no-edit", "-m", "Merge the fix of CVE-2026-0004", "side")
    commit(source, {"a.py": BEFORE.format(name="read")}, 'Revert "Fix CVE-2026-0001"')
    response = built(output, source, fixes=True)
    assert response.card["num_pairs"] == 0
    left_out = response.card["left_out"]
    assert left_out["commits that change more than a fix does"] == 2
    assert left_out["commits that change no file of Python beside tests"] == 2
    assert left_out["functions that a fix changes in comments or layout alone"] == 1
    wider = built(output, source, fixes=True, max_fix=12, force=True)
    assert wider.card["num_pairs"] > 12


@needs_git
def test_of_two_fixes_of_one_function_the_newer_one_is_kept(tmp_path: Path, output: Path) -> None:
    one, two, three = (
        BEFORE.format(name="read").replace("root / name", part) for part in ("name", "root / name", "safe(name)")
    )
    source = repository(tmp_path / "shop", {"a.py": one})
    commit(source, {"a.py": two}, "Stop path traversal")
    commit(source, {"a.py": three}, "Stop path traversal again")
    built(output, source, fixes=True)
    assert {row["code"]: row["label"] for row in rows_of(output)} == {two: "high", three: "safe"}


@needs_git
def test_a_fix_without_a_known_weakness_is_labelled_by_findings_or_the_default(tmp_path: Path, output: Path) -> None:
    old = {"a.py": weak("sell"), "b.py": BEFORE.format(name="read")}
    source = repository(tmp_path / "shop", old)
    commit(source, {"a.py": weak("sell").replace("shell=True", "shell=False")}, "Fix a vulnerability")
    commit(source, {"b.py": AFTER.format(name="read")}, "Fix a security issue")
    built(output, source, fixes=True)
    found = {(row["name"], row["label"]): row["cwe"] for row in rows_of(output)}
    assert found == {
        ("sell", "critical"): "CWE-78",
        ("sell", "safe"): "CWE-78",
        ("read", "medium"): None,
        ("read", "safe"): None,
    }


def test_fixes_want_a_history(tmp_path: Path, output: Path) -> None:
    with pytest.raises(ConfigurationError, match="reads the history of a repository"):
        built(output, write(tmp_path / "a", {"a.py": safe("first")}), fixes=True)
    assert list(output.parent.iterdir()) == []

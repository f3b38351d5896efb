"""Files of a tree are found as git would, and nothing is opened that never ends, followed or run."""

import os
import socket
from pathlib import Path

import pytest

from domain.exceptions import DatasetError
from domain.scan import Gathered
from infrastructure.scan import tree as tree_module
from infrastructure.scan.tree import GENERATED, LARGE, LARGEST_FILE, SourceTree


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(name: str, content: str | bytes = "x = 1\n") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def gathered(*paths: str) -> Gathered:
    return SourceTree().gather(paths or (".",), None)


def names(found: Gathered) -> list[str]:
    return [file.path for file in found.files]


def test_python_files_are_found_in_the_order_of_their_paths() -> None:
    for name in ("b.py", "a/z.py", "a/b.PYW", "c.txt", "d.pyc", "e"):
        put(name)
    assert names(gathered()) == ["a/b.PYW", "a/z.py", "b.py"]


def test_gitignore_holds_as_it_does_for_git() -> None:
    Path(".git").mkdir()
    put(".git/info/exclude", "excluded.py\n")
    put(".gitignore", "build/\n*_gen.py\n!keep_gen.py\n/only_here.py\n# comment\n\\#odd.py\n")
    put("sub/.gitignore", "!again_gen.py\nlocal.py\n")
    kept = ("keep_gen.py", "sub/again_gen.py", "sub/only_here.py", "local.py", "sub/building/x.py")
    lost = ("build/x.py", "sub/build/y.py", "a_gen.py", "only_here.py", "sub/local.py", "excluded.py", "#odd.py")
    for name in (*kept, *lost):
        put(name)
    found = gathered()
    assert names(found) == sorted(kept)
    assert len(found.skipped["ignored by .gitignore"]) == len(lost)


def test_what_is_ignored_above_the_place_that_is_named_is_ignored_too() -> None:
    Path(".git").mkdir()
    put(".gitignore", "*_gen.py\n")
    put("sub/deep/a_gen.py")
    put("sub/deep/b.py")
    assert names(gathered("sub/deep")) == ["sub/deep/b.py"]


def test_a_file_that_is_named_is_taken_whatever_speaks_against_it() -> None:
    put(".gitignore", "*.py\n")
    put("tool")
    put(".hidden/x.py")
    put("x.py")
    assert names(gathered("tool", ".hidden/x.py", "x.py")) == [".hidden/x.py", "tool", "x.py"]


def test_what_is_no_code_of_the_project_is_left_out_and_counted() -> None:
    put(".tox/x.py")
    put("env/pyvenv.cfg")
    put("env/lib/x.py")
    put("__pycache__/x.py")
    put("node_modules/x.py")
    put("binary.py", b"\x7fELF\0\0\0\0")
    put("large.py", b"#" * (LARGEST_FILE + 1))
    put("minified.py", "x = '" + "a" * 10_001 + "'\n")
    put("kept.py")
    found = gathered()
    assert names(found) == ["kept.py"]
    assert found.skipped == {
        "hidden directory": (".tox",),
        "virtual environment": ("env",),
        "made by a tool": ("__pycache__", "node_modules"),
        "binary": ("binary.py",),
        LARGE: ("large.py",),
        GENERATED: ("minified.py",),
    }


def test_links_pipes_and_sockets_are_left_out_and_nothing_waits() -> None:
    put("outside/secret.py")
    put("tree/kept.py")
    Path("tree/loop").symlink_to("..", target_is_directory=True)
    Path("tree/link.py").symlink_to(Path("outside/secret.py").resolve())
    Path("tree/broken.py").symlink_to("nowhere")
    os.mkfifo("tree/pipe.py")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("tree/socket.py")
        found = gathered("tree")
    assert names(found) == ["tree/kept.py"]
    assert found.skipped == {
        "link": ("tree/broken.py", "tree/link.py"),
        "pipe, socket or device": ("tree/pipe.py", "tree/socket.py"),
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_counted() -> None:
    put("closed.py").chmod(0)
    assert gathered().skipped == {"cannot be read": ("closed.py",)}


def test_a_name_that_is_no_utf_8_is_a_name() -> None:
    Path(os.fsdecode(b"odd\xff.py")).write_text("x = 1\n")
    (file,) = gathered().files
    assert os.fsencode(file.path) == b"odd\xff.py"


def test_a_tree_is_not_descended_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_module, "MOST_DEEP", 2)
    put("a/b/c/d.py")
    assert gathered().skipped == {"directory too deep": ("a/b/c",)}


def test_paths_are_told_from_here_or_from_what_holds_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("project/a/x.py")
    put("project/b/y.py")
    put("elsewhere/z.py")
    monkeypatch.chdir("elsewhere")
    found = gathered("../project/a", "../project/b/y.py")
    assert (found.base, names(found)) == (str(tmp_path / "project"), ["a/x.py", "b/y.py"])


def test_a_place_that_is_named_twice_is_looked_at_once() -> None:
    put("a/x.py")
    assert names(gathered(".", "a", "a/x.py")) == ["a/x.py"]


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/" * 40 + "x", "a" * 300_000])
def test_patterns_that_would_take_for_ever_are_left_out_with_a_word(pattern: str) -> None:
    put(".gitignore", f"{pattern}\nignored.py\n")
    put("a" * 200 + ".py")
    put("ignored.py")
    found = gathered()
    assert ".gitignore" in "".join(found.notes) or names(found) == ["a" * 200 + ".py"]
    assert f"{'a' * 200}.py" in names(found)


def test_a_mark_before_the_first_pattern_is_none_of_it() -> None:
    put(".gitignore", "\ufeff*.py\n")
    put("ignored.py")
    assert names(gathered()) == []


@pytest.mark.parametrize("pattern", ["[[:digit:]]x.py", "[[]x.py", "ax.py\t"])
def test_a_pattern_that_the_library_reads_otherwise_than_git_hides_nothing(pattern: str) -> None:
    put(".gitignore", f"{pattern}\n")
    put("ax.py")
    assert "1 of 1 patterns are not honoured" in "".join(gathered().notes)
    assert names(gathered()) == ["ax.py"]


@pytest.mark.parametrize("path", ["nowhere", "\0", "x.py/below", "a" * 5000])
def test_a_path_that_is_not_there_is_refused(path: str) -> None:
    put("x.py")
    with pytest.raises(DatasetError, match="Check the path"):
        gathered(path)


def test_a_pipe_that_is_named_is_refused() -> None:
    os.mkfifo("pipe")
    with pytest.raises(DatasetError, match="no file and no directory"):
        gathered("pipe")

"""Repositories that want to do something do nothing, and are told of in a sentence where they cannot be read."""

import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.exceptions import AthanorError, ConfigurationError, DatasetError
from infrastructure.harvest import folder as folder_module
from infrastructure.harvest import git as git_module
from infrastructure.harvest import repository as repository_module
from infrastructure.harvest.python_files import LARGEST_FILE
from infrastructure.scanners.bandit import BanditScanner
from tests.support.built import built, rows_of
from tests.support.repositories import blob, commit, commit_tree, git, needs_git, repository, tree, write
from tests.support.written_code import AFTER, BEFORE, safe

pytestmark = needs_git


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    """Give a place for rows, beside which nothing may be left."""
    place = tmp_path / "out"
    place.mkdir()
    yield place / "rows.jsonl"
    assert {path.name for path in place.iterdir()} <= {"rows.jsonl", "rows.card.json"}


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """Give a file that a repository would touch if it could run anything."""
    yield tmp_path / "touched"
    assert not (tmp_path / "touched").exists()


def hostile(source: Path, marker: Path) -> None:
    """Have all that git knows to start in a repository touch the marker."""
    touching = f"touch {marker}"
    hooks = source / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    names = (
        "post-checkout",
        "post-merge",
        "pre-auto-gc",
        "reference-transaction",
        "post-index-change",
        "fsmonitor-watchman",
    )
    for name in names:
        (hooks / name).write_text(f"#!/bin/sh\n{touching}\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    settings = {
        "core.fsmonitor": touching,
        "core.sshCommand": touching,
        "core.pager": touching,
        "core.alternateRefsCommand": touching,
        "core.gitProxy": touching,
        "core.hooksPath": str(hooks),
        "uploadpack.packObjectsHook": touching,
        "filter.evil.smudge": touching,
        "filter.evil.clean": touching,
        "filter.evil.process": touching,
        "diff.evil.textconv": touching,
        "diff.external": touching,
        "credential.helper": f"!{touching}",
        "log.showSignature": "true",
        "gpg.program": touching,
        "protocol.ext.allow": "always",
    }
    for name, value in settings.items():
        git(source, "config", name, value)


def test_hooks_filters_and_settings_of_a_repository_start_nothing(tmp_path: Path, output: Path, marker: Path) -> None:
    files = {
        "a.py": BEFORE.format(name="read"),
        ".gitattributes": "*.py filter=evil diff=evil\n",
        ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% {marker}\n\tupdate = !touch {marker}\n',
    }
    source = repository(tmp_path / "shop", files)
    commit(source, {"a.py": AFTER.format(name="read")}, "Stop path traversal")
    hostile(source, marker)
    for given in (source, f"file://{source}", f"{source}@main"):
        built(output, given, fixes=True, force=True)
        assert [row["label"] for row in rows_of(output)] == ["high", "safe"]


def test_what_the_user_has_set_for_git_is_not_heeded_either(
    tmp_path: Path, output: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    other = repository(tmp_path / "other", {"a.py": safe("other")})
    (tmp_path / ".gitconfig").write_text(f'[url "file://{other}"]\n\tinsteadOf = file://{source}\n', encoding="utf-8")
    template = write(tmp_path / "template", {"hooks/reference-transaction": f"#!/bin/sh\ntouch {marker}\n"})
    (template / "hooks/reference-transaction").chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(template))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'url.file://{other}.insteadOf'='file://{source}'")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {marker}")
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {marker}")
    built(output, f"file://{source}")
    assert [row["name"] for row in rows_of(output)] == ["first"]


def test_a_repository_that_lacks_objects_and_names_a_program_for_them_starts_none(
    tmp_path: Path, output: Path, marker: Path
) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c touch% {marker}",
        "protocol.ext.allow": "always",
    }
    for name, value in settings.items():
        git(source, "config", name, value)
    number = git(source, "rev-parse", "HEAD:a.py")
    (source / ".git/objects" / number[:2] / number[2:]).unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        built(output, source)


def test_links_submodules_large_files_and_pointers_are_counted_and_not_read(tmp_path: Path, output: Path) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    secret = write(tmp_path / "secret", {"s.py": safe("secret")})
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    entries = {
        b"a.py": ("100644", git(source, "rev-parse", "HEAD:a.py")),
        b"link.py": ("120000", blob(source, str(secret / "s.py").encode())),
        b"folder": ("120000", blob(source, str(secret).encode())),
        b"module.py": ("160000", "1" * 40),
        b"large.py": ("100644", blob(source, b"#" * (LARGEST_FILE + 1))),
        b"zeros.py": ("100644", blob(source, bytes(32 << 20))),
        b"lfs.py": ("100644", blob(source, pointer)),
    }
    commit_tree(source, tree(source, entries))
    response = built(output, f"file://{source}")
    assert [row["name"] for row in rows_of(output)] == ["first"]
    assert response.card["left_out"] == {
        "files larger than 1 MiB": 2,
        "files that stand elsewhere (Git LFS)": 1,
        "submodules": 1,
        "symbolic links": 1,
    }


def test_names_that_lead_elsewhere_or_are_no_text_are_names_and_nothing_more(tmp_path: Path, output: Path) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    names = [b"new\nline.py", b"\xff.py", "\u202eyp.py".encode(), b"-rf.py", b"tab\t.py", b'"quoted".py', b"a b.py"]
    numbers = {name: blob(source, safe(f"f{at}").encode()) for at, name in enumerate(names)}
    inner = b"".join(
        b"100644 " + name + b"\0" + bytes.fromhex(blob(source, safe(word).encode()))
        for name, word in ((b"../../up.py", "up"), (b"/tmp/absolute.py", "absolute"))
    )
    odd = git(source, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=inner)
    above = b"40000 ..\0" + bytes.fromhex(odd)
    up = git(source, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=above)
    entries = {name: ("100644", number) for name, number in numbers.items()} | {b"x": ("040000", up)}
    commit_tree(source, tree(source, entries))
    built(output, f"file://{source}")
    paths = {row["path"] for row in rows_of(output)}
    assert {"new\nline.py", "\\xff.py", "-rf.py", "tab\t.py", '"quoted".py', "a b.py", "\u202eyp.py"} <= paths
    assert not (tmp_path / "up.py").exists()
    assert "\u202e".encode() not in output.read_bytes()


def test_a_tree_of_ten_milliards_of_files_is_refused(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_module, "MOST_FILES", 1_000)
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    inner = tree(source, {f"{at}.py".encode(): ("100644", git(source, "rev-parse", "HEAD:a.py")) for at in range(10)})
    for _ in range(9):
        inner = tree(source, {str(at).encode(): ("040000", inner) for at in range(10)})
    commit_tree(source, inner)
    with pytest.raises(DatasetError, match="more than 1,000 files"):
        built(output, f"file://{source}")


def test_a_directory_of_too_many_files_is_refused(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "MOST_FILES", 50)
    source = write(tmp_path / "shop", {f"{at % 7}/{at}.txt": "" for at in range(60)})
    with pytest.raises(DatasetError, match="more than 50 files"):
        built(output, source)


def test_one_file_under_a_thousand_names_is_read_once(tmp_path: Path, output: Path) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    number = git(source, "rev-parse", "HEAD:a.py")
    commit_tree(source, tree(source, {f"{at}.py".encode(): ("100644", number) for at in range(1_000)}))
    assert built(output, f"file://{source}").card["left_out"] == {"files that repeat another": 999}
    copies = write(tmp_path / "copies", {f"{at}.py": safe("first") for at in range(3)})
    assert built(output, copies, force=True).card["left_out"] == {"files that repeat another": 2}


def test_files_that_are_larger_together_than_what_may_be_read_are_refused(tmp_path: Path, output: Path) -> None:
    files = {f"{at}.py": f"# {at}\n" + "#" * 700_000 for at in range(2)}
    for source in (repository(tmp_path / "shop", files), write(tmp_path / "plain", files)):
        with pytest.raises(DatasetError, match="more than 1 MiB of Python"):
            built(output, source, max_mib=1)


@pytest.mark.parametrize("encoding", ["punycode", "idna", "rot13", "zlib", "nonsense", "utf-7", "unicode_escape"])
def test_encodings_that_are_slow_or_none_end_nothing(tmp_path: Path, output: Path, encoding: str) -> None:
    source = write(tmp_path / "shop", {"a.py": safe("first")})
    (source / "b.py").write_bytes(f"# coding: {encoding}\nx = '+2AA-\\ud800-".encode() + b"9" * 900_000 + b"'\n")
    built(output, source)
    assert [row["name"] for row in rows_of(output)] == ["first"]


def test_messages_of_a_megabyte_and_without_letters_are_read_as_far_as_they_go(tmp_path: Path, output: Path) -> None:
    source = repository(tmp_path / "shop", {"a.py": BEFORE.format(name="read")})
    write(source, {"a.py": AFTER.format(name="read")})
    git(source, "commit", "--quiet", "--all", "--file=-", stdin=b"Stop path traversal\n\n" + b"word " * 200_000)
    git(
        source,
        "-c",
        "i18n.commitEncoding=latin-1",
        "commit",
        "--quiet",
        "--allow-empty",
        "--file=-",
        stdin=b"XSS \xff\xfe",
    )
    assert built(output, source, fixes=True).card["num_pairs"] == 1


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ("@no-such-tag", "no commit, tag or branch no-such-tag"),
        ("@abcdef1", "no commit abcdef1"),
        ("@" + "f" * 40, "no commit f"),
        ("@of-a-file", "no commit of-a-file: it names something else"),
        ("@ABCDEF1", "no commit ABCDEF1: it names something else"),
    ],
)
def test_a_commit_that_is_not_there_is_told(tmp_path: Path, output: Path, pin: str, said: str) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    git(source, "tag", "of-a-file", git(source, "rev-parse", "HEAD:a.py"))
    with pytest.raises(DatasetError, match=said) as refused:
        built(output, f"{source}{pin}")
    assert refused.value.remedy


def test_a_repository_without_a_commit_and_a_damaged_one_are_told(tmp_path: Path, output: Path) -> None:
    with pytest.raises(DatasetError, match="has no commit"):
        built(output, repository(tmp_path / "empty"))
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    number = git(source, "rev-parse", "HEAD:a.py")
    damaged = source / ".git/objects" / number[:2] / number[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"no object")
    with pytest.raises(DatasetError, match="cannot be read"):
        built(output, source)


def test_a_shallow_repository_is_read_as_far_as_it_goes(tmp_path: Path, output: Path) -> None:
    source = repository(tmp_path / "shop", {"a.py": BEFORE.format(name="read")})
    commit(source, {"a.py": AFTER.format(name="read")}, "Stop path traversal")
    commit(source, {"b.py": safe("later")}, "Go on")
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{source}", "shallow")
    response = built(output, tmp_path / "shallow", fixes=True)
    assert (response.card["num_rows"], response.card["num_pairs"]) == (2, 0)


def test_a_file_or_a_link_called_git_is_not_followed(tmp_path: Path, output: Path) -> None:
    private = repository(tmp_path / "private", {"secret.py": safe("secret")})
    pointing = write(tmp_path / "pointing", {"a.py": safe("first"), ".git": f"gitdir: {private}/.git\n"})
    linked = write(tmp_path / "linked", {"b.py": safe("second")})
    (linked / ".git").symlink_to(private / ".git")
    built(output, pointing, linked)
    assert [row["name"] for row in rows_of(output)] == ["second", "first"]


def test_pipes_sockets_and_loops_in_a_directory_end_nothing(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "shop", {"a.py": safe("first"), "closed/b.py": safe("second"), ".hidden/c.py": safe("c")})
    os.mkfifo(source / "pipe.py")
    (source / "loop").symlink_to(source)
    (source / "device.py").symlink_to("/dev/zero")
    (source / "gone.py").symlink_to("nowhere")
    monkeypatch.chdir(source)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.bind("socket.py")
        response = built(output, source)
    assert {row["name"] for row in rows_of(output)} == {"first", "second"}
    assert response.card["left_out"] == {"files that cannot be opened": 2, "symbolic links": 2}


def stands_in_for_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a script be called where git fetches; everything else is git's."""
    real = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    fake = tmp_path / "bin/git"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\ncase " $* " in *" fetch "*) {script} ;; esac\nexec {real} "$@"\n', encoding="utf-8")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")


def test_a_fetch_that_takes_too_long_is_ended_with_all_it_started(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_in_for_git(tmp_path, monkeypatch, f"(sleep 300; true) & echo $! > {tmp_path}/child; sleep 300; exit 1")
    with pytest.raises(DatasetError, match="not there after 1 s"):
        built(output, repository(tmp_path / "shop", {"a.py": safe("first")}), timeout=1)
    child = Path("/proc", (tmp_path / "child").read_text().strip())
    for _ in range(100):
        if not child.exists() or "State:\tZ" in (child / "status").read_text():
            break
        time.sleep(0.05)
    else:
        pytest.fail("a process of git is alive")


def test_a_repository_that_is_too_large_is_refused_while_it_comes(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_in_for_git(tmp_path, monkeypatch, "head -c 3000000 /dev/zero > $PWD/pack; sleep 300; exit 1")
    with pytest.raises(DatasetError, match="more than 1 MiB") as refused:
        built(output, repository(tmp_path / "shop", {"a.py": safe("first")}), max_mib=1)
    assert "--max-mib" in refused.value.remedy


def test_git_that_says_nothing_is_given_up(tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_module, "SECONDS_OF_SILENCE", 0.3)
    stands_in_for_git(tmp_path, monkeypatch, ";; *ls-tree*) sleep 300; exit 1")
    with pytest.raises(DatasetError, match="git is lost in it"):
        built(output, repository(tmp_path / "shop", {"a.py": safe("first")}))


def test_a_password_reaches_git_and_nobody_else(tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = f'echo "$@" > {tmp_path}/words; env > {tmp_path}/env; cat $PWD/config > {tmp_path}/config'
    told = "echo \"fatal: unable to access '$PWD': 403\" >&2; exit 128"
    stands_in_for_git(tmp_path, monkeypatch, f"{seen}; {told}")
    with pytest.raises(DatasetError) as refused:
        built(output, "https://me:s3cret@git.example.org/a/b@v1")
    assert "s3cret" in (tmp_path / "env").read_text()
    for place in ("words", "config"):
        assert "s3cret" not in (tmp_path / place).read_text()
    assert "s3cret" not in str(refused.value)
    assert "https://git.example.org/a/b cannot be read" in str(refused.value)
    assert "ssh" in refused.value.remedy


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("fatal: unable to access 'https://x/': Could not resolve host: x", "the network"),
        ("ssh: connect to host x port 22: Network is unreachable", "the network"),
        ("fatal: Authentication failed for 'https://x/'", "a user and a token"),
        ("fatal: write error: No space left on device", "Make room"),
        ("git@x: Permission denied (publickey).", "ssh address"),
        ("ssh: Could not resolve hostname x\nfatal: Could not read from remote repository.", "the network"),
        ("hint:\nremote: hint: old\nfatal: Could not resolve host: x", "the network"),
        ("fatal: detected dubious ownership in repository at '/x'", "a copy of your own"),
    ],
)
def test_what_git_cannot_do_is_said_with_what_to_do(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch, said: str, remedy: str
) -> None:
    stands_in_for_git(tmp_path, monkeypatch, f'echo "{said}" >&2; exit 128')
    with pytest.raises(DatasetError) as refused:
        built(output, "https://git.example.org/a/b")
    assert remedy in refused.value.remedy
    assert "hint" not in refused.value.problem
    for line in (line for line in said.splitlines() if "hint:" not in line):
        assert line.removeprefix("fatal: ").rstrip(".") in refused.value.problem


def test_without_git_a_repository_is_refused_and_a_directory_is_not(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = repository(tmp_path / "shop", {"a.py": safe("first")})
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match="git is not installed"):
        built(output, source)
    built(output, write(tmp_path / "plain", {"a.py": safe("first")}))


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupt_leaves_nothing_of_a_fetch(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException
) -> None:
    def interrupted(self: BanditScanner, code: str) -> None:
        assert any(path.is_dir() and path.stat().st_mode & 0o077 == 0 for path in output.parent.iterdir())
        raise raised

    monkeypatch.setattr(BanditScanner, "examine", interrupted)
    with pytest.raises((KeyboardInterrupt, OSError, AthanorError)):
        built(output, repository(tmp_path / "shop", {"a.py": safe("first")}))
    assert list(output.parent.iterdir()) == []

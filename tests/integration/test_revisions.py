"""What differs from a revision is found, and a repository of a stranger runs nothing for it."""

from pathlib import Path

import pytest

from domain.exceptions import DatasetError
from infrastructure.scan.revisions import Revision
from infrastructure.scan.tree import UNCHANGED, SourceTree
from tests.support.scans import WEAK, tree
from tests.support.trees_of_git import commit, git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "repository"
    made.mkdir()
    return commit(tree(made, {"same.py": WEAK, "changed.py": WEAK, "ends.py": WEAK, "deep/gone.py": WEAK}))


def changed(path: Path, since: str = "main") -> list[str]:
    return [file.path for file in SourceTree().gather([str(path)], since).files]


def test_files_that_are_new_or_differ_are_looked_at_and_no_others(repository: Path) -> None:
    (repository / "changed.py").write_text(WEAK + "\n")
    (repository / "new.py").write_text(WEAK)
    (repository / "ends.py").write_bytes(WEAK.replace("\n", "\r\n").encode())
    (repository / "deep/gone.py").unlink()
    found = SourceTree().gather([str(repository)], "main")
    assert [file.path for file in found.files] == ["repository/changed.py", "repository/new.py"]
    assert found.skipped[UNCHANGED] == ("repository/ends.py", "repository/same.py")


def test_any_name_of_a_commit_will_do(repository: Path) -> None:
    (repository / "changed.py").write_text("x = 1\n")
    commit(repository, "Two")
    first = git(repository, "rev-parse", "HEAD~1").strip()
    for name in ("HEAD~1", "main^", first, first[:8]):
        assert changed(repository, name) == ["repository/changed.py"]
    assert changed(repository, "HEAD") == []


def test_a_part_of_a_repository_is_compared_with_the_same_part(repository: Path) -> None:
    (repository / "deep/gone.py").write_text("x = 2\n")
    assert changed(repository / "deep") == ["repository/deep/gone.py"]


def test_a_work_tree_beside_its_repository_is_one(repository: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", str(repository.parent / "other"))
    (repository.parent / "other" / "same.py").write_text("x = 1\n")
    assert changed(repository.parent / "other") == ["other/same.py"]


def test_a_repository_within_is_compared_with_the_commit_that_is_named_for_it(repository: Path) -> None:
    inner = commit(tree(repository / "inner", {"same.py": WEAK, "changed.py": WEAK}))
    git(repository, "add", "inner")
    commit(repository, "Two")
    assert changed(repository, "HEAD") == []
    (inner / "changed.py").write_text("x = 1\n")
    assert changed(repository, "HEAD") == ["repository/inner/changed.py"]
    assert changed(repository, "HEAD~1") == ["repository/inner/changed.py", "repository/inner/same.py"]


def test_of_a_shallow_clone_it_is_said_how_to_fetch_what_it_lacks(repository: Path) -> None:
    commit(tree(repository, {"new.py": WEAK}), "Two")
    git(repository.parent, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    with pytest.raises(DatasetError) as refused:
        changed(repository.parent / "shallow", "HEAD~1")
    assert "git fetch --unshallow" in str(refused.value.messages)


def test_names_of_variables_of_git_lead_nowhere_else(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert changed(repository) == []


def test_no_program_that_a_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {proof}\ncat\n")
    program.chmod(0o755)
    for name in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "diff.external",
        "filter.f.clean",
        "filter.f.process",
    ):
        git(repository, "config", name, str(program))
    git(repository, "config", "diff.d.textconv", str(program))
    git(repository, "config", "core.hooksPath", str(tmp_path / "hooks"))
    git(repository, "config", "extensions.partialClone", "origin")
    git(repository, "config", "remote.origin.url", f"ext::{program} %S")
    git(repository, "config", "protocol.ext.allow", "always")
    (repository / ".gitattributes").write_text("*.py filter=f diff=d\n")
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        (tmp_path / "hooks").mkdir(exist_ok=True)
        (tmp_path / "hooks" / hook).symlink_to(program)
    (repository / "changed.py").write_text("x = 1\n")
    assert changed(repository) == ["repository/changed.py"]
    with pytest.raises(DatasetError, match="has no revision"):
        Revision.of(repository, "0" * 40)
    assert not proof.exists()

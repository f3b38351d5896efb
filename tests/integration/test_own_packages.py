"""Where a project has a `domain/` or `application/` of its own, Athanor says so, and its command works all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import athanor_command
from athanor import own_packages

ROOT = Path(__file__).resolve().parents[2]
COMMAND = str(ROOT / "athanor_command.py")  # as the installed script: it stands in a directory of its own
USE = "import athanor; print(athanor.TrainModelRequest(seed=3).seed)"
# Whoever imports a package of the project is seen to.
STRANGER = "raise AssertionError('a package of the project was imported')"


def python(here: Path, *words: str | Path, path: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run Python there, with Athanor where site-packages would be: behind `path`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    return subprocess.run(
        [sys.executable, *words], cwd=here, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(params=["domain", "application", "infrastructure", "presentation", "domain.py"])
def theirs(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Make somebody's project with a package, or a module, of a name of ours."""
    package: Path = tmp_path / "project" / request.param
    (package.parent if package.suffix else package).mkdir(parents=True)
    (package if package.suffix else package / "__init__.py").write_text(STRANGER)
    return package


def test_the_command_and_the_check_know_the_same_packages() -> None:
    assert athanor_command.OWN_PACKAGES == own_packages.NAMES
    assert all((own_packages.HOME / name / "__init__.py").is_file() for name in own_packages.NAMES)
    assert own_packages.clash() == ""


def test_an_import_beside_a_package_of_that_name_is_one_sentence_whose_ways_out_work(theirs: Path) -> None:
    project = theirs.parent
    done = python(project, "-c", "import athanor")
    sentence = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert sentence.startswith(f"ImportError: {theirs} hides Athanor's own package `{theirs.stem}`: run the command")
    assert f"start Python with -P, so that it looks for no packages in {project}" in sentence
    module = python(project, "-m", "athanor", "--version")
    assert (module.returncode, module.stdout, module.stderr.count("\n")) == (1, "", 1)
    assert f"{theirs} hides" in module.stderr

    assert python(project, COMMAND, "--version").stdout == "athanor 0.1.0\n"
    assert python(project, "-P", "-c", USE).stdout == "3\n"
    theirs.rename(theirs.with_stem("ours"))
    assert python(project, "-c", USE).stdout == "3\n"


@pytest.mark.parametrize("theirs", ["domain", "application", "domain.py"], indirect=True)
def test_the_command_line_as_a_module_is_refused_in_that_sentence(theirs: Path) -> None:
    done = python(theirs.parent, "-m", "presentation.cli", "--version")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {theirs} hides Athanor's own package `{theirs.stem}`: run the command")
    assert done.stderr.count("\n") == 1
    assert python(theirs.parent, "-P", "-m", "presentation.cli", "--version").stdout == "athanor 0.1.0\n"


def test_a_directory_whose_name_a_terminal_would_obey_is_spelt_out(tmp_path: Path) -> None:
    package = tmp_path / "\x1b[31mred" / "domain"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(STRANGER)
    said = python(package.parent, "-m", "presentation.cli", "--version").stderr
    assert "\\x1b[31mred" in said
    assert "\x1b" not in said


def test_a_script_is_told_of_its_own_directory_wherever_it_is_started(theirs: Path, tmp_path: Path) -> None:
    script = theirs.with_name("script.py")
    script.write_text(USE)
    assert f"in {theirs.parent}" in python(tmp_path, script).stderr.splitlines()[-1]
    assert python(tmp_path, "-P", script).stdout == "3\n"


def test_a_search_path_that_hides_them_is_named_and_leaves_the_command_alone(theirs: Path, tmp_path: Path) -> None:
    project = theirs.parent
    done = python(tmp_path, "-c", "import athanor", path=(project,))
    assert f"take {project} out of the places where Python looks (PYTHONPATH)" in done.stderr.splitlines()[-1]
    assert python(tmp_path, "-c", USE).stdout == "3\n"
    assert python(project, COMMAND, "--version", path=(project,)).stdout == "athanor 0.1.0\n"


def test_all_packages_that_are_hidden_are_named_at_once(tmp_path: Path) -> None:
    for name in ("domain", "application"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(STRANGER)
    sentence = python(tmp_path, "-c", "import athanor").stderr.splitlines()[-1]
    assert f"{tmp_path}/domain and {tmp_path}/application hide Athanor's own packages `domain` and `appl" in sentence


def test_a_package_that_the_program_has_already_imported_is_seen_too(tmp_path: Path) -> None:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain/__init__.py").write_text("")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import domain; sys.path.pop(0); import athanor"
    assert f"{tmp_path}/domain hides" in python(ROOT, "-c", program).stderr.splitlines()[-1]


def test_a_folder_that_is_no_package_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain/notes.txt").write_text("")
    assert python(tmp_path, "-c", USE).stdout == "3\n"

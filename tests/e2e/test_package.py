"""What is installed is a product: built as a wheel and as sources, tried in an environment that knows no checkout."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
FILES = ("LICENSE", "README.md", "pyproject.toml", "setup.py", "athanor_command.py")
FOLDERS = ("athanor", "domain", "application", "infrastructure", "presentation", "data", "configs")
# All modules of the house that no use case needs may be missing unseen; these files are asked for by name.
SHIPPED = (
    *("athanor/data/security.parquet", "athanor/data/security_validation.parquet"),
    *("athanor/data/classification.json", "athanor/data/market_simulated.csv"),
    "athanor/data/shops_simulated.csv.gz",
    *("athanor/data/DATA.md", "athanor/configs/security_classification.yaml"),
    *(f"{name}/py.typed" for name in ("athanor", "domain", "application", "infrastructure", "presentation")),
)
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"

USER_PROGRAM = """
from pathlib import Path

import athanor

response = athanor.train(task="text_classification", dataset_path=Path("letters.csv"), epochs=3)
reveal_type(response)
reveal_type(response.best_metric)
reveal_type(athanor.evaluate("run", "rows.csv").metrics)
reveal_type([answer["label"] for answer in athanor.predict("run", "rows.csv")])
reveal_type(athanor.Container().train_model())
reveal_type(athanor.TrainModelRequest(task="text_classification").max_length)
reveal_type(athanor.TrainingMetricsTracker("logs").get_statistics("loss"))
athanor.predict("run", "rows.csv", temperature="hot")
"""
REVEALED = (
    'Revealed type is "application.use_cases.train_model.TrainModelResponse"',
    'Revealed type is "float | None"',
    'Revealed type is "dict[str, Any]"',
    'Revealed type is "list[Any]"',
    'Revealed type is "application.use_cases.train_model.TrainModelUseCase"',
    'Revealed type is "int"',
    'Revealed type is "domain.metrics.MetricStatistics',
    'error: Argument "temperature" to "predict" has incompatible type "str"; expected "float | None"',
)
# To read all that Athanor imports takes mypy half a minute; the types that are asked for here are Athanor's.
MYPY = """
[mypy]
strict = true
follow_imports = skip
[mypy-athanor.*,domain.*,application.*,infrastructure.*,presentation.*,pydantic.*]
follow_imports = normal
"""


def test_a_wheel_works_in_an_empty_directory_and_the_sources_build_the_same_one(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    wheel = build("build_wheel", copy_of_the_sources(tmp_path / "sources"), tmp_path / "from_checkout")
    sdist = build("build_sdist", tmp_path / "sources", tmp_path / "from_checkout")
    assert contents(build("build_wheel", unpacked(sdist, tmp_path), tmp_path / "from_sdist")) == contents(wheel)

    held = contents(wheel)
    assert [name for name in SHIPPED if name not in held] == []
    assert {name.split("/")[0] for name in held} == {*FOLDERS[:5], "athanor_command.py", wheel_info(held)}
    assert {name for name in held if "generator" in name} == set()
    assert held[f"{wheel_info(held)}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    metadata = held[f"{wheel_info(held)}/METADATA"].decode()
    assert "\nLicense-Expression: Apache-2.0\n" in metadata
    assert "\nAuthor: Athanor developers\n" in metadata

    python = environment_with(wheel, tmp_path / "environment")
    here = tmp_path / "here"
    here.mkdir()
    assert told([python.parent / "athanor", "--version"], here) == "athanor 0.1.0\n"
    told([python.parent / "athanor", "train", "--task", "market_direction", "--quick", "--output", "run"], here)
    assert (here / "run/model/model.safetensors").stat().st_size
    assert {path.name for path in here.iterdir()} == {"run"}

    loaded = "print({'numpy', 'pydantic', 'click', 'torch'} & {*sys.modules}, athanor.__file__)"
    assert told([python, "-c", f"import athanor, sys; {loaded}"], here).startswith(f"set() {tmp_path}/environment/")
    record_property("seconds_of_import_athanor", seconds(python, "import athanor") - seconds(python, "pass"))

    (here / "user.py").write_text(USER_PROGRAM)
    (here / "mypy.ini").write_text(MYPY)
    words = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "mypy.ini",
        "--cache-dir",
        "cache",
        "--python-executable",
        str(python),
    ]
    read = subprocess.run([*words, "user.py"], cwd=here, capture_output=True, text=True, check=False)
    lines = read.stdout.splitlines()
    assert [line for line, wanted in zip(lines, (*REVEALED, "Found 1 error "), strict=True) if wanted not in line] == []


def copy_of_the_sources(place: Path) -> Path:
    """Copy what a build needs: it writes beside its sources, and the checkout is not to know of it."""
    place.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, place)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    return place


def build(what: str, sources: Path, place: Path) -> Path:
    """Build with the setuptools that runs here; gives the newest file in `place`."""
    place.mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, "-c", BUILD, what, place], cwd=sources, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    [built] = place.glob("*.whl" if what == "build_wheel" else "*.tar.gz")
    return built


def unpacked(sdist: Path, place: Path) -> Path:
    """Unpack sources; gives their directory."""
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    return place / sdist.name.removesuffix(".tar.gz")


def contents(wheel: Path) -> dict[str, bytes]:
    """Give every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in sorted(archive.namelist())}


def wheel_info(held: dict[str, bytes]) -> str:
    """Give the name of the directory of metadata."""
    return next(name.split("/")[0] for name in held if ".dist-info/" in name)


def environment_with(wheel: Path, place: Path) -> Path:
    """Make an environment that has the wheel, and the packages that run here as its dependencies; gives its Python.

    A directory that a .pth file names is searched without reading the .pth files in it, so an editable Athanor there
    is not found.
    """
    venv.EnvBuilder(with_pip=False, symlinks=True).create(place)
    python = place / "bin/python"
    install = [
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--python",
        str(python),
        "install",
        "--no-deps",
        "--no-index",
    ]
    told([sys.executable, *install, "--quiet", str(wheel)], place)
    packages = told([python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], place).strip()
    dependencies = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    Path(packages, "dependencies.pth").write_text("\n".join(dependencies))
    return python


def told(words: Sequence[str | Path], here: Path) -> str:
    """Run a program there, on an environment without PYTHONPATH; gives its standard output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def seconds(python: Path, program: str) -> float:
    """Take the quickest of a few runs."""

    def one() -> float:
        began = perf_counter()
        subprocess.run([python, "-c", program], check=True, cwd=python.parent)
        return perf_counter() - began

    return min(one() for _ in range(5))

"""The package of training gives all its names, and no more of it is loaded than is asked for."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def bare_python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_checkpoints_are_read_without_transformers_and_every_name_of_the_training_package_resolves() -> None:
    program = """
import sys
import infrastructure.training.checkpoint_manager
assert "transformers" not in sys.modules
import infrastructure.training as training
for name in training.__all__:
    assert getattr(training, name).__name__ == name, name
assert set(training.__all__) == set(training._HOMES) <= set(dir(training))
assert not hasattr(training, "Nothing")
print("all of them")
"""
    assert bare_python(program) == "all of them"


def test_metrics_runs_built_data_sets_and_all_unit_tests_do_without_torch() -> None:
    program = """
import sys
from importlib import import_module
from pathlib import Path
for name in ("training.training_metrics_tracker", "runs_container", "data_container"):
    import_module(f"infrastructure.{name}")
    print(name, {"torch", "transformers", "scipy"} & set(sys.modules))
for folder in ("tests/unit", "tests/architecture"):
    for file in sorted(Path(folder).glob("test_*.py")):
        import_module(".".join(file.with_suffix("").parts))
        if heavy := {"torch", "transformers"} & set(sys.modules):
            sys.exit(f"{file} loads {heavy}: a test that needs them stands in tests/integration")
"""
    assert {line.partition(" ")[2] for line in bare_python(program).splitlines()} == {"set()"}

"""Holds the shape of the house: which file may import what, and the few things that may stand in one place only.

`violations` reads one source text; the first half of the tests feeds it the house, the second half feeds it
small faults, so that a rule which has stopped seeing anything fails too.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pytest

from tests.support.sources import LAYERS, ROOT, Import, imports_of, parsed, sources

# Tests stay outside: they forge pickles to see them refused, and differentiate to have a reference.
SHIPPED = ("athanor", *LAYERS, "benchmarks", "data")

HEAVY = ("torch", "transformers")
PICKLES = ("pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve")
NAMELESS = frozenset({"util", "utils", "common", "helper", "helpers", "base"})
STEP = PurePosixPath("infrastructure/training/step.py")
DOOR = PurePosixPath("infrastructure/models/pretrained.py")
# What the command line may ask of infrastructure, within a command.
CONTAINERS = tuple(f"infrastructure.{name}container" for name in ("", "answers_", "runs_", "scan_", "data_"))
READER = PurePosixPath("infrastructure/data/tokens/text_ids.py")
# What stands here is shown in a message and written nowhere.
SHOWN_ONLY = (PurePosixPath("infrastructure/data/sources/checking.py"),)
SAFE = {"trust_remote_code": "False", "use_safetensors": "True"}
WATCHED = {*SAFE, "allow_nan", "weights_only", "allow_pickle"}
OPENINGS = {"from_pretrained", "from_config", "resolve_trust_remote_code", "get_class_from_dynamic_module"}

# What a layer may import beside the standard library, and what to do with the rest.
ALLOWED = {
    "domain": (("domain",), "Values and policies need no library: keep them here, and put the rest behind a port."),
    "application": (
        ("application", "domain", "pydantic"),
        "Say what is needed as a Protocol in application/ports.py and implement it in infrastructure.",
    ),
    "presentation": (
        ("presentation", "application", "domain", "click", "rich", "IPython", "athanor.own_packages"),
        "Call a use case from infrastructure.container, imported inside the command.",
    ),
}

# Parts of infrastructure and what they may not import: training -> tasks -> data, models, never back.
FORBIDDEN = (
    ("infrastructure", ("presentation", "click"), "Return values or emit events; the command line shows them."),
    ("infrastructure", ("athanor",), "The public face is for users: import the name from where it lives."),
    ("athanor", ("presentation.cli", "click", "rich"), "The face calls use cases, as the command line does beside it."),
    (
        "infrastructure/tasks",
        ("infrastructure.training",),
        "A task knows data and models; what training also needs belongs into tasks.",
    ),
    (
        "infrastructure/data",
        ("infrastructure.training", "infrastructure.tasks"),
        "Data serves tasks: pass what it needs as an argument.",
    ),
    (
        "infrastructure/models",
        ("infrastructure.training", "infrastructure.tasks"),
        "Models serve tasks: pass what they need as an argument.",
    ),
    ("infrastructure/reports", HEAVY, "Reports take numbers and arrays: convert tensors where they are made."),
    ("infrastructure/runs", HEAVY, "Runs are files: leave tensors to the checkpoint manager."),
)


@dataclass(frozen=True)
class Violation:
    """One line that breaks a rule, printed as a compiler would."""

    path: PurePosixPath
    line: int
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.found}. {self.remedy}"


def violations(path: PurePosixPath, source: str) -> list[Violation]:
    """List what one file breaks; `path` is relative to the root of the house."""
    found = [*_ill_named(path)]
    for imported in imports_of(path, source):
        if complaint := _complaint(path, imported):
            found.append(Violation(path, imported.line, f"imports {imported.name}", complaint))
    return [*found, *_misplaced_calls(path, parsed(source))]


def _complaint(path: PurePosixPath, imported: Import) -> str:
    if _within(imported.name, PICKLES):
        return "A pickle runs code when it is read: keep tensors in safetensors and the rest in JSON."
    for place, forbidden, remedy in FORBIDDEN:
        if path.is_relative_to(place) and _within(imported.name, forbidden):
            return remedy
    layer = path.parts[0]
    if layer not in ALLOWED or imported.name.split(".")[0] in sys.stdlib_module_names:
        return ""
    allowed, remedy = ALLOWED[layer]
    if layer == "presentation" and _within(imported.name, CONTAINERS):
        return "" if imported.in_function else "Import it inside the command: it loads torch, and --help must not."
    return "" if _within(imported.name, allowed) else remedy


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _ill_named(path: PurePosixPath) -> Iterator[Violation]:
    for part in path.with_suffix("").parts:
        if part.strip("_") in NAMELESS:
            yield Violation(path, 1, f"a module is named {part!r}", "Name it after the one idea that it holds.")


def _misplaced_calls(path: PurePosixPath, tree: ast.Module) -> Iterator[Violation]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        said = _called(node.func)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg in WATCHED}
        if said.endswith(".backward") and path != STEP:
            yield Violation(path, node.lineno, f"calls {said}()", f"Only train_step in {STEP} differentiates: call it.")
        if said.rpartition(".")[2] in OPENINGS and path != DOOR:
            yield Violation(path, node.lineno, f"calls {said}()", f"Only {DOOR} opens models: call it.")
        if said.rpartition(".")[2] == "tokenizer" and path.parts[0] == "infrastructure" and path != READER:
            yield Violation(path, node.lineno, f"calls {said}()", f"Only text_ids in {READER} reads text: call it.")
        is_json = said in ("json.dumps", "json.dump") and path.parts[0] in LAYERS and path not in SHOWN_ONLY
        if is_json and given.get("allow_nan") != "False":
            remedy = "NaN is no JSON: use strict_json, or say allow_nan=False where no number can be one."
            yield Violation(path, node.lineno, f"calls {said}()", remedy)
        if any(given.get(name, safe) != safe for name, safe in SAFE.items()):
            yield Violation(path, node.lineno, f"calls {said}() with trust", "A model directory may come from anyone.")
        if said == "torch.load" and given.get("weights_only") != "True":
            yield Violation(path, node.lineno, "calls torch.load()", "Say weights_only=True, or read safetensors.")
        if said == "torch.save":
            yield Violation(path, node.lineno, "calls torch.save()", "It writes a pickle: write safetensors and JSON.")
        if given.get("allow_pickle") == "True":
            yield Violation(path, node.lineno, f"lets {said}() read pickles", "Store plain arrays and drop it.")


def _called(function: ast.expr) -> str:
    """Write a function as it stands in the source; `ast.unparse` is a hundred times slower on the usual names."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=name):
            return f"{_called(owner)}.{name}"
    return ast.unparse(function)


# The house.


@pytest.mark.parametrize("folder", SHIPPED)
def test_every_file_keeps_the_rules_of_its_place(folder: str) -> None:
    read = list(sources(folder))
    assert read, f"no Python files below {ROOT / folder}: has the folder moved?"
    found = [violation for path, source in read for violation in violations(path, source)]
    assert not found, "\n" + "\n".join(map(str, found))


def test_the_house_differentiates_in_one_line() -> None:
    calls = [
        f"{path}:{node.lineno}"
        for path, source in sources(*SHIPPED)
        if "backward" in source
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"
    ]
    assert [call.split(":")[0] for call in calls] == [str(STEP)], f"backward() is called at {calls or 'no place'}"


def test_every_opening_trusts_no_code_and_fetches_nothing() -> None:
    [source] = [source for path, source in sources("infrastructure") if path == DOOR]
    calls = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]
    seen = 0
    for call in calls:
        said, given = ast.unparse(call.func), {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if said.endswith((".from_pretrained", ".from_config")):
            seen += 1
            assert given["trust_remote_code"] == "False", f"{DOOR}:{call.lineno}"
        if said.endswith(".from_pretrained"):
            assert given["local_files_only"] == "True", f"{DOOR}:{call.lineno}"
        if said == "opened.from_pretrained":
            assert given["use_safetensors"] == given["weights_only"] == "True", f"{DOOR}:{call.lineno}"
    assert seen >= 4, f"{DOOR} opens nothing: has it moved?"


def test_the_inner_layers_and_the_command_line_load_neither_torch_nor_transformers() -> None:
    modules = [".".join(path.with_suffix("").parts) for path, _ in sources("domain", "application", "presentation")]
    program = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module(name)
    heavy = sorted(set({HEAVY}) & set(sys.modules))
    if heavy:
        sys.exit(f"importing {{name}} loads {{heavy}}")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# The rules themselves.

FAULTS = [
    ("domain/plan.py", "import numpy as np", "imports numpy"),
    ("domain/plan.py", "def f():\n    from application.ports import Run", "imports application.ports.Run"),
    ("domain/plan.py", "if TYPE_CHECKING:\n    import torch", "imports torch"),
    ("application/ports.py", "import torch", "imports torch"),
    ("application/use_cases/predict.py", "from infrastructure.container import Container", "imports infrastructure."),
    ("application/use_cases/predict.py", "from ...infrastructure import runs", "imports infrastructure.runs"),
    ("application/use_cases/predict.py", "from importlib import import_module\nimport_module('torch')", ":2: imports"),
    ("infrastructure/runs/run_store.py", "import click", "imports click"),
    ("infrastructure/runs/run_store.py", "from presentation.cli import writing", "imports presentation.cli.writing"),
    ("infrastructure/runs/run_store.py", "def f():\n    import torch", "imports torch"),
    ("infrastructure/reports/curves.py", "from torch import Tensor", "imports torch.Tensor"),
    ("infrastructure/tasks/adapter.py", "from infrastructure import training", "imports infrastructure.training"),
    ("infrastructure/tasks/adapter.py", "from ..training.step import train_step", "imports infrastructure.training."),
    ("infrastructure/data/feed.py", "from infrastructure.tasks import adapter", "imports infrastructure.tasks.adapter"),
    ("infrastructure/data/__init__.py", "from ..training import step", "imports infrastructure.training.step"),
    ("infrastructure/models/factory.py", "import infrastructure.training.step", "imports infrastructure.training.step"),
    ("infrastructure/prediction.py", "import athanor", "imports athanor"),
    ("presentation/cli/commands/train.py", "def f():\n    import athanor", "imports athanor"),
    ("athanor/jobs.py", "from presentation.cli import writing", "imports presentation.cli.writing"),
    ("presentation/cli/__main__.py", "import torch", "imports torch"),
    ("presentation/cli/__main__.py", "import yaml", "imports yaml"),
    ("presentation/cli/commands/train.py", "from infrastructure.container import Container", "inside the command"),
    (
        "presentation/cli/commands/train.py",
        "def f():\n    from infrastructure import runs",
        "imports infrastructure.runs",
    ),
    ("infrastructure/training/checkpoint_manager.py", "import pickle", "imports pickle"),
    ("data/generator/__main__.py", "def f():\n    from joblib import dump", "imports joblib.dump"),
    ("benchmarks/throughput.py", "loss.backward()", "calls loss.backward()"),
    ("infrastructure/training/parallel.py", "scaler.scale(loss).backward()", "calls scaler.scale(loss).backward()"),
    ("infrastructure/training/parallel.py", "torch.load(path)", "calls torch.load()"),
    ("infrastructure/training/parallel.py", "torch.load(path, weights_only=False)", "calls torch.load()"),
    ("infrastructure/training/parallel.py", "torch.save(state, path)", "calls torch.save()"),
    ("infrastructure/data/kept/cache.py", "np.load(path, allow_pickle=True)", "lets np.load() read pickles"),
    ("infrastructure/prediction.py", "AutoModel.from_pretrained(path)", "calls AutoModel.from_pretrained()"),
    (
        "infrastructure/training/library.py",
        "AutoConfig.from_pretrained(p, trust_remote_code=False)",
        "calls AutoConfig.",
    ),
    ("infrastructure/tasks/writing/samples.py", "self.tokenizer(text)", "calls self.tokenizer()"),
    ("infrastructure/tasks/writing/samples.py", "json.dumps(samples)", "calls json.dumps()"),
    ("domain/plan.py", "json.dump(plan, file, allow_nan=True)", "calls json.dump()"),
    ("benchmarks/throughput.py", "AutoModel.from_config(config)", "calls AutoModel.from_config()"),
    ("infrastructure/models/pretrained.py", "open_it(path, trust_remote_code=True)", "with trust"),
    ("infrastructure/models/pretrained.py", "opened.from_pretrained(path, use_safetensors=None)", "with trust"),
    ("infrastructure/utils.py", "", "a module is named 'utils'"),
    ("infrastructure/common/paths.py", "", "a module is named 'common'"),
    ("domain/_base.py", "", "a module is named '_base'"),
]

PERMITTED = [
    ("domain/plan.py", "import math\nfrom collections.abc import Mapping\nfrom domain.task import TASKS"),
    (
        "application/ports.py",
        "from pydantic import BaseModel\nfrom domain import events\nfrom . import use_cases",
    ),
    (
        "infrastructure/training/step.py",
        "import torch\nfrom infrastructure.tasks import adapter\nloss.backward()",
    ),
    ("infrastructure/tasks/adapter.py", "from infrastructure.data import feed\nfrom ..models import factory"),
    ("infrastructure/runs/run_store.py", "import yaml\nfrom torchmetrics_report import table"),
    (
        "presentation/cli/commands/train.py",
        "import rich\ndef f():\n    from infrastructure.container import Container",
    ),
    ("infrastructure/training/losses.py", "torch.load(path, weights_only=True)\ndef backward(context): ..."),
    ("infrastructure/data/database.py", "import sqlite3"),
]


@pytest.mark.parametrize(("path", "source", "complaint"), FAULTS)
def test_a_fault_is_found_and_named_with_its_place(path: str, source: str, complaint: str) -> None:
    [found] = violations(PurePosixPath(path), source)
    assert str(found).startswith(f"{path}:{source.count(chr(10)) + 1}: ")
    assert complaint in str(found)
    assert found.remedy


@pytest.mark.parametrize(("path", "source"), PERMITTED)
def test_what_the_rules_allow_is_left_alone(path: str, source: str) -> None:
    assert violations(PurePosixPath(path), source) == []

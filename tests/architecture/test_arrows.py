"""Holds the arrows of docs/architecture.md, also those that take several steps: what points down never comes back."""

import re
from collections.abc import Mapping, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import PurePosixPath

import pytest

from tests.support.sources import LAYERS, ROOT, imports_of, sources

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
HEAVY = frozenset(("torch", "transformers"))
# Reached by these in no number of steps.
WITHOUT_TORCH = (
    "domain",
    "application",
    "presentation",
    "infrastructure/runs",
    "infrastructure/reports",
    "infrastructure/trackers",
)
INFRASTRUCTURE = "infrastructure"
# Its commands reach these when they run, which is what they are for.
CONTAINERS = frozenset(f"infrastructure.{name}container" for name in ("", "answers_", "scan_"))

Graph = Mapping[str, Set[str]]


@cache
def arrows() -> Graph:
    """Give what each module imports: modules of the house by their full name, libraries by their first word."""
    files = dict(sources(*LAYERS))
    modules = {_module(path): path for path in files}
    found = {}
    for name, path in modules.items():
        found[name] = {_target(each.name, modules) for each in imports_of(path, files[path])} - {name}
    return found


def _module(path: PurePosixPath) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _target(name: str, modules: Mapping[str, PurePosixPath]) -> str:
    if name.split(".")[0] not in LAYERS:
        return name.split(".")[0]
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def way(graph: Graph, start: str, goals: Set[str], closed: Set[str] = frozenset()) -> list[str]:
    """Find a shortest way from `start` to one of `goals` that enters none of `closed`; empty when there is none."""
    ways = [[start]]
    seen = {start}
    for taken in ways:  # grows as it is walked
        for following in sorted(graph.get(taken[-1], ())):
            if following in goals:
                return [*taken, following]
            if following not in seen | closed:
                seen.add(following)
                ways.append([*taken, following])
    return []


def circles(graph: Graph) -> list[str]:
    """Name a shortest circle through each node that lies on one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        pass
    else:
        return []
    found = (way(graph, name, {name}) for name in graph)
    return [" -> ".join(circle) for circle in found if circle]


@cache
def part_of(module: str) -> str:
    """Name the part a module belongs to: its folder, or itself where the folder has others within it."""
    path = PurePosixPath(*module.split("."))
    folder = path if (ROOT / path).is_dir() else path.parent
    return str(path if any((ROOT / folder).glob("*/__init__.py")) else folder)


@cache
def parts() -> Graph:
    """Give the arrows between parts."""
    found: dict[str, set[str]] = {}
    for name, imported in arrows().items():
        of_house = {part_of(other) for other in imported if other.split(".")[0] in LAYERS}
        found.setdefault(part_of(name), set()).update(of_house - {part_of(name)})
    return found


def rows_of_the_page() -> list[tuple[str, ...]]:
    """Read the table of the parts of infrastructure, the highest first."""
    section = PAGE.partition("## Parts of infrastructure")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [tuple(re.findall(r"`([a-z_]+)/?`", line.split("|")[1])) for line in lines]


@pytest.fixture(scope="module")
def ranks() -> dict[str, int]:
    return {part: rank for rank, row in enumerate(reversed(rows_of_the_page())) for part in row}


def test_no_part_of_the_house_lies_on_a_circle() -> None:
    assert circles(parts()) == []


def test_no_file_lies_on_a_circle_not_even_one_that_a_function_closes() -> None:
    assert circles(arrows()) == []


def test_every_part_of_infrastructure_imports_only_what_the_page_puts_below_it(ranks: dict[str, int]) -> None:
    up = []
    for part, imported in parts().items():
        for other in imported:
            if part.startswith(f"{INFRASTRUCTURE}/") and other.startswith(f"{INFRASTRUCTURE}/"):
                above, below = (name.split("/")[1] for name in (part, other))
                if above != below and ranks[above] <= ranks[below]:
                    up.append(f"{part} -> {other}")
    assert up == [], "docs/architecture.md puts the second above the first"


def folders_of_the_page() -> list[str]:
    """Read the table of the folders of data, the lowest first."""
    section = PAGE.partition("## Reading files")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [name for line in lines for name in re.findall(r"`([a-z_]+)/`", line.split("|")[1])]


def test_every_folder_of_data_imports_only_what_the_page_puts_above_it() -> None:
    home = f"{INFRASTRUCTURE}/data/"
    found = {part.removeprefix(home): imported for part, imported in parts().items() if part.startswith(home)}
    folders = folders_of_the_page()
    assert set(folders) == {part for part in found if (ROOT / home / part).is_dir()}
    for number, folder in enumerate(folders):
        below = {name.removeprefix(home) for name in found[folder] if name.startswith(home)} & set(folders)
        assert below <= set(folders[:number]), folder


def test_the_straight_line_is_four_files_about_as_long_as_the_page_says() -> None:
    section = PAGE.partition("## The straight line")[2].partition("\n## ")[0]
    told = re.findall(r"^\d\. `(\S+)` \((\d+) lines\)", section, re.MULTILINE)
    assert len(told) == 4
    for path, count in told:
        assert int(count) == pytest.approx(len((ROOT / path).read_text(encoding="utf-8").splitlines()), rel=0.1), path


def test_the_page_names_every_part_of_infrastructure_once() -> None:
    named = [part for row in rows_of_the_page() for part in row]
    there = {name.split("/")[1] for name in parts() if name.startswith(f"{INFRASTRUCTURE}/")}
    assert len(named) == len(set(named))
    assert set(named) == there


@pytest.mark.parametrize("folder", WITHOUT_TORCH)
def test_torch_and_transformers_are_reached_from_here_in_no_number_of_steps(folder: str) -> None:
    begins = [name for name in arrows() if f"{name.replace('.', '/')}/".startswith(f"{folder}/")]
    assert begins
    closed = CONTAINERS if folder == "presentation" else frozenset()
    reached = [way(arrows(), name, HEAVY, closed) for name in begins]
    assert [" -> ".join(found) for found in reached if found] == []


@pytest.mark.parametrize(
    ("layer", "never"),
    [
        ("domain", ("application", "infrastructure", "presentation")),
        ("application", ("infrastructure", "presentation")),
    ],
)
def test_an_inner_layer_reaches_no_outer_one(layer: str, never: tuple[str, ...]) -> None:
    outer = {name for name in arrows() if name.split(".")[0] in never}
    reached = [way(arrows(), name, outer) for name in arrows() if name.split(".")[0] == layer]
    assert [found for found in reached if found] == []


def test_infrastructure_reaches_the_command_line_in_no_number_of_steps() -> None:
    outer = {name for name in arrows() if name.startswith("presentation")} | {"click"}
    reached = [way(arrows(), name, outer) for name in arrows() if name.startswith(INFRASTRUCTURE)]
    assert [found for found in reached if found] == []


def test_the_libraries_are_known_by_their_first_word() -> None:
    libraries = {other for imported in arrows().values() for other in imported if other.split(".")[0] not in LAYERS}
    assert {"torch", "transformers", "numpy", "pydantic", "click"} <= libraries


# The rules themselves.


def test_a_way_of_several_steps_is_found_and_told() -> None:
    graph = {"reports": {"prediction"}, "prediction": {"training"}, "training": {"torch"}}
    assert way(graph, "reports", HEAVY) == ["reports", "prediction", "training", "torch"]
    assert way(graph, "reports", HEAVY, closed={"training"}) == []
    assert way(graph, "training", {"prediction"}) == []


def test_a_circle_is_told_from_each_node_that_lies_on_it() -> None:
    graph = {"tasks": {"reports"}, "reports": {"writer"}, "writer": {"tasks"}, "data": {"tasks"}}
    assert circles(graph) == [
        "tasks -> reports -> writer -> tasks",
        "reports -> writer -> tasks -> reports",
        "writer -> tasks -> reports -> writer",
    ]
    assert circles({one: {other} for one, other in pairwise("abc")}) == []

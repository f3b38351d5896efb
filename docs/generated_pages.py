"""What the site shows beside the pages of this folder, made from the program and the repository when it is built.

mkdocs calls the functions `on_...` by name. A page that leads out of `docs/` finds the file on the site too, below the
path it has in the repository.
"""

import logging
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from application.settings import Setting, settings_of
from domain.task import TASKS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/RESULTS.md",
    "data/DATA.md",
    *(f"configs/{path.name}" for path in sorted((ROOT / "configs").glob("*.yaml"))),
)
LINK = re.compile(r"\]\((?!\w+:|#)([^)\s#]+)(#[^)\s]*)?\)")
FETCHED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^>]*>")
SETTINGS = """---
hide: [toc]
---

# Settings

Every setting of a training, as `athanor settings` lists them; `athanor settings TASK` lists those that mean something
to one task, with its defaults. A setting is given with `--set NAME=VALUE`, in a run file
(`athanor train --config run.yaml`), or by name to `athanor.train`. What was decided in the end stands in the `run.yaml`
of the run.

`athanor settings --schema` prints a JSON Schema of the run file. An editor that knows YAML, given
`# yaml-language-server: $schema=athanor.schema.json` as the first line, then completes the names and marks mistakes.

"""
OWN_DEFAULTS = """
## Its own defaults

These hold for a model from scratch where nothing else is said; [settings](../settings.md) lists all the others, and
`athanor settings TASK` those that mean something here.

"""
DECISIONS = """# Decisions

What a newcomer would question, a page each: the situation, what was decided, what was tried or measured, what follows.
A later decision replaces an earlier one by name and leaves it standing.

"""
# A warning ends a strict build.
log = logging.getLogger("mkdocs.plugins.athanor")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of each task and each decision where the navigation names their folders."""
    pages: dict[str, list[Any]] = {
        "tasks": [{name: f"tasks/{name}.md"} for name in TASKS],
        "decisions": ["decisions/index.md", *(f"decisions/{path.name}" for path in _decisions())],
    }

    def filled(entry: Any) -> Any:
        if isinstance(entry, list):
            return [filled(part) for part in entry]
        if isinstance(entry, dict):
            return {title: filled(value) for title, value in entry.items()}
        return pages.get(entry, entry)

    config.nav = filled(config.nav)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated, and the files outside this folder that pages lead to."""
    files.append(File.generated(config, "settings.md", content=SETTINGS + _by_group(settings_of())))
    listed = "".join(f"- [{_title(path)}]({path.name})\n" for path in _decisions())
    files.append(File.generated(config, "decisions/index.md", content=DECISIONS + listed))
    for name in OUTSIDE:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to where the site has their files; end the page of a task with its own defaults."""
    here = page.file.src_uri
    task = Path(here).stem
    if here.startswith("tasks/") and task in TASKS:
        markdown += OWN_DEFAULTS + _table(_own_settings(task))
    stands = here if here in OUTSIDE else f"docs/{here}"

    def led(link: re.Match[str]) -> str:
        target = _on_site(normpath(join(dirname(stands), link[1])))
        return link[0] if target is None else f"]({relpath(target, dirname(here) or '.')}{link[2] or ''})"

    return LINK.sub(led, markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Find what a browser would fetch from elsewhere."""
    for fetched in FETCHED.findall(output):
        log.warning("%s fetches from elsewhere: %s", page.file.src_uri, fetched)
    return output


def _on_site(path: str) -> str | None:
    if path == "docs/decisions":
        return "decisions/index.md"
    if path in OUTSIDE:
        return path
    return path.removeprefix("docs/") if path.startswith("docs/") else None


def _own_settings(task: str) -> list[Setting]:
    own = {setting.name for setting in settings_of() if task in setting.default_by_task}
    return [setting for setting in settings_of(task) if setting.name in own]


def _decisions() -> list[Path]:
    return sorted((DOCS / "decisions").glob("[0-9]*.md"))


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def _by_group(settings: Iterable[Setting]) -> str:
    groups = groupby(settings, key=lambda setting: setting.group)
    return "\n".join(f"## {title}\n\n{_table(group)}" for title, group in groups)


def _table(settings: Iterable[Setting]) -> str:
    rows = ["| setting | what it says, and its values | default |", "|---|---|---|"]
    for setting in settings:
        values = setting.type.replace(" | ", ", ") + (f", in {setting.unit}" if setting.unit else "")
        name = f'<code id="{setting.name}" style="white-space: nowrap">{setting.name}</code>'
        rows.append(f"| {name} | {_cell(setting.description)}<br>*{_cell(values)}* | {_default(setting)} |")
    return "\n".join(rows) + "\n"


def _default(setting: Setting) -> str:
    said = {task: _value(value) for task, value in setting.default_by_task.items()}
    by_value = {value: [task for task in said if said[task] == value] for value in said.values()}
    own = [value if len(tasks) == len(TASKS) else f"{value} ({', '.join(tasks)})" for value, tasks in by_value.items()]
    common = [] if len(said) == len(TASKS) else [_value(setting.default)]
    return "<br>".join(part for part in (*common, *own) if part)


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return _cell(", ".join(map(str, value))) if isinstance(value, list | tuple) else _cell(str(value))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("_", "\\_")

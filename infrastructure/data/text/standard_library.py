"""Text and pairs that every machine has: the sources of the running interpreter's standard library."""

import ast
import sysconfig
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from application.phases import counting
from domain.exceptions import DatasetError
from infrastructure.data.kept.cache import key_of
from infrastructure.data.pairs.rows import Pair, PairRows, keep_pairs
from infrastructure.data.sources.text_folders import text_files
from infrastructure.data.text.documents import Documents, keep_files

# Installed by others, tests (some broken on purpose), drawings, and tables that nobody wrote by hand.
LEFT_OUT = frozenset(
    (
        *("site-packages", "dist-packages", "_bundled", "__pycache__"),
        *("test", "tests", "idle_test", "lib2to3", "turtledemo"),
        *("encodings", "pydoc_data"),
    )
)
MAX_CODE_CHARACTERS = 1_500
DESCRIPTION_CHARACTERS = (10, 300)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def standard_library_files() -> list[Path]:
    """List the modules of the running interpreter that are readable as UTF-8.

    Raises: DatasetError when it ships without sources.
    """
    root = _root()
    found = text_files(root) if root.is_dir() else []
    files = [file for file in found if file.suffix == ".py" and not LEFT_OUT & set(file.relative_to(root).parts)]
    readable = [file for file in files if _source(file) is not None]
    if not readable:
        raise DatasetError(
            f"this Python ships without the sources of its standard library: {root} has no module.",
            remedy="Give data of your own: --dataset PATH",
        )
    return readable


def load_standard_library() -> Documents:
    """Give each module as a document. Raises: DatasetError when there are none."""
    return keep_files(_root(), standard_library_files())


def load_standard_library_pairs(task: str) -> PairRows:
    """Give a pair for each documented function that is short enough for a small model.

    For `code_generation` the source is the first paragraph of the docstring and the target the function without it;
    for `sequence_to_sequence` the source is that function and the target the docstring's first line. Decorators and
    functions within functions are left out, so that no function stands in two rows.
    Raises: DatasetError when there are no modules.
    """
    assert task in ("code_generation", "sequence_to_sequence"), task
    files = standard_library_files()
    content = load_standard_library().sha256
    key = key_of("functions", content, task, MAX_CODE_CHARACTERS, DESCRIPTION_CHARACTERS)
    return keep_pairs(_root(), content, key, lambda say: counting(_pairs(files, task)))


def _root() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])


def _source(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError):
        return None


def _pairs(files: Sequence[Path], task: str) -> Iterator[Pair]:
    seen: set[tuple[str, str]] = set()
    shortest, longest = DESCRIPTION_CHARACTERS
    for file in files:
        name = file.relative_to(_root()).as_posix()
        for function, lines in _functions(_source(file) or ""):
            docstring = ast.get_docstring(function) or ""
            paragraph = " ".join(docstring.strip().partition("\n\n")[0].split())
            told = paragraph if task == "code_generation" else docstring.strip().partition("\n")[0].strip()
            code = _without_docstring(function, lines) if shortest <= len(told) <= longest else None
            if code is None or len(code) > MAX_CODE_CHARACTERS:
                continue
            source, target = (told, code) if task == "code_generation" else (code, told)
            if (source, target) not in seen:
                seen.add((source, target))
                yield Pair(source, target, name, function.lineno)


def _functions(source: str) -> Iterator[tuple[Function, list[str]]]:
    """Give the functions of a module and of its classes, in its order, and the module's lines."""
    tree = _parsed(source)
    # Unlike str.splitlines, the parser takes neither form feeds nor Unicode's separators for line ends.
    lines = source.split("\n")
    waiting: list[ast.AST] = [tree] if tree else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function):
            yield node, lines
        else:
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _parsed(source: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a module's doubtful escapes are not our reader's concern
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return None


def _without_docstring(function: Function, lines: Sequence[str]) -> str | None:
    """Cut the docstring out of a function's own lines; None when nothing remains or the code would change."""
    if len(function.body) < 2 or function.end_lineno is None:
        return None
    told, next_line = function.body[0], function.body[1].lineno
    assert told.end_lineno is not None
    head = lines[function.lineno - 1 : told.lineno - 1]
    behind = lines[told.end_lineno : function.end_lineno]
    while behind and not behind[0].strip():
        behind = behind[1:]
    code = textwrap.dedent("\n".join([*head, *behind])) + "\n"
    # Two statements on one line, or a string whose lines lost their indent: rare, and seen by what the parser reads.
    parsed = _parsed(code) if next_line > told.end_lineno else None
    function.body, function.decorator_list = function.body[1:], []
    if parsed is None or ast.dump(parsed) != ast.dump(ast.Module([function], type_ignores=[])):
        return None
    return code

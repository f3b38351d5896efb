"""What of an answer is the program: out of its fence, behind the beginning that was given, up to where it ends."""

import ast
import re
import warnings

from domain.program_tests import Program
from infrastructure.data.chats.chat import chat_of
from infrastructure.data.sources.problems import Problem

_FENCE = re.compile(r"^[ \t]*```[ \t]*(?:python3?|py)?[ \t]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)


def program_of(problem: Problem, answer: str) -> Program:
    """Make the program that the tests of a problem run behind.

    An answer in a Markdown fence counts from there. Where the question is the beginning of a program that defines the
    entry point, as in HumanEval, the answer goes on from it; else it is the whole. It counts as far as it is Python,
    line by line, without what would run beside definitions: statements that are expressions, asserts, and what stands
    below `if __name__`. No stop strings are needed: what a model writes behind its function changes nothing.
    """
    beginning = _beginning(problem)
    code = _unfenced(answer)
    kept = _kept(beginning, code)
    indented = _indented_as(beginning, code)
    if indented != code and (other := _kept(beginning, indented)).count("\n") > kept.count("\n"):
        kept = other
    if not kept and not isinstance(_parsed(beginning), ast.AST):  # the answer is a whole program all the same
        beginning = _closed(beginning)
        kept = _kept(beginning, code)
    return Program(beginning + kept, problem.tests)


def _beginning(problem: Problem) -> str:
    """Give the question where it is a program that defines the entry point, else nothing."""
    if not problem.entry_point:
        return ""
    question = _question_in(problem.source)
    tree = _parsed(question)
    if not isinstance(tree, ast.AST):  # nothing may stand below its last line yet
        tree = _parsed(_closed(question))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} if isinstance(tree, ast.AST) else ()
    if problem.entry_point not in names:
        return ""
    return question if question.endswith("\n") else f"{question}\n"


def _question_in(source: str) -> str:
    """Give what was said last where the source is a chat, and all of any other."""
    try:
        chat = chat_of(source)
    except (ValueError, RecursionError):
        return source
    return chat[-1].content if chat else source


def _unfenced(answer: str) -> str:
    """Give the first fenced block of Python, closed or not, and all of an answer without one."""
    found = _FENCE.search(answer)
    return found.group(1) if found else answer


def _indented_as(beginning: str, code: str) -> str:
    """Indent the first line to go on below the last one: some tokenizers lose the space that a text begins with."""
    margin = _margin_below(beginning)
    return margin + code.lstrip(" \t") if margin and code.strip() else code


def _closed(beginning: str) -> str:
    """Let something stand below the head of a function that has no line yet."""
    return f"{beginning.rstrip()}\n{_margin_below(beginning)}pass\n"


def _margin_below(beginning: str) -> str:
    """Give the blanks before a line that goes on below the last one."""
    last = beginning.rstrip().rpartition("\n")[2]
    return last[: len(last) - len(last.lstrip())] + ("    " if last.endswith(":") else "")


def _kept(beginning: str, code: str) -> str:
    """Keep the longest beginning of the code, by lines, that is Python behind `beginning`, and of it what defines."""
    above, lines = beginning.count("\n"), code.splitlines()
    count = len(lines)
    while count:
        tree = _parsed(beginning + "\n".join(lines[:count]) + "\n")
        if isinstance(tree, ast.Module):
            wrong = {line for node in tree.body if _only_runs(node) for line in _lines_of(node)}
            return "".join(f"{line}\n" for number, line in enumerate(lines[:count], above + 1) if number not in wrong)
        # What is wrong in a line stays wrong whatever follows it, so the code ends before.
        count = min(count - 1, tree - above - 1)
        if count < 0:
            break
    return ""


def _parsed(text: str) -> ast.Module | int:
    """Parse, or give the line of the first fault; 0 where there is no telling."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return error.lineno or 0
    except (ValueError, RecursionError, MemoryError):
        return 0


def _only_runs(node: ast.stmt) -> bool:
    if isinstance(node, ast.If):
        return any(isinstance(name, ast.Name) and name.id == "__name__" for name in ast.walk(node.test))
    return isinstance(node, ast.Expr | ast.Assert)


def _lines_of(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)

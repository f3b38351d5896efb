"""The text files below a directory: what people wrote, not what tools keep beside it."""

from pathlib import Path

from domain.exceptions import DatasetError
from infrastructure.data.files.encodings import Say, is_binary
from infrastructure.data.files.opening import mended, size_of

TEXT_SUFFIXES = (".txt", ".md", ".rst", ".py", ".c", ".h", ".cc", ".cpp", ".hpp", ".java", ".js", ".ts", ".go", ".rs")
HEAD_BYTES = 4096
TOOLS = ("__MACOSX", "__pycache__")


def text_files(path: Path, say: Say = lambda word: None) -> list[Path]:
    """List the text and code files below a directory, and tell `say` what is left out.

    That is what begins with a dot, what tools keep, and what is no text. Raises: DatasetError when nothing remains.
    """
    files: list[Path] = []
    hidden: list[str] = []
    other: list[str] = []
    for file in sorted(path.rglob("*")):
        within = file.relative_to(path)
        if file.is_dir() or not file.exists():
            continue
        if any(part.startswith(".") or part in TOOLS for part in within.parts):
            hidden.append(mended(within.as_posix()))
        elif file.suffix.lower() not in TEXT_SUFFIXES:
            other.append(mended(within.as_posix()))
        elif not file.is_file():
            size_of(file)  # refuses it: what has the name of a text and is a pipe is not left out without a word
        elif _is_text(file):
            files.append(file)
        else:
            other.append(mended(within.as_posix()))
    if not files:
        known = f"without text or code files ({', '.join(TEXT_SUFFIXES)})"
        what = "with hidden text files only" if hidden and not other else known
        raise DatasetError(
            f"{path} is a directory {what}.",
            remedy="Give a data file, or a directory with one sub-directory of files for each label.",
        )
    for left, kind in ((hidden, "hidden"), (other, "no text")):
        if left:
            count = f"{len(left):,} file is" if len(left) == 1 else f"{len(left):,} files are"
            say(f"{path.name}: {count} {kind} and left out, for example {left[0]}.")
    return files


def _is_text(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return not is_binary(opened.read(HEAD_BYTES))
    except OSError:
        return True  # whoever reads it says why it cannot be read

"""The contents of files in a repository, asked of git one by one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from infrastructure.harvest.git import Git, GitError, Output


class Blobs:
    """Gives the contents of blobs: one process tells how large each is, another one gives it."""

    def __init__(self, sizes: tuple[IO[bytes], Output], contents: tuple[IO[bytes], Output]) -> None:
        self._sizes, self._contents = sizes, contents

    def content(self, number: str, largest: int) -> bytes | None:
        """Give the bytes of a blob; None for one that is larger or is not there. Raises: GitError."""
        size = _asked(self._sizes, number)
        if size is None or size > largest:
            return None
        if _asked(self._contents, number) != size:
            raise GitError(f"object {number} cannot be read")
        content = self._contents[1].exactly(size + 1)  # and the line end behind it
        if len(content) != size + 1:
            raise GitError(f"object {number} cannot be read")
        return content[:-1]


def _asked(process: tuple[IO[bytes], Output], number: str) -> int | None:
    questions, answers = process
    try:
        questions.write(f"{number}\n".encode())
        questions.flush()
    except OSError as error:  # git has ended: an object of this repository is damaged
        raise GitError(f"object {number} cannot be read") from error
    answer = answers.line().split()
    if not answer:
        raise GitError(f"object {number} cannot be read")
    return int(answer[2]) if len(answer) == 3 and answer[1] == b"blob" else None


@contextmanager
def opened_blobs(git: Git) -> Iterator[Blobs]:
    """Give contents for as long as the block lasts."""
    with ExitStack() as stack:
        sizes = stack.enter_context(git.asking("cat-file", "--batch-check"))
        contents = stack.enter_context(git.asking("cat-file", "--batch"))
        yield Blobs(sizes, contents)

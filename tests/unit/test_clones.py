"""Copies with other names, comments and layout are near; other calls are not."""

import pytest

from infrastructure.harvest.clones import MinHashClones

CODE = """def read(path, limit):
    total = 0
    with open(path) as handle:
        for line in handle:
            total += len(line)
            if total > limit:
                raise ValueError("too long: %d" % total)
    return total
"""
RENAMED = """def count_all(name, most):
    # Count.
    n = 0
    with open(name) as f:
        for row in f:
            n += len(row)
            if n > most:
                raise ValueError('more than that: %d' % n)
    return n
"""
OTHER = """def send(address, words):
    with socket.create_connection(address) as wire:
        for word in words:
            wire.sendall(word.encode())
        return wire.recv(1024)
"""


def near(*texts: str, threshold: float = 0.8) -> list[bool]:
    return list(MinHashClones().near([[text] for text in texts], threshold))


def test_a_copy_with_other_names_is_near_and_other_code_is_not() -> None:
    assert near(CODE, OTHER, RENAMED, threshold=1.0) == [False, False, True]


@pytest.mark.parametrize(("old", "new"), [("len(line)", "int(line)"), ("open(path)", "os.open(path)")])
def test_another_call_is_no_copy_at_all_but_may_be_near(old: str, new: str) -> None:
    changed = CODE.replace(old, new)
    assert near(CODE, changed, threshold=1.0) == [False, False]
    assert near(CODE, changed, threshold=0.5) == [False, True]


def test_what_a_copy_is_near_to_must_have_been_kept() -> None:
    assert list(MinHashClones().near([[CODE, OTHER], [RENAMED], [OTHER]], 0.9)) == [False, True, True]
    # The second of a pair that was left out stands for nothing.
    assert list(MinHashClones().near([[CODE], [RENAMED, OTHER], [OTHER]], 0.9)) == [False, True, False]


def test_texts_shorter_than_a_run_are_compared_as_a_whole() -> None:
    assert near("def f(): ...\n", "def g(): ...\n", "def f(x): ...\n", threshold=1.0) == [False, True, False]

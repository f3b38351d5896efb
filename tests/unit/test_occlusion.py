"""The lines that decide a score are found, in a number of questions that grows with the logarithm of the lines."""

from collections.abc import Sequence

from infrastructure.scan.occlusion import BLOCKS, MOST_ROUNDS, deciding_lines


class Judge:
    """Gives 0.9 to a text with all of its words, and 0.2 to others; remembers how many it was asked."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.rounds: list[int] = []

    def __call__(self, texts: Sequence[str]) -> list[float]:
        self.rounds.append(len(texts))
        return [0.9 if all(word in text for word in self.words) else 0.2 for text in texts]


def code(number: int, **lines: str) -> str:
    return "\n".join(lines.get(f"at{line}", f"x{line} = {line}") for line in range(1, number + 1))


def test_a_line_among_a_thousand_is_found() -> None:
    judge = Judge("eval")
    (found,) = deciding_lines([code(1_000, at700="eval(x)")], [0.9], judge)
    assert found is not None
    assert (found.first_line, found.last_line, found.without) == (700, 700, 0.2)
    assert len(judge.rounds) == MOST_ROUNDS
    assert max(judge.rounds) <= BLOCKS


def test_pieces_go_through_a_round_together() -> None:
    judge = Judge("eval")
    first, second = deciding_lines([code(60, at2="eval(x)"), code(9, at9="eval(y)")], [0.9, 0.9], judge)
    assert first is not None
    assert second is not None
    assert (first.first_line, second.first_line) == (2, 9)
    assert judge.rounds[0] == 2 * BLOCKS


def test_two_lines_that_decide_together_are_told_by_one() -> None:
    (found,) = deciding_lines([code(40, at5="source()", at30="sink()")], [0.9], Judge("source", "sink"))
    assert found is not None
    assert found.first_line in (5, 30)


def test_where_no_line_decides_none_is_told() -> None:
    assert deciding_lines([code(40)], [0.9], lambda texts: [0.89] * len(texts)) == [None]
    assert deciding_lines(["x = 1\n"], [0.9], lambda texts: [0.1] * len(texts)) == [None]
    assert deciding_lines([], [], lambda texts: []) == []


def test_blank_lines_are_never_told() -> None:
    (found,) = deciding_lines(["a\n\n\n\nb\n\n\nc\n"], [0.9], Judge("b"))
    assert found is not None
    assert (found.first_line, found.last_line) == (5, 5)

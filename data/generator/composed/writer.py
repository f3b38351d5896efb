"""What parts write with: lines, fresh names and words, in the order of one stream of chance."""

import keyword
import random
from collections.abc import Callable, Mapping

from data.generator.composed.slots import Slots, layout
from data.generator.composed.text import Piece
from data.generator.composed.vocabulary import NOUNS, PHRASES, TAILS, VERBS
from data.generator.marked import Text


class Writer:
    """Collects a program: helpers in front, the body of the function behind them.

    What is drawn never depends on a taint, so that both twins of a plan get the same names.
    """

    def __init__(self, rng: random.Random, leaves: tuple[str, ...] = ("raise ValueError('$word')",)) -> None:
        self.rng = rng
        self.body: list[Text] = []
        self.helpers: list[list[Text]] = []
        self.leaves = leaves
        self._taken: set[str] = set()

    def write(self, template: str, pieces: Mapping[str, Piece] | None = None) -> Slots:
        """Write lines of the body, and helpers if they stand above a line `---`; give what the slots hold."""
        filled = Slots(self, pieces or {})
        above, line, body = layout(template).partition("\n---\n")
        if line:
            self.helpers.append(filled.text(above).lines())
        self.body += filled.text(body if line else above).lines()
        return filled

    def chance(self, share: float) -> bool:
        """Toss a coin that falls so with that chance."""
        return self.rng.random() < share

    def name(self) -> str:
        """Give a fresh name of a variable."""
        return self._fresh(lambda: self._noun() + self.rng.choice(TAILS))

    def function(self) -> str:
        """Give a fresh name of a function."""
        return self._fresh(lambda: f"{self.rng.choice(VERBS)}_{self.rng.choice(NOUNS)}")

    def kind(self) -> str:
        """Give a fresh name of a class."""
        return self._fresh(lambda: (self.rng.choice(NOUNS) + self.rng.choice(("", "", self.rng.choice(NOUNS)))).title())

    def key(self) -> str:
        """Give a word for a key, a field or a column."""
        return self._fresh(self._noun)

    def phrase(self) -> str:
        """Give a harmless text."""
        return self.rng.choice(PHRASES)

    def _noun(self) -> str:
        noun = self.rng.choice(NOUNS)
        return f"{noun}_{self.rng.choice(NOUNS)}" if self.chance(0.2) else noun

    def _fresh(self, draw: Callable[[], str]) -> str:
        while True:
            name = draw()
            if name not in self._taken and not keyword.iskeyword(name):
                self._taken.add(name)
                return name

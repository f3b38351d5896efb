"""A family: one situation told in many wordings.

A row of shipped data is a *variant* of a family. Families are written by hand, variants are drawn. The
default split keeps a family on one side, so a score on held-out rows is a score on unseen situations.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Template

from data.generator.marked import GUARD, HARMFUL, Text, joined

# Names that mean nothing to the label; a family may use them without declaring them.
VOCABULARY: Mapping[str, tuple[str, ...]] = {
    "value": ("value", "raw", "given", "supplied", "incoming", "text"),
    "result": ("result", "output", "answer", "found", "reply"),
    "item": ("item", "entry", "element", "part", "piece"),
    "log": ("log", "logger", "LOG", "audit", "journal"),
}

MAX_DRAWS = 500


@dataclass(frozen=True)
class CodeFamily:
    """A vulnerable function and its fixed twin, written once as a patch.

    Each line of `template` starts with a two-character gutter: two blanks for a line of both twins, `- ` for
    the vulnerable one alone, `+ ` for the fixed one alone, `? ` for an incidental line (a log call, a comment)
    that about half of the variants carry, in both twins. `$name` is a slot, `$$` a dollar sign.
    """

    name: str
    cwe: int
    surrounding: str
    template: str
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def pairs(self, count: int, seed: int) -> Iterator[tuple[Text, Text]]:
        """Yield up to `count` distinct (vulnerable, fixed) pairs; the same ones for the same seed.

        Marked are the lines of one twin alone: `harmful` in the vulnerable one, `guard` in the fixed one.

        Raises: ValueError when a line has no gutter, or when the slots allow fewer than `count` variants.
        """
        rng = random.Random(f"{seed}/{self.cwe}/{self.name}")
        seen: set[str] = set()
        for _ in range(MAX_DRAWS):
            words = _draw(self.slots, rng)
            kept = {number for number in range(self.template.count("\n") + 1) if rng.random() < 0.5}
            vulnerable = self._render("-", words, kept)
            if vulnerable.characters in seen:
                continue
            seen.add(vulnerable.characters)
            yield vulnerable, self._render("+", words, kept)
            if len(seen) == count:
                return
        raise ValueError(f"{self.name}: only {len(seen)} distinct variants, {count} wanted. Add words to its slots.")

    def _render(self, side: str, words: Mapping[str, str], kept: set[int]) -> Text:
        lines: list[Text] = []
        for number, line in enumerate(self.template.strip("\n").split("\n")):
            gutter, text = line[:2].rstrip(), line[2:]
            if gutter not in ("", "-", "+", "?"):
                raise ValueError(f"{self.name}: line {number + 1} has the gutter {line[:2]!r}, not blank, -, + or ?.")
            if gutter in ("", side) or (gutter == "?" and number in kept):
                filled = Text(Template(text).substitute(words).rstrip())
                differs = gutter == side and filled.characters
                lines.append(filled.marked(HARMFUL if side == "-" else GUARD) if differs else filled)
        while not lines[-1].characters:
            lines.pop()
        return joined(part for line in lines for part in (line, Text("\n")))


@dataclass(frozen=True)
class TextFamily:
    """One kind of message under one label: alternative wordings with slots.

    `sentences` are positions of the message in order; each is a tuple of wordings of which one is drawn (an
    empty wording leaves the position out).
    """

    name: str
    label: str
    sentences: tuple[tuple[str, ...], ...]
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def texts(self, count: int, seed: int) -> Iterator[str]:
        """Yield `count` distinct messages; the same ones for the same seed.

        Raises: ValueError when wordings and slots allow fewer.
        """
        rng = random.Random(f"{seed}/{self.label}/{self.name}")
        seen: set[str] = set()
        for _ in range(MAX_DRAWS):
            words = _draw(self.slots, rng)
            chosen = [rng.choice(wordings) for wordings in self.sentences]
            text = Template(" ".join(sentence for sentence in chosen if sentence)).substitute(words)
            if text in seen:
                continue
            seen.add(text)
            yield text
            if len(seen) == count:
                return
        raise ValueError(f"{self.name}: only {len(seen)} distinct messages, {count} wanted. Add wordings.")


def _draw(slots: Mapping[str, tuple[str, ...]], rng: random.Random) -> dict[str, str]:
    return {name: rng.choice(words) for name, words in sorted({**VOCABULARY, **slots}.items())}

"""How a model writes: the settings of generation, and where a text ends."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from domain.exceptions import ConfigurationError
from domain.rules import between, whole

HOTTEST = 100.0  # beyond it every token is as likely as the next
LONGEST_BLOCK = 64  # tokens: some statements; what repeats in larger pieces is rather meant
# A legal text repeats itself too: `0, 0, 0, 0` is four blocks of two tokens. With this many tokens at least, and the
# four repetitions that tasks allow, a row of eight such zeros and every shorter one can be written.
SHORTEST_LOOP = 16


@dataclass(frozen=True)
class GenerationSettings:
    """Settings of one generation.

    Temperature 0 takes the likeliest token each time; above it draws from the `top_k` likeliest (0 for all), and of
    those from the fewest that hold `top_p` of the probability, beginning with `seed`. `num_beams` above 1 searches
    for the likeliest text and draws nothing. A text ends before the first of the strings in `stop`. It also ends once
    its last tokens are one block more than `max_repeats` times in a row (see `find_loop`), which it then keeps once;
    0 lets it repeat itself.
    """

    max_new_tokens: int = 256
    num_beams: int = 1
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 42
    max_repeats: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigurationError with every rule that is broken."""
        faults = list(self._faults())
        if faults:
            raise ConfigurationError.of(faults)

    def changed(self, options: Mapping[str, Any]) -> Self:
        """Put options over these settings.

        Beams and a temperature exclude each other: an option for one replaces a setting for the other.
        Raises: ConfigurationError, also at a name that is no setting.
        """
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        strange = [name for name in options if name not in known]
        if strange:
            raise ConfigurationError.of(
                [f"{name} is no setting of generation. Choose from {', '.join(known)}." for name in strange]
            )
        if "temperature" in options and "num_beams" not in options:
            known["num_beams"] = 1
        if "num_beams" in options and "temperature" not in options:
            known["temperature"] = 0.0
        known |= options
        if isinstance(known["stop"], list):  # what JSON and YAML make of a tuple
            known["stop"] = tuple(known["stop"])
        return type(self)(**known)

    def _faults(self) -> Iterator[str]:
        for name in ("max_new_tokens", "num_beams"):
            yield from whole(name, getattr(self, name), at_least=1)
        for name in ("top_k", "seed", "max_repeats"):
            yield from whole(name, getattr(self, name), at_least=0)
        yield from between("temperature", self.temperature, 0.0, HOTTEST)
        yield from between("top_p", self.top_p, 0.0, 1.0, above=True)
        if not isinstance(self.stop, tuple) or not all(isinstance(end, str) and end for end in self.stop):
            yield f"stop is {self.stop!r}, but must hold strings that are not empty. Leave the empty ones out."
        if self.num_beams != 1 and self.temperature != 0:
            yield (
                f"num_beams {self.num_beams!r} contradicts temperature {self.temperature!r}. "
                "Search with temperature 0, or draw with num_beams 1."
            )


SETTINGS = tuple(field.name for field in fields(GenerationSettings))


def cut_at_stop(text: str, stop: tuple[str, ...]) -> tuple[str, bool]:
    """Give the text before its first stop string, and whether there was one.

    First is the one that is complete first, and of those the longest: the answer then depends on the text alone, and
    not on how many letters came at a time.
    """
    found = [(at + len(end), at) for end in stop if (at := text.find(end)) >= 0]
    return (text[: min(found)[1]], True) if found else (text, False)


def without_open_end(text: str, stop: tuple[str, ...]) -> str:
    """Leave off the end that could still become a stop string, so that the rest may be shown at once."""
    longest = max(map(len, stop), default=0)
    for start in range(max(0, len(text) - longest + 1), len(text)):
        if any(end.startswith(text[start:]) for end in stop):
            return text[:start]
    return text


def looping_block(ids: Sequence[int], max_repeats: int) -> int:
    """Give the length of the block whose repetition is the end of `ids`; 0 if they do not end in a loop.

    A loop is a block of at most LONGEST_BLOCK tokens, more than `max_repeats` times in direct succession, of
    SHORTEST_LOOP tokens together at least. Looks at the last tokens alone: cheap enough to be asked after each.
    """
    longest = min(LONGEST_BLOCK, len(ids) // (max_repeats + 1)) if max_repeats else 0
    for block in range(1, longest + 1):
        if ids[-1] != ids[-1 - block]:
            continue  # nearly always: keeps 64 rows under a millisecond
        length = loop_length(block, max_repeats)
        if length <= len(ids) and ids[block - length :] == ids[-length:-block]:
            return block
    return 0


def find_loop(ids: Sequence[int], max_repeats: int) -> tuple[int, int] | None:
    """Find where `ids` first ran into a loop: how many of them to keep, and how many there were when it was one.

    First, so that the answer depends on the ids alone and not on how long a model was left in its loop.
    """
    reach = loop_length(LONGEST_BLOCK, max_repeats)
    for end in range(1, len(ids) + 1 if max_repeats else 1):
        if block := looping_block(ids[max(0, end - reach) : end], max_repeats):
            return end - loop_length(block, max_repeats) + block, end
    return None


def without_open_loop(ids: Sequence[int], max_repeats: int) -> Sequence[int]:
    """Leave off the end that repeats what stands before it: should it become a loop, it would be taken back."""
    if not max_repeats:
        return ids
    longest = 0
    for block in range(1, min(LONGEST_BLOCK, len(ids) - 1) + 1):
        pairs = zip(reversed(ids), reversed(ids[:-block]), strict=False)
        longest = max(longest, next((at for at, (new, old) in enumerate(pairs) if new != old), len(ids) - block))
    return ids[: len(ids) - longest]


def loop_length(block: int, max_repeats: int) -> int:
    """Give the number of tokens that repetitions of a block must have together to be a loop."""
    return max(SHORTEST_LOOP, (max_repeats + 1) * block)

"""How a model writes: the settings of generation, and where a text ends."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from domain.exceptions import ConfigurationError
from domain.rules import between, whole

HOTTEST = 100.0  # beyond it every token is as likely as the next


@dataclass(frozen=True)
class GenerationSettings:
    """Settings of one generation.

    Temperature 0 takes the likeliest token each time; above it draws from the `top_k` likeliest (0 for all), and of
    those from the fewest that hold `top_p` of the probability, beginning with `seed`. `num_beams` above 1 searches
    for the likeliest text and draws nothing. A text ends before the first of the strings in `stop`.
    """

    max_new_tokens: int = 256
    num_beams: int = 1
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 42
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
        for name in ("top_k", "seed"):
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

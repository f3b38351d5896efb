"""Programs that are scored by running their tests: the settings, what can become of one, and pass@k."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from domain.exceptions import ConfigurationError
from domain.generation import HOTTEST
from domain.rules import between, whole

PASSED, FAILED, ERROR, TIMEOUT, MEMORY = "passed", "failed", "error", "timeout", "memory"
OUTCOMES = (PASSED, FAILED, ERROR, TIMEOUT, MEMORY)
MOST_SAMPLES = 1_000
SHORTEST_MEMORY = 64  # MiB: an interpreter alone takes half of it
TEMPERATURE_OF_SEVERAL = 0.8  # with which Chen et al. (2021) draw where k is large


@dataclass(frozen=True)
class Limits:
    """What one program may use up: seconds of a processor, and MiB of addresses."""

    time_limit: int = 5
    memory_limit: int = 512


@dataclass(frozen=True)
class Program:
    """A program, and the tests that run behind it beside what it has defined."""

    text: str
    tests: str


@dataclass(frozen=True)
class Verdict:
    """What became of a program, one of `OUTCOMES`, and why where it did not pass."""

    outcome: str
    told: str = ""


@dataclass(frozen=True)
class ProgramTesting:
    """How a model is scored by tests: `samples` programs a row, and the k of each pass@k.

    None takes the rule: `temperature` 0 for one program a row and 0.8 for several, `pass_at` 1 and `samples`.
    """

    samples: int = 1
    temperature: float | None = None
    pass_at: tuple[int, ...] | None = None
    seed: int = 42
    max_new_tokens: int | None = None
    time_limit: int = Limits.time_limit
    memory_limit: int = Limits.memory_limit

    def __post_init__(self) -> None:
        """Raise ConfigurationError with every rule that is broken."""
        faults = list(self._faults())
        if faults:
            raise ConfigurationError.of(faults)

    @property
    def limits(self) -> Limits:
        """Give what one program may use up."""
        return Limits(self.time_limit, self.memory_limit)

    @property
    def ks(self) -> tuple[int, ...]:
        """Give the k of each pass@k in rising order."""
        return tuple(sorted({*(self.pass_at or (1, self.samples))}))

    @property
    def heat(self) -> float:
        """Give the temperature."""
        if self.temperature is not None:
            return self.temperature
        return TEMPERATURE_OF_SEVERAL if self.samples > 1 else 0.0

    @property
    def options(self) -> list[str]:
        """Say the same in words of the command line."""
        said: dict[str, object] = {"samples": self.samples, "temperature": f"{self.heat:g}", "seed": self.seed}
        said |= {"pass-at": ",".join(map(str, self.ks)), "max-new-tokens": self.max_new_tokens}
        said |= {"time-limit": self.time_limit, "memory-limit": self.memory_limit}
        words = [word for name, value in said.items() if value is not None for word in (f"--{name}", str(value))]
        return ["--run-tests", *words]

    def _faults(self) -> Iterator[str]:
        samples = list(whole("samples", self.samples, at_least=1))
        yield from samples
        if not samples and self.samples > MOST_SAMPLES:
            yield f"samples is {self.samples:,}, but at most {MOST_SAMPLES:,} are written for a row. Ask for fewer."
        if self.temperature is not None:
            yield from between("temperature", self.temperature, 0.0, HOTTEST)
            if not samples and self.temperature == 0 and self.samples > 1:
                yield f"samples {self.samples} with temperature 0 would all be equal. Draw with --temperature 0.8."
        yield from whole("seed", self.seed, at_least=0)
        if self.max_new_tokens is not None:
            yield from whole("max_new_tokens", self.max_new_tokens, at_least=1)
        yield from whole("time_limit", self.time_limit, at_least=1)
        yield from whole("memory_limit", self.memory_limit, at_least=SHORTEST_MEMORY)
        for k in self.pass_at or ():
            broken = list(whole("pass_at", k, at_least=1))
            yield from broken
            if not broken and not samples and k > self.samples:
                yield f"pass_at {k} needs {k} programs a row, but samples is {self.samples}. Use --samples {k}."


def pass_at(k: int, num_programs: int, num_passed: int) -> float:
    """Estimate the chance that one of k programs passes, without bias, from n of which c passed.

    It is 1 - C(n - c, k) / C(n, k), as a product that no factorial overflows.
    Source: Chen et al., Evaluating Large Language Models Trained on Code (2021), arXiv 2107.03374, section 2.1.
    """
    assert 1 <= k <= num_programs, f"pass@{k} of {num_programs} programs"
    if num_programs - num_passed < k:
        return 1.0
    return 1.0 - prod(1.0 - k / number for number in range(num_programs - num_passed + 1, num_programs + 1))

"""How much one optimizer step sees: so many rows, or rows of about so many tokens."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.exceptions import ConfigurationError

ROWS, TOKENS = "rows", "tokens"


@dataclass(frozen=True)
class StepSize:
    """`batches` micro-batches of `at_once` rows each or, where `unit` is tokens, of rows with about so many tokens."""

    at_once: int
    batches: int = 1
    unit: str = ROWS

    @property
    def per_step(self) -> int:
        """Rows or tokens of one step."""
        return self.at_once * self.batches

    @property
    def setting(self) -> str:
        """Name the setting that says how much goes through the model at once."""
        return "batch_size" if self.unit == ROWS else "batch_tokens"

    def rows_at_once(self, longest_row: int) -> int:
        """Give how many rows, be each as long as the longest [tokens], go through the model at once."""
        return self.at_once if self.unit == ROWS else max(1, self.at_once // max(1, longest_row))

    def require_room(self, longest_row: int) -> None:
        """Want that the longest row [tokens] fits what goes through the model at once. Raises: ConfigurationError."""
        if self.unit == ROWS:
            return
        if longest_row == 1:
            raise ConfigurationError(
                f"{self.setting} is {self.at_once}, but the rows have no tokens that could be counted.",
                remedy="Say with batch_size how many rows make a batch.",
            )
        if longest_row > self.at_once:
            raise ConfigurationError(
                f"{self.setting} is {self.at_once}, but the longest row has {longest_row} tokens.",
                remedy=f"Use {self.setting}={longest_row} or more, or lower max_length.",
            )


def steps_of_epoch(amount: int, largest: int, per_step: int) -> int:
    """Give the fewest steps that see no more than `per_step` on average, of rows that come to `amount` together.

    Where even cuts could leave a step without a row, for the largest row is no smaller than they are, there are fewer.
    """
    return max(1, min(-(-amount // per_step), amount // largest))


def measured_once(batch_size: int | str | None, batch_tokens: int | None) -> Iterator[str]:
    """Want a batch to be measured in rows or in tokens."""
    if batch_size is not None and batch_tokens is not None:
        yield (
            f"batch_size is {batch_size} and batch_tokens {batch_tokens}, but a batch is measured by one of them. "
            "Drop one of the two."
        )

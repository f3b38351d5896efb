"""Settings of texts and code: where a row holds them, how they are cut into tokens, labelled and written."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, field_validator

from application.groups.setting import (
    Settings,
    names_columns,
    not_empty,
    one_or_several_names,
    setting,
    share_below_one,
    within,
)
from domain.rules import whole
from domain.showing import shown
from domain.task import Task

MAX_LENGTH_LIMIT = 131_072
DEFAULT_LENGTH = 512
DEFAULT_MARK_WEIGHT = 1.0  # docs/decisions/038
MOST_MARK_WEIGHT = 1_000.0

Name = Annotated[str | None, BeforeValidator(one_or_several_names)]
Names = Annotated[str | tuple[str, ...] | None, BeforeValidator(one_or_several_names)]


class TextSettings(Settings):
    """Where a row holds its text."""

    title: ClassVar[str] = "Text"

    text_field: Names = setting(
        None, "Field or column that holds the text; else the first known name that the rows have."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from names_columns("text_field", self.text_field)


class LabelSettings(Settings):
    """Rows that have a text and a label."""

    title: ClassVar[str] = "Labelled rows"

    label_field: Name = setting(None, "Field or column that holds the label; else found by its name.")
    group_field: str | None = setting(
        None, "Rows with an equal value here stay on one side of the split; else `family` where it exists."
    )
    findings: Literal["none", "bandit"] = setting(
        "none",
        "Let the model read what this scanner finds in each row, in front of the code and at its lines. Rows that "
        "carry findings are not scanned.",
    )
    word_dropout: float | None = setting(
        None, "Share of the tokens that each training step hides from a row.", unit="share"
    )
    linear_start: bool | None = setting(
        None,
        "Where labels have few rows, let a preset begin as a logistic regression on its tokens, or on short runs of "
        "them, whose scores then stay.",
    )
    mark_weight: float = setting(
        DEFAULT_MARK_WEIGHT,
        "How much finding the tokens of `marks` counts beside the label, where rows have marks; 0 leaves them aside.",
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from names_columns("label_field", self.label_field)
        if not 0.0 <= self.mark_weight <= MOST_MARK_WEIGHT:
            yield (
                f"mark_weight is {self.mark_weight:g}, but must lie between 0 and {MOST_MARK_WEIGHT:g}. Use 1 to let "
                "marks count as much as labels, or 0 to leave them aside."
            )
        yield from share_below_one("word_dropout", self.word_dropout)


class SettledLabels(LabelSettings):
    """Labelled rows with everything decided."""

    word_dropout: float = 0.0
    linear_start: bool = False


class CaseSettings(Settings):
    """Letters as an encoder reads them."""

    title: ClassVar[str] = "Case"

    lowercase: bool | None = setting(
        None, "Let the tokenizer that a preset learns make no difference between upper and lower case."
    )


class SettledCase(CaseSettings):
    """Letters with everything decided."""

    lowercase: bool = False


class ClassSettings(Settings):
    """Classes that a model tells apart."""

    title: ClassVar[str] = "Classes"

    num_labels: int | None = setting(None, "Refuse data with another number of labels.")
    class_weights: Literal["balanced", "none"] | dict[str, float] | None = setting(
        None, "balanced lets rare labels count more; or a weight for each label."
    )

    @field_validator("class_weights", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        """Take the labels that YAML reads as numbers and truth values for their names."""
        if isinstance(value, Mapping):
            return {str(label) if isinstance(label, int | float) else label: weight for label, weight in value.items()}
        return value

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        if self.num_labels is not None and self.num_labels < 2:
            yield f"num_labels is {self.num_labels}, but a classifier needs at least 2. Drop num_labels to count them."
        if self.num_labels is not None and task.labels and self.num_labels != len(task.labels):
            yield (
                f"num_labels is {self.num_labels}, but task {task.name} has {len(task.labels)} labels"
                f" ({', '.join(task.labels)}). Drop num_labels or use --task text_classification."
            )
        if isinstance(self.class_weights, dict):
            for label, weight in self.class_weights.items():
                if not 0.0 < weight <= 1e6:
                    yield f"class_weights has {weight} for {shown(label)}, but must lie between 0 and 1e6. Change it."


class TargetSettings(Settings):
    """What is aimed at, where it is one of several labels or tokens."""

    title: ClassVar[str] = "Targets"

    label_smoothing: float = setting(0.0, "Share of each target that is spread over all classes.", unit="share")

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from share_below_one("label_smoothing", self.label_smoothing)


class TokenSettings(Settings):
    """How texts become tokens, and how these become batches."""

    title: ClassVar[str] = "Tokens"

    vocab_size: int | None = setting(
        None,
        "At most so many in the tokenizer that a preset learns; else what suits the amount of text.",
        unit="tokens",
    )
    max_length: int = setting(
        DEFAULT_LENGTH,
        "Longer rows are cut, and the run says how many; of running text, the length of a block. Unsaid it is no more "
        "than a pretrained model has positions.",
        unit="tokens",
    )
    batch_tokens: int | None = setting(
        None,
        "In place of batch_size: rows of about so many tokens go through the model at once, however many rows they "
        "are. At least as many as the longest row has.",
        unit="tokens",
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from within("max_length", self.max_length, 4, MAX_LENGTH_LIMIT)
        yield from within("vocab_size", self.vocab_size, 300, 1_000_000)


class DocumentSettings(Settings):
    """Running text."""

    title: ClassVar[str] = "Running text"

    tokenizer: Literal["bpe", "char"] | None = setting(
        None, "What the tokenizer that a preset learns cuts text into: pieces of words or characters."
    )


class PairSettings(Settings):
    """Rows that have a text and what is to be written for it."""

    title: ClassVar[str] = "Pairs"

    source_field: Names = setting(None, "Field of a pair that is read; else the first known name that the rows have.")
    target_field: Names = setting(
        None, "Field of a pair that is to be written; else the first known name that the rows have."
    )
    sample_rows: int = setting(0, "Rows that each evaluation writes out; 0 for none.", unit="rows")

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from names_columns("source_field", self.source_field)
        yield from names_columns("target_field", self.target_field)
        yield from whole("sample_rows", self.sample_rows, at_least=0)


class PackingSettings(Settings):
    """Rows that are shorter than others."""

    title: ClassVar[str] = "Shared rows"

    packing: bool = setting(False, "Let short rows share a row of the batch: less padding, the same result.")


class MaskingSettings(Settings):
    """Tokens that are hidden, to be told from what stands around them."""

    title: ClassVar[str] = "Masking"

    mask_share: float = setting(
        0.3, "Share of the tokens of a text that is hidden, anew in each step, at least one.", unit="share"
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        if not 0.0 < self.mask_share < 1.0:
            yield f"mask_share is {self.mask_share}, but must be above 0 and below 1. Use 0.3 for three tokens of ten."


class ChatSettings(Settings):
    """Chats, of turns that a system, a user and an assistant say."""

    title: ClassVar[str] = "Chats"

    messages_field: Name = setting(
        None, "Field that holds the turns of a chat; else found by its name, or put together from other fields."
    )
    chat_template: str | None = setting(
        None, "How a chat is written: chatml, plain, or the path of a .jinja file; else as the model's tokenizer says."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from names_columns("messages_field", self.messages_field)
        yield from not_empty("chat_template", self.chat_template)


class WritingSettings(Settings):
    """How texts are written; it travels with the model."""

    title: ClassVar[str] = "Writing"

    max_new_tokens: int = setting(128, "The longest text that is written.", unit="tokens")
    num_beams: int = setting(1, "Above 1, search among so many texts for a likelier one.")
    max_repeats: int = setting(0, "End a text that repeats its last tokens more often; 0 never does.")

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from whole("max_repeats", self.max_repeats, at_least=0)
        for name in ("max_new_tokens", "num_beams"):
            yield from whole(name, getattr(self, name), at_least=1)

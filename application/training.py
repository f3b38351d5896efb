"""A training with everything decided: a type for each kind, made of the groups of settings that it understands."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from application.groups.data import RowSettings, RunSettings, SettledData, SettledRows
from application.groups.known import GROUPS
from application.groups.loop import MachineSettings, ModelSettings, SettledKeeping, SettledLoop
from application.groups.panel import ManySeriesSettings, PanelSettings
from application.groups.table import (
    DirectionSettings,
    QuantileSettings,
    SettledTable,
    TableSettings,
    WindowSettings,
)
from application.groups.text import (
    CaseSettings,
    ChatSettings,
    ClassSettings,
    DocumentSettings,
    LabelSettings,
    MaskingSettings,
    PackingSettings,
    PairSettings,
    SettledCase,
    SettledLabels,
    TargetSettings,
    TextSettings,
    TokenSettings,
    WritingSettings,
)
from application.groups.tracking import TrackingSettings
from application.groups.tuning import OF_ADAPTERS, TuningSettings
from application.groups.values import ValueSettings
from domain.config import WITHOUT_EFFECT, TrainingConfig
from domain.exceptions import ConfigurationError
from domain.showing import shown
from domain.task import FLOW, Task, architecture_of
from domain.words import Words

# Settings whose names differ from those of the loop.
_RENAMED = {"epochs": "num_epochs"}
# Settings that change no result, with the reason: a run may be resumed with others. Everything else decides it.
CANNOT_MATTER: Mapping[str, str] = {
    **WITHOUT_EFFECT,
    "dataset_path": "the rows are known by their content",
    "eval_dataset": "the rows are known by their content",
    "output_dir": "where a run lives changes nothing of it",
    "keep_checkpoints": "it is heeded when the result is there",
    "trackers": "who is told what happens changes nothing of it",
    "max_row_mib": "it refuses rows and changes none",
    "max_unpacked_mib": "it refuses files and changes none",
    "merge_adapter": "it says in which form the finished model is kept",
}
# Settings that came after the first runs were kept, with the value that means what a run did before there was one: a
# state that does not record them is taken up by it.
BEFORE_THERE_WAS_ONE: Mapping[str, Any] = {
    "freeze": "none",
    "linear_start": False,
    **dict.fromkeys((*ManySeriesSettings.model_fields, *PanelSettings.model_fields)),
    "batch_tokens": None,
    "session_gaps": "count",
    # Rows without marks are learnt from as before, and those with marks are other data.
    "mark_weight": LabelSettings.model_fields["mark_weight"].default,
    "findings": "none",
    "layer_decay": 1.0,
    **{name: field.default for name, field in TuningSettings.model_fields.items() if name in OF_ADAPTERS},
    "adapter": "none",
    "floor": "none",
    "ceiling": "none",
    "integers": False,
    "value_scale": "plain",
}

# Values that had another name once.
CALLED_OTHERWISE: Mapping[str, Mapping[Any, str]] = {"calibration": {True: "guarded", False: "none"}}

# Of settings of labels for texts: what means something where rows may have nothing to find.
OF_WEAKNESSES = ("findings",)
# Of settings of labels for texts: what a reader of code that follows values has no part for.
FOREIGN_TO_FLOW = ("lowercase", "freeze", "adapter", "layer_decay", "gradient_checkpointing")


class Training(MachineSettings, TrackingSettings, SettledKeeping, SettledLoop, ModelSettings, SettledData, RunSettings):
    """What every kind understands, decided.

    `instead` says what to do in place of settings that a kind does not understand, where there is such a thing; `words`
    are those of the kind for people.
    """

    instead: ClassVar[Mapping[str, str]] = {}
    words: ClassVar[Words] = Words()

    @property
    def eval_path(self) -> str | None:
        """The rows to score on, where they are a file of their own."""
        return self.eval_dataset if isinstance(self, RowSettings) else None

    def changed(self, **values: Any) -> Self:
        """Copy with some values replaced, checked again."""
        return type(self)(**{**self.model_dump(), **values})

    def training_config(self) -> TrainingConfig:
        """Give the loop its settings. Raises: ConfigurationError naming every rule that is broken."""
        names = TrainingConfig.__dataclass_fields__
        renamed = {_RENAMED.get(name, name): value for name, value in self.model_dump().items()}
        return TrainingConfig(**{name: value for name, value in renamed.items() if name in names})

    def decisive(self) -> dict[str, Any]:
        """Give the settings that the result follows from, as plain values."""
        return self.model_dump(mode="json", exclude=set(CANNOT_MATTER))

    def broken_rules(self, task: Task) -> Iterator[str]:
        """Say which rules the values break, those of every group and of the loop."""
        try:
            self.training_config()
        except ConfigurationError as error:
            yield from error.messages
        for group in GROUPS:
            if isinstance(self, group):
                yield from group.faults(self, task)


_NO_TABLE = {
    "split": "Say with validation_split which share is scored.",
    "context_length": "Say with max_length how many tokens are read.",
}
_BY_TEXT_AND_LABEL = "Name the columns with text_field and label_field."
_BY_TEXT = "Name the column with text_field."
_BY_SOURCE_AND_TARGET = "Name the columns with source_field and target_field."
_BY_COLUMNS = "A table is read: name its columns with columns."


class TextTraining(TuningSettings, TokenSettings, SettledRows, Training):
    """Of texts, which become tokens."""

    def broken_rules(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from super().broken_rules(task)
        if self.precision == "fp8" and self.adapter != "none":
            yield f"precision is fp8, but with adapter {self.adapter} no whole matrix is trained. Use precision bf16."


class LabelTraining(TargetSettings, ClassSettings, SettledCase, SettledLabels, TextSettings, TextTraining):
    """Of labels for texts."""

    instead: ClassVar[Mapping[str, str]] = {
        **_NO_TABLE,
        **dict.fromkeys(("source_field", "target_field", "columns", "target_columns"), _BY_TEXT_AND_LABEL),
    }

    vocab_size: int

    def broken_rules(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from super().broken_rules(task)
        if self.model_name in task.presets and architecture_of(self.model_name or "") == FLOW:
            yield from self.foreign_to_flow()

    def foreign_to_flow(self) -> Iterator[str]:
        """Say which settings mean nothing to a reader that follows values, whichever name it has."""
        for name in FOREIGN_TO_FLOW:
            if getattr(self, name) != type(self).model_fields[name].default:
                told = shown(getattr(self, name))
                yield (
                    f"{name} is {told}, but means nothing to a model that follows values. Leave {name} out, or give "
                    "another model, such as encoder-mini."
                )


class WriterTraining(WritingSettings, TargetSettings, TextTraining):
    """Of texts that are to be written."""


class ProseTraining(TextSettings, TextTraining):
    """Of running text, or of rows of which the text alone is read."""


class MaskedTraining(MaskingSettings, SettledCase, PackingSettings, ProseTraining):
    """Of hidden tokens of texts."""

    words: ClassVar[Words] = Words(read="documents", fed="passages", next_command="predict {} --input PATH")

    instead: ClassVar[Mapping[str, str]] = {
        **_NO_TABLE,
        **dict.fromkeys(
            ("label_field", "group_field", "source_field", "target_field", "columns", "target_columns"), _BY_TEXT
        ),
        "tokenizer": "Leave it out: a preset learns pieces of words.",
        "word_dropout": "Say with mask_share how many tokens are hidden.",
    }

    vocab_size: int


class DocumentTraining(DocumentSettings, ProseTraining, WriterTraining):
    """Of running text."""

    words: ClassVar[Words] = Words(read="documents", fed="blocks", next_command="evaluate {} --dataset PATH")

    instead: ClassVar[Mapping[str, str]] = {
        **_NO_TABLE,
        **dict.fromkeys(
            ("label_field", "group_field", "source_field", "target_field", "columns", "target_columns"), _BY_TEXT
        ),
        "packing": "Leave it out: documents share blocks in any case.",
    }


class PairTraining(PairSettings, PackingSettings, WriterTraining):
    """Of texts for texts."""

    instead: ClassVar[Mapping[str, str]] = {
        **_NO_TABLE,
        **dict.fromkeys(
            ("text_field", "label_field", "group_field", "columns", "target_columns"), _BY_SOURCE_AND_TARGET
        ),
    }


class ChatTraining(ChatSettings, PairTraining):
    """Of texts for texts, or of answers in chats."""


class InstructionTraining(ChatTraining):
    """Of answers in chats."""

    words: ClassVar[Words] = Words(read="chats", fed="chats")


class SeriesTraining(WindowSettings, SettledTable, Training):
    """Of what follows in a table."""

    words: ClassVar[Words] = Words(
        read="windows", fed="windows", has_tokens=False, next_command="predict {} --input PATH"
    )

    instead: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("text_field", "label_field", "group_field", "source_field", "target_field"), _BY_COLUMNS),
        "eval_dataset": "Leave it out: split cuts the parts from the table; score another one with "
        "`evaluate RUN --dataset PATH`.",
        "max_length": "Say with context_length how many rows are read.",
        "batch_tokens": "Leave it out: batch_size counts windows, which have no tokens.",
    }


class QuantileTraining(ValueSettings, QuantileSettings, PanelSettings, ManySeriesSettings, SeriesTraining):
    """Of values as quantiles."""

    words: ClassVar[Words] = replace(SeriesTraining.words, loss="pinball loss", scores_fill_a_screen=True)

    instead: ClassVar[Mapping[str, str]] = {
        **SeriesTraining.instead,
        "price_column": "Name what to forecast with target_columns.",
        "label_field": "Name what to forecast with target_columns.",
        **dict.fromkeys(
            ("class_weights", "num_labels", "label_smoothing", "dead_band"), "Leave it out: there are no classes."
        ),
    }


class DirectionTraining(DirectionSettings, TargetSettings, ClassSettings, ManySeriesSettings, SeriesTraining):
    """Of the direction of a price."""

    instead: ClassVar[Mapping[str, str]] = {
        **SeriesTraining.instead,
        "target_columns": "Name the column of the price with price_column.",
        "label_field": "Name the column of the price with price_column.",
        **dict.fromkeys(
            ("static_columns", "known_columns"), "Leave it out: a direction is told from the prices of an instrument."
        ),
        **dict.fromkeys(
            ("quantiles", "calibration", "sharpness_weight", "crossing_weight", *ValueSettings.model_fields),
            "Leave it out: classes are forecast and no quantiles.",
        ),
    }

    volatility_window: int


class AnyTraining(
    WritingSettings,
    TargetSettings,
    ClassSettings,
    DirectionSettings,
    ValueSettings,
    QuantileSettings,
    PanelSettings,
    ManySeriesSettings,
    WindowSettings,
    TableSettings,
    TuningSettings,
    TokenSettings,
    PackingSettings,
    CaseSettings,
    MaskingSettings,
    DocumentSettings,
    ChatSettings,
    PairSettings,
    LabelSettings,
    TextSettings,
    RowSettings,
    Training,
):
    """Of a kind that does not say which settings it understands: it is taken to heed them all."""


TRAININGS: dict[str, type[Training]] = {
    "sequence_classification": LabelTraining,
    "language_modeling": DocumentTraining,
    "masked_language_modeling": MaskedTraining,
    "code_generation": ChatTraining,
    "instruction_tuning": InstructionTraining,
    "sequence_to_sequence": PairTraining,
    "quantile_forecasting": QuantileTraining,
    "market_direction": DirectionTraining,
}


def training_of(task: Task) -> type[Training]:
    """Give the type of a task's trainings, and with it the settings that mean something to it."""
    return TRAININGS.get(task.kind, AnyTraining)


def understands(task: Task, name: str) -> bool:
    """Tell whether a setting means something to a task."""
    training = training_of(task)
    has_weaknesses = task.negative_label is not None or training is AnyTraining
    return name in training.model_fields and (has_weaknesses or name not in OF_WEAKNESSES)

"""The tasks: what their rows hold, what they are scored by, what they do when nothing is said."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from domain.exceptions import ConfigurationError
from domain.showing import shown
from domain.task_settings import (
    ADAPTING,
    ADAPTING_WRITERS,
    FINE_TUNING,
    FINE_TUNING_OF_WRITERS,
    FINE_TUNING_SMALL,
    FORECASTING,
    READING_FLOW,
    TRAINING_A_HEAD,
    TUNING_FLOW,
    WRITING,
)

# A flow encoder reads source code by names, lines and bindings: infrastructure/models/flow.
ENCODER, FLOW = "encoder", "encoder-flow"
ARCHITECTURES = (ENCODER, FLOW, "decoder", "seq2seq", "forecaster")
SIZES = ("tiny", "mini", "base")
PRESET = re.compile(rf"({'|'.join(ARCHITECTURES)})-({'|'.join(SIZES)})")
# Stands for the sources of the running interpreter's standard library: data that is there without a network.
STANDARD_LIBRARY = "stdlib"
SEVERITIES = ("safe", "low", "medium", "high", "critical")


@dataclass(frozen=True)
class Task:
    """One thing that can be trained.

    `kind` is what trains it (infrastructure/tasks/registry.py), and decides which settings mean something to it
    (application/training.py). Beside `default_dataset`, where nothing else was said of data and split, rows of
    `default_eval_dataset` are scored; a quick run takes the few rows of `quick_dataset` for both. `text_fields` are the
    names that its text, or its source, may have in a row, `target_fields` those of what is to be written. `settings`
    are the task's own defaults for those that are left unsaid; `settings_of_pretrained` take their place where a model
    does not begin from scratch: what it has learnt is to be kept. Beside a pretrained model `settings_of_adapter` suit
    an adapter, `settings_of_head` a head that alone is trained, and `settings_of_small` a model that is no wider than
    `SMALL_WIDTH` and trained in full. `settings_of_shipped` go with the data of the task alone: how much of many rows a
    first training sees. A task that has `settings_of_flow` may begin from encoders and from readers that follow values:
    they are what suits such a preset, and `settings_of_tuned_flow` a finished one.
    """

    name: str
    kind: str
    summary: str
    text_fields: tuple[str, ...]
    metric_name: str
    default_dataset: str
    default_eval_dataset: str | None = None
    quick_dataset: str | None = None
    target_fields: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    negative_label: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    settings_of_pretrained: Mapping[str, Any] = field(default_factory=dict)
    settings_of_adapter: Mapping[str, Any] = field(default_factory=dict)
    settings_of_head: Mapping[str, Any] = field(default_factory=dict)
    settings_of_small: Mapping[str, Any] = field(default_factory=dict)
    settings_of_shipped: Mapping[str, Any] = field(default_factory=dict)
    settings_of_flow: Mapping[str, Any] = field(default_factory=dict)
    settings_of_tuned_flow: Mapping[str, Any] = field(default_factory=dict)

    @property
    def presets(self) -> tuple[str, ...]:
        """Name the presets it can begin from: those of the architecture of its default model come first."""
        default = architecture_of(str(self.settings.get("model_name", "")))
        known = dict.fromkeys((default, *((ENCODER, FLOW) if self.settings_of_flow else ())))
        return tuple(f"{architecture}-{size}" for architecture in known if architecture for size in SIZES)

    def settings_for(
        self, model_name: str | None, adapter: str = "none", freeze: str | int = "none"
    ) -> Mapping[str, Any]:
        """Give the defaults that suit a preset, that of the task if none is named, or what is trained of a model."""
        name = str(model_name or self.settings.get("model_name", ""))
        if architecture_of(name) == FLOW:
            return {**self.settings, **self.settings_of_flow}
        if model_name is None or is_preset(name):
            return self.settings
        tuned = {**self.settings, **self.settings_of_pretrained}
        if adapter != "none":
            return {**tuned, **self.settings_of_adapter}
        return {**tuned, **self.settings_of_head} if freeze == "all_but_head" else tuned


# Figures behind the settings: benchmarks/ag_news.py and benchmarks/security.py.
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="text_classification",
            kind="sequence_classification",
            summary="any text or code, any labels",
            text_fields=("text", "code", "content", "sentence"),
            metric_name="macro_f1",
            default_dataset="data/classification.json",
            settings={
                "model_name": "encoder-mini",
                "epochs": 6,
                "batch_size": 32,
                "learning_rate": 1e-3,
                "vocab_size": 30_000,
                "lowercase": True,
                "word_dropout": 0.6,
                "linear_start": True,
                "average_decay": 0.999,
                "validation_split": 0.1,
            },
            settings_of_pretrained=FINE_TUNING,
            settings_of_adapter=ADAPTING,
            settings_of_head=TRAINING_A_HEAD,
            settings_of_small=FINE_TUNING_SMALL,
        ),
        Task(
            name="security_classification",
            kind="sequence_classification",
            summary="source code, labelled safe or with the severity of its weakness",
            text_fields=("code", "text"),
            metric_name="macro_f1",
            default_dataset="data/security.parquet",
            default_eval_dataset="data/security_validation.parquet",
            quick_dataset="data/security_validation.parquet",
            labels=SEVERITIES,
            negative_label="safe",
            settings={
                "model_name": "encoder-flow-mini",
                "epochs": 10,
                "batch_size": 16,
                "learning_rate": 1e-3,
                "vocab_size": 8_000,
                "lowercase": False,
                "word_dropout": 0.3,
                "linear_start": False,  # single tokens say little there: benchmarks/security.py
                "class_weights": "balanced",  # half of the rows are safe, and macro F1 counts every class alike
                "average_decay": 0.999,
                "validation_split": 0.2,
            },
            settings_of_pretrained=FINE_TUNING,
            settings_of_adapter=ADAPTING,
            settings_of_head=TRAINING_A_HEAD,
            settings_of_small=FINE_TUNING_SMALL,
            # 40,000 rows: two fifths of them fit the minutes of a first try.
            settings_of_shipped={"max_steps": 1_000, "eval_steps": 500},
            settings_of_flow=READING_FLOW,
            settings_of_tuned_flow=TUNING_FLOW,
        ),
        Task(
            name="language_modeling",
            kind="language_modeling",
            summary="running text or source code, to be continued",
            text_fields=("text", "content", "code"),
            metric_name="loss",
            default_dataset=STANDARD_LIBRARY,
            settings={"model_name": "decoder-tiny", "tokenizer": "bpe", "max_length": 256, **WRITING, "epochs": 1},
            settings_of_pretrained=FINE_TUNING_OF_WRITERS,
            settings_of_adapter=ADAPTING_WRITERS,
        ),
        Task(
            name="masked_language_modeling",
            kind="masked_language_modeling",
            summary="texts or source code, with hidden words to be filled in: what an encoder learns before labels",
            text_fields=("text", "content", "code", "sentence"),
            metric_name="loss",
            default_dataset=STANDARD_LIBRARY,
            settings={
                "model_name": "encoder-mini",
                "max_length": 128,
                "vocab_size": 8_000,
                "lowercase": False,
                "packing": True,
                # With AdamW a preset stays for thousands of steps at what the frequencies of tokens tell.
                "optimizer": "muon",
                "learning_rate": 3e-3,
                # A few minutes, of many texts or of few: these are read again and again, with other gaps each time.
                "max_steps": 1_500,
                "epochs": 100,
                "eval_steps": 250,
                "batch_size": 32,
                "average_decay": 0.99,
                "validation_split": 0.1,
            },
            settings_of_pretrained={
                "optimizer": "adamw",
                "learning_rate": 5e-5,
                "max_steps": None,
                "epochs": 3,
                "eval_steps": None,
                "batch_size": 16,
                "average_decay": 0.0,
            },
            settings_of_adapter=ADAPTING,
        ),
        Task(
            name="code_generation",
            kind="code_generation",
            summary="code for a description",
            text_fields=("description", "prompt", "docstring"),
            target_fields=("code", "completion", "body"),
            metric_name="loss",
            default_dataset=STANDARD_LIBRARY,
            settings={
                "model_name": "decoder-tiny",
                **WRITING,
                "sample_rows": 32,
                "max_new_tokens": 192,
                "max_repeats": 4,
            },
            settings_of_pretrained=FINE_TUNING_OF_WRITERS,
            settings_of_adapter=ADAPTING_WRITERS,
        ),
        Task(
            name="instruction_tuning",
            kind="instruction_tuning",
            summary="answers to instructions, in chats of one or several turns",
            text_fields=("instruction", "prompt"),
            target_fields=("output", "response", "completion"),
            metric_name="loss",
            default_dataset="data/instructions.json",
            settings={
                "model_name": "decoder-tiny",
                **WRITING,
                "epochs": 8,
                "sample_rows": 32,
                "max_new_tokens": 192,
                "max_repeats": 4,
                "packing": True,
            },
            settings_of_pretrained={**FINE_TUNING_OF_WRITERS, "packing": False},
        ),
        Task(
            name="sequence_to_sequence",
            kind="sequence_to_sequence",
            summary="a text for a text: translation, summaries",
            text_fields=("source", "input"),
            target_fields=("target", "output"),
            metric_name="loss",
            default_dataset=STANDARD_LIBRARY,
            settings={
                "model_name": "seq2seq-tiny",
                **WRITING,
                "sample_rows": 100,
                "max_new_tokens": 128,
                "max_repeats": 4,
            },
            settings_of_pretrained=FINE_TUNING_OF_WRITERS,
            settings_of_adapter=ADAPTING_WRITERS,
        ),
        Task(
            name="quantile_forecasting",
            kind="quantile_forecasting",
            summary="what comes next in a table of numbers, as quantiles",
            text_fields=(),
            metric_name="loss",
            default_dataset="data/market_simulated.csv",
            settings={**FORECASTING, "calibration": "guarded"},
        ),
        Task(
            name="market_direction",
            kind="market_direction",
            summary="down, flat or up: where a price will be",
            text_fields=(),
            metric_name="macro_f1",
            default_dataset="data/market_simulated.csv",
            labels=("down", "flat", "up"),
            settings={
                **FORECASTING,
                "horizons": (6,),
                "volatility_window": 20,
                "context_length": 64,
                "patch_length": 8,
            },
        ),
    )
}


def is_preset(model_name: str) -> bool:
    """Say whether a name means an architecture to be trained from scratch."""
    return PRESET.fullmatch(model_name) is not None


def architecture_of(model_name: str) -> str:
    """Give the architecture of a preset, nothing of any other name."""
    found = PRESET.fullmatch(model_name)
    return found[1] if found else ""


def looks_like_preset(model_name: str) -> bool:
    """Say whether a name can only be meant as a preset, though there may be none of that size."""
    return re.fullmatch(rf"({'|'.join(ARCHITECTURES)})-[a-z]+", model_name) is not None


def task_named(name: str) -> Task:
    """Find a task. Raises: ConfigurationError naming the nearest one."""
    if name in TASKS:
        return TASKS[name]
    nearest = get_close_matches(name[:80], TASKS, n=1)  # comparing long names takes minutes
    hint = f"Did you mean {nearest[0]}?" if nearest else f"Choose one of {', '.join(TASKS)}."
    raise ConfigurationError(f"task {shown(name)} is not known.", remedy=hint)

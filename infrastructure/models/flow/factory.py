"""Builds the reader of code that a request names: from a preset, or from the directory of a finished one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from application.phases import phase
from domain.exceptions import ModelError
from domain.task import FLOW, architecture_of
from infrastructure.code_reading.vocabulary import VOCABULARY, Vocabulary
from infrastructure.model_files.model_directory import CONFIG, RESTORE, settings_of
from infrastructure.models.factory import whole
from infrastructure.models.flow.model import FlowClassifier, FlowConfig
from infrastructure.models.presets import FLOW_READERS
from infrastructure.models.pretrained import open_model

HARMFUL = "harmful"
# Rows of a kind that have not been seen with a label count as this share of a row with each.
UNSEEN = 0.5


@dataclass(frozen=True)
class FlowReader:
    """A model and the words that it reads with."""

    model: FlowClassifier
    vocabulary: Vocabulary


@dataclass(frozen=True)
class Learnable:
    """What rows say beside their text: names of marks, and of weak rows kinds [N] (0 unknown) and labels [N]."""

    label_names: Sequence[str]
    negative_label: int
    mark_names: Sequence[str]
    kinds: np.ndarray
    labels: np.ndarray

    def few(self, rows: np.ndarray) -> "Learnable":
        """Give what some of the rows say."""
        return replace(self, kinds=self.kinds[rows], labels=self.labels[rows])


def is_flow(name: str | Path | None) -> bool:
    """Tell whether a name means a reader that follows values: a preset, or the directory of a finished one."""
    if name is None or architecture_of(str(name)):
        return architecture_of(str(name)) == FLOW
    path = Path(name) / CONFIG
    try:
        return path.is_file() and settings_of(path).get("model_type") == FlowConfig.model_type
    except (ModelError, OSError, ValueError):  # whoever opens it will say more
        return False


def new_reader(name: str, vocabulary: Vocabulary, learnable: Learnable, seed: int) -> FlowReader:
    """Build a preset for the words of some rows; the same seed and rows give the same weights."""
    with phase(f"building the model {name}"):
        weak = learnable.labels != learnable.negative_label
        kinds = np.unique(learnable.kinds[weak])
        has_kinds = bool(kinds.any())
        torch.manual_seed(seed)
        config = FlowConfig(
            **vars(FLOW_READERS[name]),
            vocab_size=len(vocabulary),
            negative_label=learnable.negative_label,
            marks=[HARMFUL, *sorted({*learnable.mark_names} - {HARMFUL})],
            kinds=kinds.tolist() if has_kinds else [],
            id2label=dict(enumerate(learnable.label_names)),
            label2id={label: number for number, label in enumerate(learnable.label_names)},
        )
        model = FlowClassifier(config)
        _tell_shares(model, learnable)
    return FlowReader(model, vocabulary)


def open_reader(directory: Path, label_names: Sequence[str]) -> FlowReader:
    """Open the directory of a finished reader for some labels. Raises: ModelError."""
    model, loading = open_model(directory, FlowClassifier)
    vocabulary = Vocabulary.read(directory)
    reader = FlowReader(cast("FlowClassifier", whole(directory, model, loading)), vocabulary)
    if len(vocabulary) != reader.model.config.vocab_size:
        raise ModelError(
            f"{directory / VOCABULARY} has words for {len(vocabulary)} ids, but the model knows"
            f" {reader.model.config.vocab_size}.",
            remedy=RESTORE,
        )
    names: Any = reader.model.config.id2label or {}
    known = [names.get(number) for number in range(len(names))]
    if known != list(label_names):
        raise ModelError(
            f"the model in {directory} tells the labels {', '.join(map(str, known))} apart, but wanted are"
            f" {', '.join(label_names)}.",
            remedy="Give rows with the labels of the model, or begin from a preset.",
        )
    return reader


@torch.no_grad()
def _tell_shares(model: FlowClassifier, learnable: Learnable) -> None:
    """Let a model begin with how common kinds are, and know how often each has each label but the negative one."""
    others = [number for number in range(len(learnable.label_names)) if number != learnable.negative_label]
    counts = np.array([(learnable.labels == label).sum() for label in others])
    overall = (counts + 1.0) / (counts.sum() + len(others))
    if not model.config.kinds:
        model.kinds.bias.copy_(torch.from_numpy(overall).log())
        return
    of_kinds = [learnable.labels[learnable.kinds == kind] for kind in model.config.kinds]
    shares = np.array([[(labels == label).sum() for label in others] for labels in of_kinds]) + UNSEEN * overall
    model.kinds.bias.copy_(torch.from_numpy(shares.sum(1) / shares.sum()).log())
    model.severities.copy_(torch.from_numpy(shares / shares.sum(1, keepdims=True)))

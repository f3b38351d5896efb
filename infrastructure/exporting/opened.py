"""A finished model opened for an export, in fp32 and with everything merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.exceptions import ModelError
from domain.run_layout import RunLayout
from infrastructure.code_reading.vocabulary import VOCABULARY
from infrastructure.model_files.card import ModelCard, read_card, require_files, typed_card
from infrastructure.model_files.exports import EXPORT
from infrastructure.models.adapters.layers import has_adapters
from infrastructure.models.adapters.merging import merge, saved_bytes
from infrastructure.models.bundle import ModelBundle
from infrastructure.tasks.flow.finished import FinishedFlow
from infrastructure.tasks.kind import FinishedTask
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.writing.finished_writer import FinishedWriter

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Opened:
    """A model with its task and card, the directory it stands in, and its run, where it has one.

    `num_bytes` are those of its weights as they are saved, in fp32.
    """

    model: Any
    task: FinishedTask
    card: ModelCard
    facts: Mapping[str, Any]
    directory: Path
    run: Path | None
    num_bytes: int

    @property
    def tokenizer(self) -> "PreTrainedTokenizerBase | None":
        """Give its tokenizer; a model of tables has none."""
        return getattr(self.task, "tokenizer", None)

    @property
    def bundle(self) -> ModelBundle:
        """Give what a directory of its own would hold."""
        beside = {VOCABULARY: self.task.reader.vocabulary.text()} if isinstance(self.task, FinishedFlow) else {}
        return ModelBundle(self.model, self.tokenizer, dict(self.facts), beside=beside)

    @property
    def can_write(self) -> bool:
        """Tell whether it writes texts."""
        return isinstance(self.task, FinishedWriter)

    @property
    def digests(self) -> tuple[Any, Any]:
        """Give the SHA-256 of the data that it has learnt from and was chosen by."""
        data = self.facts.get("data") or {}
        return data.get("sha256"), data.get("eval_sha256")


def place_of(path: str) -> tuple[Path, Path | None]:
    """Give the model directory that a path names, and the run that it belongs to. Raises: ModelError."""
    directory = Path(path)
    if not directory.is_dir():
        raise ModelError(f"{path} is no directory.", remedy="Name a run directory; see `runs list`.")
    within = RunLayout(directory).model
    model = within if within.is_dir() else directory
    run = directory if model != directory else directory.parent
    return model, run if RunLayout(run).run_file.is_file() else None


def opened(path: str) -> Opened:
    """Open a finished model in fp32, its adapters merged into it.

    Raises: ModelError, also for one that is an export itself.
    """
    directory, run = place_of(path)
    facts = read_card(directory)
    if EXPORT in facts:
        raise ModelError(
            f"{directory} is an export itself.", remedy="Name the run or the model directory that it was made of."
        )
    card = typed_card(ModelCard, facts, directory)
    model, task = kind_of(card.task, directory).open(directory, facts)
    require_files(card, directory)
    num_bytes = saved_bytes(model)
    if has_adapters(model):
        whole: Any = model  # nothing but a model of the library has any
        merge(whole)
    return Opened(model.requires_grad_(False).eval(), task, card, facts, directory, run, num_bytes)

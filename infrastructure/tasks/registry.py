"""The kinds of tasks: one line each."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from application.ports import Run, SplitDataset
from application.training import Training
from domain.exceptions import AthanorError
from domain.run_layout import RunLayout
from domain.task import task_named
from infrastructure.data.kept.cache import collected_words
from infrastructure.memory import lost_memory_told
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.flow.factory import is_flow
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.parallel.skeletons import skeleton_of
from infrastructure.randomness import drawing
from infrastructure.tasks.flow.kind import FlowLabels
from infrastructure.tasks.kind import TaskKind
from infrastructure.tasks.labels.kind import Classification
from infrastructure.tasks.masked.kind import MaskedTexts
from infrastructure.tasks.series.direction_kind import MarketDirection
from infrastructure.tasks.series.quantile_kind import QuantileForecasting
from infrastructure.tasks.writing.chat_kind import ChatKind
from infrastructure.tasks.writing.code_generation import CodeGeneration
from infrastructure.tasks.writing.language_modeling import LanguageModeling
from infrastructure.tasks.writing.sequence_to_sequence import SEQUENCE_TO_SEQUENCE

KINDS: dict[str, TaskKind[Any]] = {
    "sequence_classification": Classification(),
    "language_modeling": LanguageModeling(),
    "masked_language_modeling": MaskedTexts(),
    "code_generation": CodeGeneration(),
    "instruction_tuning": ChatKind(),
    "sequence_to_sequence": SEQUENCE_TO_SEQUENCE,
    "quantile_forecasting": QuantileForecasting(),
    "market_direction": MarketDirection(),
}
FOLLOWING = FlowLabels()


def kind_of(task: str, model: str | Path | None = None) -> TaskKind[Any]:
    """Find what trains a task, from a preset or a directory that is named.

    Where a task may begin from a reader that follows values, such a model chooses its own kind.
    Raises: ConfigurationError for an unknown task.
    """
    known = task_named(task)
    return FOLLOWING if known.settings_of_flow and is_flow(model) else KINDS[known.kind]


class TaskData:
    """Loads the data of any task."""

    def load(self, request: Training) -> SplitDataset:
        """Read, check and split what a request names. Raises: DatasetError with every fault of the file."""
        with collected_words() as words:
            dataset: Any = kind_of(request.task, request.model_name).load(request)
        return replace(dataset, warnings=(*dataset.warnings, *words)) if words else dataset


class TaskModels:
    """Builds the model of any task."""

    def build(self, request: Training, dataset: Any, run: Run) -> ModelBundle:
        """Build what `request.model_name` names; the same seed gives the same weights.

        Where ranks hold a model together the first builds it, and the others have its skeleton.
        Raises: ModelError, TrainingError when memory is too small.
        """
        parallel = choose_parallel(request.parallel, request.rank_timeout)
        ranks = parallel.ranks
        if not parallel.shards or ranks.size == 1:
            return self._built(request, dataset, run)
        own: ModelBundle | None = None
        with ranks.sharing(AthanorError):
            own = self._built(request, dataset, run) if ranks.is_first else None
        skeleton = ranks.of_first(own and replace(own, model=skeleton_of(own.model)))
        bundle = own or skeleton
        assert bundle is not None
        return bundle

    def _built(self, request: Training, dataset: Any, run: Run) -> ModelBundle:
        with lost_memory_told("when the model was built"), drawing(torch.device("cpu")):
            kind = kind_of(request.task, request.model_name)
            return kind.build(request, dataset, RunLayout(Path(run.path)).tokenizer)

"""Text for a text: what code generation and translation have in common, from the data to the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from application.training import PairTraining
from domain.exceptions import ModelError
from domain.results import Report, TrainingResult
from domain.run_layout import CARD, RunLayout
from domain.task import task_named
from infrastructure.data.pairs.datasets import PairDataset
from infrastructure.data.some_rows import QUICK_ROWS, spread
from infrastructure.data.text.loading import SplitPairs, load_pair_data, open_pairs, pair_fields
from infrastructure.data.tokens.tokenization import cut_told
from infrastructure.model_files.card import RESTORE, ModelCard, typed_card
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import Blueprint, build_model, open_finished
from infrastructure.models.generation import prompts_together
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.kind import MAX_ROWS_EXAMINED, Card, Findings, Prepared, Trained
from infrastructure.tasks.writing.cards import PairCard, generation_with, how_to_write
from infrastructure.tasks.writing.finished_writer import FinishedWriter
from infrastructure.tasks.writing.intervals import intervals_of_texts, intervals_of_tokens
from infrastructure.tasks.writing.samples import Samples, written_samples
from infrastructure.tasks.writing.written_pairs import PairForm, WrittenPairs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    # Arguments: tokenizer, card, samples, pack_to, label smoothing.
    MakeAdapter = Callable[[PreTrainedTokenizerBase, Card, Samples | None, int, float], TaskAdapter]


@dataclass(frozen=True)
class PairKind:
    """A kind of task whose rows are a source and the target to be written for it.

    `form` sets both into sequences, `adapter` trains on them, `why_not_packed` (model, max_length) says why a model
    cannot keep the items of a row apart, and `facts` (model, tokenizer) of a model must travel with it.
    """

    auto_class: str
    blueprint: Callable[[PairTraining, SplitPairs], Blueprint]
    form: PairForm
    adapter: "MakeAdapter"
    why_not_packed: Callable[[Any, int], str]
    facts: "Callable[[Any, PreTrainedTokenizerBase], Card]" = lambda model, tokenizer: {}
    card_type: type[ModelCard] = PairCard

    def load(self, request: PairTraining) -> SplitPairs:
        """Read, check and split pairs. Raises: DatasetError with every fault of the file."""
        return load_pair_data(request)

    def tokenized(
        self, dataset: SplitPairs, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[PairDataset, PairDataset]:
        """Make both parts ready for a model. Raises: DatasetError."""
        train = self.form.dataset(dataset.train_rows, dataset.train, tokenizer, max_length)
        return train, self.form.dataset(dataset.eval_rows, dataset.evaluation, tokenizer, max_length)

    def whole(self, request: PairTraining, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> PairDataset:
        """Make all pairs ready for a model. Raises: DatasetError."""
        task = task_named(request.task)
        source, target = pair_fields(task, request.source_field, request.target_field)
        rows = open_pairs(request.dataset_path, task, source, target, request.reading)
        return self.form.dataset(rows, np.arange(len(rows)), tokenizer, max_length)

    def build(self, request: PairTraining, dataset: SplitPairs, kept_tokenizer: Path) -> ModelBundle:
        """Build the model. Raises: ModelError, ConfigurationError."""
        bundle = build_model(request, self.blueprint(request, dataset), kept_tokenizer)
        if request.packing and (reason := self.why_not_packed(bundle.model, request.max_length)):
            raise ModelError(
                f"packing is on, but model {request.model_name} {reason}.", remedy="Use --set packing=false."
            )
        return bundle

    def prepare(self, request: PairTraining, bundle: ModelBundle, dataset: SplitPairs) -> Prepared:
        """Tokenise both parts. Raises: DatasetError."""
        tokenizer = bundle.tokenizer
        assert tokenizer is not None
        train, evaluation = self.tokenized(dataset, tokenizer, request.max_length)
        fields = dict(zip(("source_field", "target_field"), dataset.train_rows.fields, strict=False))
        card = {**fields, **how_to_write(request), **self.facts(bundle.model, tokenizer)}
        samples = self._samples(evaluation, request.sample_rows, tokenizer, card)
        pack_to = request.max_length if request.packing else 0
        adapter = self.adapter(tokenizer, card, samples, pack_to, request.label_smoothing)
        warnings = cut_told(train.num_cut, len(train), train.rows.path.name, request.max_length)
        return Prepared(train, evaluation, adapter, card, warnings)

    def report(
        self,
        request: PairTraining,
        dataset: SplitPairs,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Show what the model writes for sources of the evaluation part, and look at its rows."""
        finished = trained.task
        assert isinstance(finished, FinishedWriter)
        places = spread(len(dataset.evaluation), QUICK_ROWS if request.quick else MAX_ROWS_EXAMINED)
        rows = self.form.dataset(dataset.eval_rows, dataset.evaluation[places], finished.tokenizer, request.max_length)
        scored = trained.score_rows(rows, finished.adapter(rows, request.sample_rows))
        intervals = intervals_of_tokens(result.final_metrics, scored.outcomes)
        intervals |= intervals_of_texts(result.final_metrics, scored.outcomes, rows.reference)
        report = Report(samples=written_samples(dataset, trained), intervals=intervals)

        def write(chosen: Sequence[int]) -> list[str]:
            return [answer["text"] for answer in trained.answer([rows.source(row) for row in chosen], {})]

        return Findings(report, finished.examined(rows, scored, write, len(dataset.evaluation)))

    def open(self, directory: Path, card: Card) -> tuple[nn.Module, FinishedWriter]:
        """Open a finished model; when it is evaluated, every row is written out. Raises: ModelError."""
        known = typed_card(PairCard, card, directory)
        model, tokenizer = open_finished(directory, self.auto_class)
        for name, fact in self.facts(model, tokenizer).items():
            if card.get(name) != fact:
                raise ModelError(
                    f"{directory / CARD}: {name} is {card.get(name)!r:.60}, but the model has {fact!r}.", remedy=RESTORE
                )
        writing = WrittenPairs(tokenizer, known, self.form)
        card = known.model_dump()

        def adapter(dataset: PairDataset, num_written: int) -> TaskAdapter:
            return self.adapter(tokenizer, card, self._samples(dataset, num_written, tokenizer, card), 0, 0.0)

        return model, FinishedWriter(writing, adapter, prompts_together(model))

    def _samples(
        self, dataset: PairDataset, count: int, tokenizer: "PreTrainedTokenizerBase", card: Card
    ) -> Samples | None:
        chosen = range(min(count, len(dataset)))
        prompts = [dataset.prompt(index) for index in chosen]
        references = [dataset.reference(index) for index in chosen]
        if not chosen:
            return None
        return Samples(tokenizer, prompts, references, generation_with(card), self.form.scores)

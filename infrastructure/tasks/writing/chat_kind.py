"""Answers in chats, from the data to a model that answers: what instruction tuning does with a decoder."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from application.training import ChatTraining
from domain.exceptions import ModelError
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from domain.showing import counted
from domain.task import task_named
from infrastructure.data.chats.chat import Turn, chat_json
from infrastructure.data.chats.chat_format import ChatFormat
from infrastructure.data.chats.dataset import ChatDataset
from infrastructure.data.chats.forms import ChatSought, chat_sought
from infrastructure.data.chats.loading import SplitChats, load_chat_data
from infrastructure.data.chats.rows import load_chats
from infrastructure.data.some_rows import QUICK_ROWS, spread
from infrastructure.data.sources.shipped import located
from infrastructure.model_files.card import ModelCard, typed_card
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.chat_templates import template_named, with_chats
from infrastructure.models.factory import DECODER, build_model, open_finished
from infrastructure.models.generation import prompts_together
from infrastructure.models.tokenizer import CHAT_TOKENS, train_bpe
from infrastructure.tasks.kind import MAX_ROWS_EXAMINED, Card, Findings, Prepared, Trained
from infrastructure.tasks.writing.cards import ChatCard, generation_with, how_to_write
from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling
from infrastructure.tasks.writing.finished_writer import FinishedWriter, decoder_blueprint
from infrastructure.tasks.writing.heads import keeps_documents_apart
from infrastructure.tasks.writing.intervals import intervals_of_tokens
from infrastructure.tasks.writing.metrics import OF_CHATS
from infrastructure.tasks.writing.samples import NUM_SHOWN, Samples, shown
from infrastructure.tasks.writing.written_chats import WrittenChats

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DEFAULT_TEMPLATE = "chatml"  # of a preset
FIELDS = ("messages_field", "source_field", "target_field")


class ChatKind:
    """Chats whose answers are learnt, and nothing else of them."""

    card_type: type[ModelCard] = ChatCard

    def load(self, request: ChatTraining) -> SplitChats:
        """Read, check and split chats. Raises: DatasetError with every fault of the file."""
        path = str(located(request.dataset_path, task_named(request.task)))
        share, seed = request.validation_split, request.seed
        return load_chat_data(path, request.eval_dataset, chats_wanted(request), share, seed, request.reading)

    def tokenized(
        self, dataset: SplitChats, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[ChatDataset, ChatDataset]:
        """Make both parts ready for a model. Raises: DatasetError, ModelError."""
        chats = ChatFormat(tokenizer, tokenizer.name_or_path)
        train = ChatDataset(dataset.train_rows, dataset.train, chats, max_length)
        return train, ChatDataset(dataset.eval_rows, dataset.evaluation, chats, max_length)

    def whole(self, request: ChatTraining, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> ChatDataset:
        """Make all chats ready for a model. Raises: DatasetError, ModelError."""
        rows = load_chats(
            located(request.dataset_path, task_named(request.task)), chats_wanted(request), request.reading
        )
        return ChatDataset(rows, np.arange(len(rows)), ChatFormat(tokenizer, tokenizer.name_or_path), max_length)

    def build(self, request: ChatTraining, dataset: SplitChats, kept_tokenizer: Path) -> ModelBundle:
        """Build a decoder that writes chats by a template. Raises: ModelError, ConfigurationError."""
        template = template_named(request.chat_template) if request.chat_template else None
        learn = partial(
            train_bpe,
            dataset.train_texts(),
            request.vocab_size,
            request.seed,
            document_start=False,
            end=False,
            signs=CHAT_TOKENS,
        )
        blueprint = decoder_blueprint(request, learn)
        name = str(request.model_name)
        if template is None and name in blueprint.presets:
            template = template_named(DEFAULT_TEMPLATE)
        fit = partial(with_chats, model_name=name, template=template, seed=request.seed)
        bundle = build_model(request, replace(blueprint, fit=fit), kept_tokenizer)
        if request.packing and not keeps_documents_apart(bundle.model):
            raise ModelError(
                f"packing is on, but model {name} cannot keep the chats of a row apart.",
                remedy="Use --set packing=false.",
            )
        return bundle

    def prepare(self, request: ChatTraining, bundle: ModelBundle, dataset: SplitChats) -> Prepared:
        """Tokenise both parts. Raises: DatasetError with every chat that the template refuses."""
        tokenizer = bundle.tokenizer
        assert tokenizer is not None
        train, evaluation = self.tokenized(dataset, tokenizer, request.max_length)
        card = {**{name: getattr(request, name) for name in FIELDS}, **how_to_write(request)}
        samples = _samples(evaluation, request.sample_rows, tokenizer, card)
        pack_to = request.max_length if request.packing else 0
        return Prepared(
            train, evaluation, _adapter(tokenizer, samples, pack_to, request.label_smoothing), card, train.told()
        )

    def report(
        self,
        request: ChatTraining,
        dataset: SplitChats,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Show what the model answers in chats of the evaluation part, and look at these."""
        finished = trained.task
        assert isinstance(finished, FinishedWriter)
        assert isinstance(finished.writing, WrittenChats)
        places = spread(len(dataset.evaluation), QUICK_ROWS if request.quick else MAX_ROWS_EXAMINED)
        rows = ChatDataset(dataset.eval_rows, dataset.evaluation[places], finished.writing.chats, request.max_length)
        scored = trained.score_rows(rows, finished.adapter(rows, request.sample_rows))

        def write(chosen: Sequence[int]) -> list[str]:
            asked = [chat_json(tuple(rows.turns(row))) for row in chosen]
            return [answer["text"] or "" for answer in trained.answer(asked, {})]

        first = range(min(NUM_SHOWN, len(rows)))
        samples = [
            {"prompt": shown(question_of(rows.turns(row))), "output": shown(text), "wanted": shown(rows.reference(row))}
            for row, text in zip(first, write(first), strict=True)
        ]
        report = Report(samples=samples, intervals=intervals_of_tokens(result.final_metrics, scored.outcomes))
        return Findings(report, finished.examined(rows, scored, write, len(dataset.evaluation)))

    def open(self, directory: Path, card: Card) -> tuple[nn.Module, FinishedWriter]:
        """Open a finished model; when it is evaluated, every last answer is written out. Raises: ModelError."""
        known = typed_card(ChatCard, card, directory)
        model, tokenizer = open_finished(directory, DECODER)
        chats = ChatFormat(tokenizer, str(directory))
        card = known.model_dump()

        def adapter(dataset: ChatDataset, num_written: int) -> CausalLanguageModeling:
            return _adapter(tokenizer, _samples(dataset, num_written, tokenizer, card))

        return model, FinishedWriter(WrittenChats(tokenizer, known, chats), adapter, prompts_together(model))


def question_of(turns: Sequence[Turn]) -> str:
    """Give what is asked last, and behind it how much was said before: a sample has few lines."""
    before = f"({counted(len(turns) - 1, 'turn')} before)"
    return turns[-1].content if len(turns) == 1 else f"{turns[-1].content}\n{before}"


def chats_wanted(request: ChatTraining) -> ChatSought:
    """Say where the rows of a request hold their chats."""
    task = task_named(request.task)
    fields = (request.messages_field, request.source_field, request.target_field)
    return chat_sought(task.text_fields, task.target_fields, *fields)


def _adapter(
    tokenizer: "PreTrainedTokenizerBase", samples: Samples | None, pack_to: int = 0, label_smoothing: float = 0.0
) -> CausalLanguageModeling:
    assert tokenizer.pad_token_id is not None
    return CausalLanguageModeling(
        tokenizer.pad_token_id, pack_to=pack_to, label_smoothing=label_smoothing, samples=samples
    )


def _samples(dataset: ChatDataset, count: int, tokenizer: "PreTrainedTokenizerBase", card: Card) -> Samples | None:
    chosen = range(min(count, len(dataset)))
    prompts, references = [dataset.prompt(row) for row in chosen], [dataset.reference(row) for row in chosen]
    return Samples(tokenizer, prompts, references, generation_with(card), OF_CHATS) if chosen else None

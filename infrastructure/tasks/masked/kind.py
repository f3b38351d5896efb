"""Hidden tokens of texts, from the data to a model that fills gaps and learns labels next."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from application.training import MaskedTraining
from domain.exceptions import ModelError
from domain.results import Report, TrainingResult
from domain.run_layout import RunLayout
from domain.task import task_named
from infrastructure.data.some_rows import QUICK_ROWS, SomeRows
from infrastructure.data.sources.fields import sought
from infrastructure.data.text.loading import SplitText, load_text, open_documents
from infrastructure.data.text.parts import whole_documents
from infrastructure.data.text.passages import Passages, passages
from infrastructure.model_files.card import ModelCard, typed_card
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.factory import MASKED, Blueprint, build_model, open_finished
from infrastructure.models.presets import ENCODERS, masked_encoder_config
from infrastructure.models.tokenizer import train_tokenizer
from infrastructure.parallel.ranks import ranks_of_this_process
from infrastructure.tasks.kind import MAX_ROWS_EXAMINED, Card, Findings, Prepared, Trained
from infrastructure.tasks.masked.finished import FinishedFiller, MaskedCard, intervals_of_gaps, masking_of
from infrastructure.tasks.masked.frequencies import Frequencies
from infrastructure.tasks.masked.page import Filled
from infrastructure.tasks.masked.sharing import keeps_texts_apart
from infrastructure.tasks.writing.samples import NUM_SHOWN, shown

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

RIVAL = "unigram"


class MaskedTexts:
    """Texts of which an encoder tells what was hidden."""

    card_type: type[ModelCard] = MaskedCard

    def load(self, request: MaskedTraining) -> SplitText:
        """Read and split texts. Raises: DatasetError."""
        return load_text(request)

    def tokenized(
        self, dataset: SplitText, tokenizer: "PreTrainedTokenizerBase", max_length: int
    ) -> tuple[Passages, Passages]:
        """Turn both parts into passages. Raises: DatasetError."""
        train, evaluation = (passages(part, tokenizer, max_length) for part in (dataset.train, dataset.evaluation))
        return train, evaluation

    def whole(self, request: MaskedTraining, tokenizer: "PreTrainedTokenizerBase", max_length: int) -> Passages:
        """Turn all text into passages. Raises: DatasetError."""
        text = sought("text", task_named(request.task).text_fields, request.text_field)
        documents = open_documents(request.dataset_path, text, request.reading)
        return passages(whole_documents(documents), tokenizer, max_length)

    def build(self, request: MaskedTraining, dataset: SplitText, kept_tokenizer: Path) -> ModelBundle:
        """Build an encoder with a head that fills gaps. Raises: ModelError, ConfigurationError."""
        sizes = ENCODERS.items()
        blueprint = Blueprint(
            auto_class=MASKED,
            presets={name: partial(masked_encoder_config, size, max_length=request.max_length) for name, size in sizes},
            learn_tokenizer=lambda: train_tokenizer(
                dataset.train.pieces, request.vocab_size, request.lowercase, request.seed
            ),
        )
        bundle = build_model(request, blueprint, kept_tokenizer)
        assert bundle.tokenizer is not None
        _require_mask(bundle.tokenizer, f"model {request.model_name}")
        return bundle

    def prepare(self, request: MaskedTraining, bundle: ModelBundle, dataset: SplitText) -> Prepared:
        """Tokenise both parts. Raises: DatasetError."""
        tokenizer = bundle.tokenizer
        assert tokenizer is not None
        train, evaluation = self.tokenized(dataset, tokenizer, request.max_length)
        counts = train.token_counts(max(tokenizer.get_vocab().values()) + 1)
        packs = request.packing and _tried(bundle)
        rival = Frequencies.of(counts, tokenizer.all_special_ids)
        adapter = masking_of(tokenizer, request.mask_share, packs=packs, frequencies=rival)
        card = {"text_field": dataset.train.documents.text_field, "mask_share": request.mask_share}
        warnings = []
        if request.packing and not packs:
            warnings.append(
                f"model {request.model_name} cannot keep texts that share a row apart: each has a row of its own, "
                "which takes longer and gives the same."
            )
        if unknown := evaluation.statistics["num_unknown"]:
            warnings.append(f"{unknown} tokens of the evaluation part are unknown to the tokenizer.")
        return Prepared(train, evaluation, adapter, card, tuple(warnings))

    def report(
        self,
        request: MaskedTraining,
        dataset: SplitText,
        result: TrainingResult,
        trained: Trained,
        run: RunLayout,
    ) -> Findings:
        """Show passages of the evaluation part with their gaps filled."""
        finished = trained.task
        assert isinstance(finished, FinishedFiller)
        texts = passages(dataset.evaluation, finished.tokenizer, request.max_length)
        rows = SomeRows(texts, texts.lengths, QUICK_ROWS if request.quick else MAX_ROWS_EXAMINED)
        scored = trained.score_rows(rows, finished.adapter)
        metrics = result.final_metrics
        report = Report(
            {name: value for name, value in metrics.items() if name.startswith(f"{RIVAL}_")},
            samples=_samples(finished, rows, scored.outcomes["guesses"]),
            intervals=intervals_of_gaps(metrics, scored.outcomes),
        )
        return Findings(report, finished.examined(rows, scored, num_rows=len(texts)))

    def open(self, directory: Path, card: Card) -> tuple[nn.Module, FinishedFiller]:
        """Open a finished model. Raises: ModelError."""
        known = typed_card(MaskedCard, card, directory)
        model, tokenizer = open_finished(directory, MASKED)
        _require_mask(tokenizer, f"the model in {directory}")
        return model, FinishedFiller(tokenizer, known)


def _tried(bundle: ModelBundle) -> bool:
    """Ask the first rank, which alone may have the weights of the model."""
    ranks = ranks_of_this_process()
    return ranks.of_first(ranks.is_first and keeps_texts_apart(bundle.model))


def _require_mask(tokenizer: "PreTrainedTokenizerBase", name: str) -> None:
    if tokenizer.mask_token_id is None:
        raise ModelError(
            f"{name} has a tokenizer without a mask token, which hidden tokens are replaced by.",
            remedy="Give another encoder, or a preset.",
        )


def _samples(finished: FinishedFiller, rows: Any, guesses: Any) -> list[dict[str, str]]:
    """Set what the model put into the gaps of the first passages beside what was hidden."""
    filled = (
        Filled.of(finished.tokenizer, finished.adapter, rows[row], guesses[row])
        for row in range(min(NUM_SHOWN, len(rows)))
    )
    return [
        {"prompt": shown(each.given), "output": shown(each.filled), "wanted": shown(each.wanted)} for each in filled
    ]

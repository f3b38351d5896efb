"""The trainer and the loader in the hands of a library user, on tasks that write text."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, LlamaConfig, LlamaForCausalLM
from transformers.modeling_utils import PreTrainedModel

from domain.exceptions import ConfigurationError
from domain.results import TrainingResult
from infrastructure.models.factory import share_embeddings
from infrastructure.models.presets import WriterSize, encoder_decoder_config
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.kind import TextKind
from infrastructure.tasks.plain_module import PlainModule
from infrastructure.tasks.registry import KINDS
from infrastructure.training import AdvancedTrainer, DatasetLoader

PAIRS = [{"source": f"add {n} and {n + 3}", "target": f"sum = {n} + {n + 3}"} for n in range(40)]
TEXTS = [text for pair in PAIRS for text in pair.values()]
SIZE = WriterSize(hidden_size=32, num_layers=1, num_heads=2, intermediate_size=48)


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def trained(model: PreTrainedModel, datasets: tuple[Any, Any], output: Path) -> TrainingResult:
    settings: dict[str, Any] = {
        "max_steps": 3,
        "warmup_steps": 0,
        "batch_size": 4,
        "precision": "fp32",
        "learning_rate": 1e-3,
    }
    return AdvancedTrainer(model, *datasets, output, **settings).train()


def plain_loss(model: PreTrainedModel, dataset: Any) -> float:
    """Give the mean over target tokens as the library itself computes it, a row at a time."""
    model.eval()
    total = count = 0.0
    for index in range(len(dataset)):
        item = {name: value[None] for name, value in dataset[index].items()}
        targets = item["labels"] if model.config.is_encoder_decoder else item["labels"][:, 1:]
        number = int((targets != -100).sum())
        with torch.inference_mode():
            total += float(model(**item).loss) * number
        count += number
    return total / count


def test_kinds_of_texts_alone_take_a_tokenizer() -> None:
    takes = [name for name, kind in KINDS.items() if isinstance(kind, TextKind)]
    assert takes == [
        "sequence_classification",
        "language_modeling",
        "masked_language_modeling",
        "code_generation",
        "instruction_tuning",
        "sequence_to_sequence",
    ]


@pytest.mark.parametrize("task", ["code_generation", "language_modeling"])
def test_a_decoder_learns_what_the_loader_gives_it(task: str, tmp_path: Path) -> None:
    tokens = train_bpe(TEXTS, None, 0, document_start=False, end=False)
    if task == "language_modeling":
        path = tmp_path / "text.txt"
        path.write_text("\n".join(TEXTS))
        fields: dict[str, str] = {}
    else:
        path = written(tmp_path / "pairs.jsonl", PAIRS)
        fields = {"source_field": "source", "target_field": "target"}
    datasets = DatasetLoader(path, tokens, task=task, max_length=24, **fields).get_train_test_split(0.2)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=len(tokens), hidden_size=32, intermediate_size=48, num_hidden_layers=1,
                    num_attention_heads=2, pad_token_id=tokens.pad_token_id)
    )  # fmt: skip
    results = trained(model, datasets, tmp_path / "out")
    assert results["final_metrics"]["loss"] == pytest.approx(plain_loss(model, datasets[1]), rel=1e-5)


def test_an_encoder_decoder_learns_what_the_loader_gives_it(tmp_path: Path) -> None:
    tokens = train_bpe(TEXTS, None, 0, document_start=False, end=True)
    loader = DatasetLoader(written(tmp_path / "pairs.jsonl", PAIRS), tokens, task="sequence_to_sequence", max_length=32)
    datasets = loader.get_train_test_split(0.2)
    assert len(loader.load()) == len(PAIRS) == sum(map(len, datasets))
    torch.manual_seed(0)
    model = AutoModelForSeq2SeqLM.from_config(encoder_decoder_config(SIZE, tokens, 32))
    share_embeddings(model)
    results = trained(model, datasets, tmp_path / "out")
    assert results["final_metrics"]["loss"] == pytest.approx(plain_loss(model, datasets[1]), rel=1e-5)


class WithoutMerging(PlainModule):
    def evaluation(self) -> Any:
        return SimpleNamespace(ask=None, metrics=None)


class WithoutTokens:
    metric_names = ("loss",)
    collate = count_targets = loss_sum = evaluation = None


@pytest.mark.parametrize(("task", "missing"), [
    (WithoutMerging(torch.nn.functional.mse_loss), "SimpleNamespace has no merge"),
    (WithoutTokens(), "WithoutTokens has no count_tokens"),
])  # fmt: skip
def test_a_task_that_lacks_what_the_loop_asks_is_refused_before_the_first_step(
    task: Any, missing: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=f"{missing}. Give it what TaskAdapter and Evaluation"):
        AdvancedTrainer(torch.nn.Linear(1, 1), [1], None, tmp_path, task=task)

"""Tiny models that somebody else has trained, and what a run makes of them with an adapter."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from application.training_request import TrainModelRequest
from infrastructure.models.adapters.layers import adapted_layers
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.tokenizer import train_bpe
from infrastructure.tasks.registry import kind_of
from tests.support import tiny, tiny_text
from tests.support.tiny_architectures import DECODERS, ENCODER_DECODERS, ENCODERS, model_of

TOKENS = 330
# The library gives the tokenizers of some families signs that they have elsewhere.
ROOM = 8


def task_of(architecture: str) -> str:
    """Give a task that an architecture can be trained for."""
    if architecture in ENCODERS:
        return "text_classification"
    return "code_generation" if architecture in DECODERS else "sequence_to_sequence"


def base_of(architecture: str, directory: Path, **settings: Any) -> Path:
    """Save a model and its tokenizer, as its authors would; `settings` change its config."""
    texts = [pair["source"] + pair["target"] for pair in tiny_text.pairs()] + [row["text"] for row in tiny.rows()]
    tokens = train_bpe(texts, TOKENS, 0, document_start=False, end=True)
    signs: dict[str, Any] = {f"{name}_token_id": getattr(tokens, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    signs |= {"decoder_start_token_id": signs["bos_token_id"], "vocab_size": TOKENS + ROOM}
    known = {**ENCODERS, **DECODERS, **ENCODER_DECODERS}[architecture]
    halves = {name: {**half, "vocab_size": TOKENS + ROOM} for name, half in known.items() if isinstance(half, dict)}
    model = model_of(architecture, **signs, **halves, **settings)
    model.save_pretrained(directory)
    tokens.save_pretrained(directory)
    return directory


def asked(base: Path, architecture: str, tmp: Path, **settings: Any) -> TrainModelRequest:
    """Ask for an adapter of a base on a few rows."""
    task = task_of(architecture)
    known: dict[str, Any] = {} if settings.get("adapter") == "none" else {"adapter": "lora", "adapter_rank": 4}
    known |= {
        "model_name": str(base),
        "precision": "fp32",
        "max_length": 96,
    }
    if task == "text_classification":
        path = tiny.file_of_rows(tmp / "rows.json", 96)
    else:
        path = tiny_text.file_for(task, tmp)
        known["sample_rows"] = 0
    return TrainModelRequest(task=task, dataset_path=str(path), output_dir=str(tmp / "run"), **{**known, **settings})


def built(request: TrainModelRequest) -> ModelBundle:
    """Build the model of a request as a run does."""
    training = request.resolved()
    kind = kind_of(training.task)
    return kind.build(training, kind.load(training), Path("no tokenizer kept"))


def learnt(model: Any) -> Any:
    """Let adapters have something to say: fresh ones say nothing."""
    generator = torch.Generator().manual_seed(3)
    for _, layer in adapted_layers(model):
        for name, parameter in layer.named_parameters():
            noise = 0.2 * torch.randn(parameter.shape, generator=generator).to(parameter.device)
            if ".lora_B" in f".{name}":
                parameter.data.copy_(noise)
            elif "magnitude" in name:
                parameter.data.mul_(1.0 + noise.abs())
    return model.eval()


@torch.no_grad()
def logits_of(model: Any) -> Tensor:
    """Ask a model for the scores of the same three rows [3, ...]."""
    ids = torch.arange(5, 29, device=model.get_input_embeddings().weight.device).reshape(3, 8)
    more = {"decoder_input_ids": ids} if model.config.is_encoder_decoder and hasattr(model, "lm_head") else {}
    scores: Tensor = model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids), **more).logits
    return scores

"""Tokens that a template adds are learnt beside an adapter, and what was kept of it writes and stops as in the run."""

from pathlib import Path
from typing import Any

import pytest
import torch

from application.training_request import TrainModelRequest
from infrastructure.models.factory import DECODER, open_finished
from tests.support.adapted import base_of, built, learnt, logits_of
from tests.support.tiny_text import written

CHATS: list[Any] = [
    {"messages": [{"role": "user", "content": f"count {n}"}, {"role": "assistant", "content": f"it is {n}"}]}
    for n in range(40)
]


def asked(base: Path, tmp: Path, **settings: Any) -> TrainModelRequest:
    path = written(tmp / "chats.jsonl", CHATS)
    return TrainModelRequest(
        task="instruction_tuning", dataset_path=str(path), model_name=str(base), adapter="lora", adapter_rank=4,
        precision="fp32", max_length=96, chat_template="chatml", output_dir=str(tmp / "run"), **settings,
    )  # fmt: skip


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_an_adapter_kept_alone_brings_the_tokens_of_its_template(tmp_path: Path, tied: bool) -> None:
    base = base_of("llama", tmp_path / "base", tie_word_embeddings=tied)
    bundle = built(asked(base, tmp_path, merge_adapter=False))
    model: Any = learnt(bundle.model)
    trained = {name for name, one in model.named_parameters() if one.requires_grad and ".lora_" not in name}
    assert trained == {"model.embed_tokens.weight", *([] if tied else ["lm_head.weight"])}
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(1.5)  # as a training would move them
    bundle.save(tmp_path / "kept", {})
    opened, tokenizer = open_finished(tmp_path / "kept", DECODER)
    torch.testing.assert_close(logits_of(opened), logits_of(model), rtol=1e-5, atol=1e-5)
    ends: Any = opened.generation_config.eos_token_id
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in (ends if isinstance(ends, list) else [ends])

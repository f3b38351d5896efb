"""A kind of model of which the library has no classifier is refused in words about the model, before it is opened."""

from pathlib import Path
from typing import Any

import pytest
from transformers import MarianConfig, MarianMTModel

from domain.exceptions import ModelError
from infrastructure.models.factory import CLASSIFIER
from tests.support.adapted import ROOM, TOKENS, asked, base_of, built


def test_a_translator_that_labels_is_refused(tmp_path: Path) -> None:
    place = base_of("bert", tmp_path / "marian")  # for its tokenizer
    parts: dict[str, Any] = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    heads: dict[str, Any] = {"encoder_attention_heads": 1, "decoder_attention_heads": 1, "pad_token_id": 0}
    config = MarianConfig(vocab_size=TOKENS + ROOM, d_model=16, max_position_embeddings=96, **parts, **heads)
    MarianMTModel(config).save_pretrained(place)
    with pytest.raises(
        ModelError, match=r"is of a kind \(marian\) that .* no classifier of\. Give an encoder"
    ) as caught:
        built(asked(place, "bert", tmp_path, adapter="none"))
    assert CLASSIFIER not in str(caught.value)

"""Our own loop beside that of the library, on small models of random weights."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from domain.generation import GenerationSettings
from infrastructure.models import generation
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.decoding.library import is_ordinary
from infrastructure.models.fused.replacing import use_fast_layers
from infrastructure.models.generation import generate_texts
from tests.support.tiny_architectures import TOKENS, model_of

POSITIONS = 40
# What makes texts of weights this wide differ from word to word.
WIDE: dict[str, dict[str, Any]] = {
    "t5": {"initializer_factor": 20.0, "num_decoder_layers": 2},  # with more than in its encoder the library fails
    "bart": {"init_std": 0.5},
    "gpt2": {"initializer_range": 0.5, "n_positions": POSITIONS},
    "mistral": {"initializer_range": 0.5, "sliding_window": 6},
}
NAMES = ("llama", "qwen2", "gpt2", "mistral", "gemma2", "opt", "t5", "bart", "t5gemma")
SETTINGS = GenerationSettings(max_new_tokens=30)
WAYS = (
    replace(
        SETTINGS, max_new_tokens=50, max_repeats=2, stop=("w5 w", "w9", "w17")
    ),  # beyond the positions of a decoder
    replace(SETTINGS, num_beams=3),
    replace(SETTINGS, num_beams=3, max_repeats=1, stop=("w30", "w31 w4")),
)


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    vocabulary = {"[PAD]": 0, "[START]": 1, "[END]": 2} | {f"w{number}": number for number in range(3, TOKENS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", bos_token="[START]", eos_token="[END]"
    )


def some_prompts() -> list[list[int]]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randint(3, TOKENS, (1 + 7 * number % 25,), generator=generator).tolist() for number in range(5)]


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_those_of_the_library(
    name: str, words: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = WIDE.get(name, {"initializer_range": 0.5})
    model = model_of(name, **{"max_position_embeddings": POSITIONS} | changes).eval()
    use_fast_attention(model, torch.device("cpu"))
    use_fast_layers(model, torch.device("cpu"))
    prompts = some_prompts()
    monkeypatch.setattr(generation, "NARROW_ROWS_AT_ONCE", 3)  # prompts wait, and join the others when some have ended
    assert is_ordinary(model)
    own = [generate_texts(model, words, prompts, way) for way in WAYS]
    monkeypatch.setattr(generation, "is_ordinary", lambda model: False)
    assert own == [generate_texts(model, words, prompts, way) for way in WAYS]
    assert all(len(set(texts)) > 1 for texts in own)
    assert len({len(text.split()) for texts in own for text in texts}) > 1


NAMED_TOKENS: dict[str, Any] = {
    "forced_bos_token_id": 0, "bad_words_ids": [[5], [6, 6]], "suppress_tokens": [21], "begin_suppress_tokens": [23]
}  # fmt: skip
PECULIAR: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "windows counted from the last column": ("gpt_neo", {"initializer_range": 0.5, "window_size": 4}, {}),
    "counts of experts": ("mixtral", {"initializer_range": 0.5, "output_router_logits": True}, {}),
    **{name: ("bart", WIDE["bart"], {name: tokens}) for name, tokens in NAMED_TOKENS.items()},
}


@pytest.mark.parametrize("num_beams", [1, 2])
@pytest.mark.parametrize("what", PECULIAR)
def test_what_is_peculiar_to_a_model_is_heeded(what: str, num_beams: int, words: PreTrainedTokenizerFast) -> None:
    name, changes, said = PECULIAR[what]
    model = model_of(name, max_position_embeddings=POSITIONS, **changes).eval()
    model.generation_config.update(**said, forced_eos_token_id=None)
    prompts = some_prompts()
    own = generate_texts(model, words, prompts, replace(SETTINGS, max_new_tokens=8, num_beams=num_beams))
    model.config.output_router_logits = False  # the library's own loop fails with them
    options = {"max_new_tokens": 8, "num_beams": num_beams, "pad_token_id": 0, "eos_token_id": 2}
    for prompt, text in zip(prompts, own, strict=True):
        alone = model.generate(torch.tensor([prompt]), **options)[0]
        begin = 1 if model.config.is_encoder_decoder else len(prompt)
        assert text == words.decode(alone[begin:], skip_special_tokens=True)

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    T5GemmaConfig,
    T5GemmaForConditionalGeneration,
)
from transformers.models.t5gemma.configuration_t5gemma import T5GemmaModuleConfig

from domain.generation import GenerationSettings
from infrastructure.models.generation import generate_texts
from infrastructure.models.tokenizer import train_tokenizer

POSITIONS = 64
KINDS = ("llama", "t5gemma", "bart")
SETTINGS = GenerationSettings(max_new_tokens=12)


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    """A word for each number; no end of text."""
    vocabulary = {"[PAD]": 0, "[START]": 1} | {f"w{number}": number for number in range(2, 60)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w2"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", bos_token="[START]")


@pytest.fixture(scope="module")
def letters() -> PreTrainedTokenizerFast:
    """Bytes and hardly a merge, so that most characters beyond ASCII take several tokens."""
    return train_tokenizer(["a"], 300, lowercase=False, seed=0)


def _model(kind: str, tokenizer: PreTrainedTokenizerFast, **changes: Any) -> PreTrainedModel:
    """Random weights, wide enough apart that no two tokens tie; it never says a special token of its own accord."""
    ids: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": tokenizer.eos_token_id}
    shape: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    shape |= {"num_key_value_heads": 2, "head_dim": 16, "vocab_size": len(tokenizer)}
    shape |= {"max_position_embeddings": POSITIONS} | changes
    model: PreTrainedModel
    torch.manual_seed(3)
    if kind == "llama":
        model = LlamaForCausalLM(LlamaConfig(**shape, **ids, initializer_range=0.3))
    elif kind == "t5gemma":
        capping: dict[str, Any] = {
            "sliding_window": 4096,
            "attn_logit_softcapping": None,
            "final_logit_softcapping": None,
        }
        half = T5GemmaModuleConfig(**shape, **ids, **capping, initializer_range=0.3)
        config = T5GemmaConfig(encoder=half, decoder=half, vocab_size=len(tokenizer), **ids)
        model = T5GemmaForConditionalGeneration(config)
    else:
        layers: dict[str, Any] = {
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
        }
        heads: dict[str, Any] = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
        size: dict[str, Any] = {
            "d_model": 32,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": POSITIONS,
            "init_std": 0.3,
        }
        model = BartForConditionalGeneration(BartConfig(**layers, **heads, **size, **ids, decoder_start_token_id=1))
    model.register_forward_hook(lambda module, inputs, output: _silence(output, tokenizer.all_special_ids))
    return model.eval()


def _silence(output: Any, tokens: list[int]) -> Any:
    output.logits[..., tokens] = -1e9
    return output


def _argmax_loop(model: PreTrainedModel, prompt: list[int], steps: int) -> list[int]:
    """Greedy decoding of one prompt, all of it anew for each token."""
    written: list[int] = []
    for _ in range(steps):
        with torch.inference_mode():
            if model.config.is_encoder_decoder:
                inputs = {"input_ids": torch.tensor([prompt]), "decoder_input_ids": torch.tensor([[1, *written]])}
            else:
                inputs = {"input_ids": torch.tensor([prompt + written])}
            written.append(int(model(**inputs, use_cache=False).logits[0, -1].argmax()))
    return written


def _prompts(count: int = 7) -> Iterator[list[int]]:
    generator = torch.Generator().manual_seed(5)
    for number in range(count):
        yield torch.randint(2, 60, (1 + 5 * number % 17,), generator=generator).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_texts_are_those_of_an_argmax_loop_whatever_else_is_in_the_batch(
    kind: str, words: PreTrainedTokenizerFast, capfd: pytest.CaptureFixture[str]
) -> None:
    model, prompts = _model(kind, words), list(_prompts())
    expected = [words.decode(_argmax_loop(model, prompt, 12), skip_special_tokens=True) for prompt in prompts]
    assert len(set(expected)) > 1
    capfd.readouterr()
    own = model.generation_config.to_dict()
    with torch.inference_mode():
        assert generate_texts(model, words, prompts, SETTINGS) == expected
    assert [generate_texts(model, words, [prompt], SETTINGS)[0] for prompt in prompts] == expected
    assert model.generation_config.to_dict() == own
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_beams_as_words_find_the_likeliest_text_of_two(kind: str, words: PreTrainedTokenizerFast) -> None:
    model, prompts = _model(kind, words), list(_prompts())
    searching = replace(SETTINGS, max_new_tokens=2, num_beams=58)
    expected = [words.decode(_likeliest_pair(model, prompt)) for prompt in prompts]
    assert generate_texts(model, words, prompts, searching) == expected


def _likeliest_pair(model: PreTrainedModel, prompt: list[int]) -> list[int]:
    """Score every text of two tokens."""
    begin, vocabulary = [1] if model.config.is_encoder_decoder else prompt, range(2, 60)
    decoder = torch.tensor([[*begin, first] for first in vocabulary])
    inputs = {"input_ids": decoder}
    if model.config.is_encoder_decoder:
        inputs = {"input_ids": torch.tensor([prompt] * len(vocabulary)), "decoder_input_ids": decoder}
    with torch.inference_mode():
        scores = torch.log_softmax(model(**inputs).logits[:, -2:], -1)
    total = scores[torch.arange(58), 0, 2:].diagonal()[:, None] + scores[:, 1, 2:]  # [first, second]
    return [int(index) + 2 for index in divmod(int(total.argmax()), 58)]


def test_a_seed_repeats_a_text_and_leaves_the_generator_of_torch_alone(words: PreTrainedTokenizerFast) -> None:
    model, prompts = _model("llama", words), list(_prompts())
    drawing = replace(SETTINGS, temperature=3.0)
    before = torch.get_rng_state()
    first = generate_texts(model, words, prompts, drawing)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert generate_texts(model, words, prompts, drawing) == first
    assert generate_texts(model, words, prompts, replace(drawing, seed=7)) != first


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-3}])
def test_drawing_from_one_token_is_greedy(narrow: dict[str, Any], words: PreTrainedTokenizerFast) -> None:
    model, prompts = _model("llama", words), list(_prompts())
    drawing = replace(SETTINGS, **({"temperature": 5.0} | narrow))
    assert generate_texts(model, words, prompts, drawing) == generate_texts(model, words, prompts, SETTINGS)


def test_without_top_k_every_token_can_be_drawn(words: PreTrainedTokenizerFast) -> None:
    flat = replace(SETTINGS, temperature=100.0, max_new_tokens=60)
    texts = generate_texts(_model("llama", words), words, [[5]] * 20, flat)
    # 1,200 draws of 60 nearly equal tokens; the library's own default would leave 10 of them out in each draw.
    assert len(set(" ".join(texts).split())) == 58
    one = generate_texts(_model("llama", words), words, [[5]] * 200, replace(flat, max_new_tokens=1))
    assert len(set(one)) > 50


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_text_ends_before_its_stop_string(kind: str, num_beams: int, words: PreTrainedTokenizerFast) -> None:
    model, prompts = _model(kind, words), list(_prompts())
    settings = replace(SETTINGS, num_beams=num_beams)
    whole = generate_texts(model, words, prompts, settings)
    stop = tuple({" ".join(text.split()[4:6]) for text in whole[::2]})
    ended = generate_texts(model, words, prompts, replace(settings, stop=stop))
    assert not any(end in text for text in ended for end in stop)
    if num_beams == 1:
        assert ended == [text[: min((text.find(end) for end in stop if end in text), default=None)] for text in whole]


def test_a_stop_string_in_the_prompt_stops_nothing(words: PreTrainedTokenizerFast) -> None:
    model = _model("llama", words)
    prompt = words.encode("w50 w51")
    whole = generate_texts(model, words, [prompt], SETTINGS)
    assert "w51" not in whole[0]
    assert generate_texts(model, words, [prompt], replace(SETTINGS, stop=("w51",))) == whole


def test_generation_ends_as_soon_as_every_row_has_its_stop_string(words: PreTrainedTokenizerFast) -> None:
    model, steps = _model("llama", words), []
    model.lm_head.register_forward_hook(lambda *_: steps.append(1))
    first = generate_texts(model, words, [[5]], replace(SETTINGS, max_new_tokens=1))[0]
    steps.clear()
    assert generate_texts(model, words, [[5]], replace(SETTINGS, stop=(first,))) == [""]
    assert len(steps) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_beams", [1, 2])
def test_streamed_pieces_join_to_the_text_and_never_show_a_stop_string(
    kind: str, num_beams: int, words: PreTrainedTokenizerFast
) -> None:
    model = _model(kind, words)
    settings = replace(SETTINGS, num_beams=num_beams)
    text = generate_texts(model, words, [[5, 9]], settings)[0]
    for stop in ((), (" ".join(text.split()[6:8]),), (text[0],)):
        pieces: list[str] = []
        told = generate_texts(model, words, [[5, 9]], replace(settings, stop=stop), pieces.append)
        assert pieces
        assert told == ["".join(pieces)]
        assert told == generate_texts(model, words, [[5, 9]], replace(settings, stop=stop))
        if num_beams == 1 and not stop:
            assert len(pieces) == 12


def test_characters_of_several_tokens_are_streamed_whole(letters: PreTrainedTokenizerFast) -> None:
    wanted = "aé→𝄞b ü"
    ids = letters.encode(wanted, add_special_tokens=False)
    assert len(ids) > len(wanted)
    pieces: list[str] = []
    settings = GenerationSettings(max_new_tokens=len(ids))
    assert generate_texts(_reciter(letters, ids), letters, [[5]], settings, pieces.append) == [wanted]
    assert "".join(pieces) == wanted
    assert pieces == list(wanted)
    cut = replace(settings, max_new_tokens=len(ids) - 1)  # ends within the last character
    pieces.clear()
    assert generate_texts(_reciter(letters, ids), letters, [[5]], cut, pieces.append) == ["".join(pieces)]


def test_nonsense_bytes_are_streamed_as_they_are_returned(letters: PreTrainedTokenizerFast) -> None:
    hot = GenerationSettings(max_new_tokens=50, temperature=50.0)
    pieces: list[str] = []
    told = generate_texts(_model("llama", letters), letters, [[5]], hot, pieces.append)
    assert "\ufffd" in told[0]
    assert told == ["".join(pieces)]


def _reciter(tokenizer: PreTrainedTokenizerFast, ids: list[int]) -> PreTrainedModel:
    """A model that says the given tokens after a prompt of one, whatever that is."""
    model = _model("llama", tokenizer)

    def recite(module: torch.nn.Module, inputs: Any, keywords: dict[str, Any], output: Any) -> Any:
        at = int(keywords["position_ids"][0, -1])
        output.logits[0, -1] = torch.nn.functional.one_hot(torch.tensor(ids[at]), len(tokenizer)).float()
        return output

    model.register_forward_hook(recite, with_kwargs=True)
    return model


def test_the_end_of_text_ends_a_row_and_is_not_shown(letters: PreTrainedTokenizerFast) -> None:
    ended = PreTrainedTokenizerFast(
        tokenizer_object=letters.backend_tokenizer, pad_token="[PAD]", eos_token="[SEP]", split_special_tokens=True
    )
    ids = [*ended.encode("abc", add_special_tokens=False), ended.eos_token_id, 40, 41]
    ids = [token for token in ids if token != ended.convert_tokens_to_ids("[CLS]")]
    settings = GenerationSettings(max_new_tokens=len(ids))
    assert generate_texts(_reciter(ended, ids), ended, [[5]], settings) == ["abc"]


def test_an_ordinary_token_that_a_config_names_by_default_ends_nothing(words: PreTrainedTokenizerFast) -> None:
    model = _model("llama", words)
    whole = generate_texts(model, words, [[5]], SETTINGS)
    model.generation_config.eos_token_id = words.convert_tokens_to_ids(whole[0].split()[3])
    assert generate_texts(model, words, [[5]], SETTINGS) == whole


def test_a_prompt_beyond_the_positions_loses_its_beginning(words: PreTrainedTokenizerFast) -> None:
    model = _model("llama", words)
    long = torch.randint(2, 60, (POSITIONS + 30,), generator=torch.Generator().manual_seed(1)).tolist()
    kept = long[-(POSITIONS - 12) :]
    assert generate_texts(model, words, [long, [5]], SETTINGS)[0] == words.decode(_argmax_loop(model, kept, 12))


@pytest.mark.parametrize("length", [1, 4, 100])
def test_a_text_longer_than_the_positions_is_written_in_windows_of_half_of_them(
    length: int, words: PreTrainedTokenizerFast
) -> None:
    model, prompt = _model("llama", words), [7] * length
    wanted: list[int] = []
    total = 2 * POSITIONS + 5
    while len(wanted) < total:
        kept = [*prompt, *wanted][-(max(POSITIONS - (total - len(wanted)), POSITIONS // 2)) :]
        wanted += _argmax_loop(model, kept, min(total - len(wanted), POSITIONS - len(kept)))
    settings = GenerationSettings(max_new_tokens=total)
    pieces: list[str] = []
    (alone,) = generate_texts(model, words, [prompt], settings, pieces.append)
    assert alone == words.decode(wanted) == "".join(pieces)
    assert generate_texts(model, words, [[9] * 3, prompt], settings)[1] == alone


def test_a_stop_string_ends_a_text_in_a_later_window(words: PreTrainedTokenizerFast) -> None:
    model = _model("llama", words)
    (whole,) = generate_texts(model, words, [[7]], GenerationSettings(max_new_tokens=3 * POSITIONS))
    late = whole[-12:]
    (cut,) = generate_texts(model, words, [[7]], GenerationSettings(max_new_tokens=3 * POSITIONS, stop=(late,)))
    assert cut == whole[: whole.index(late)]


@pytest.mark.parametrize("kind", ["t5gemma", "bart"])
def test_source_and_text_beyond_the_positions_are_cut(kind: str, words: PreTrainedTokenizerFast) -> None:
    model = _model(kind, words)
    long = list(range(2, 60)) * 3
    texts = generate_texts(model, words, [long, long[:POSITIONS]], GenerationSettings(max_new_tokens=1000))
    assert texts[0] == texts[1]
    assert 0 < len(texts[0].split()) < POSITIONS


def test_no_prompts_give_no_texts(words: PreTrainedTokenizerFast) -> None:
    assert generate_texts(_model("llama", words), words, [], SETTINGS) == []


def test_a_model_writes_under_autocast(words: PreTrainedTokenizerFast) -> None:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        texts = generate_texts(_model("llama", words), words, list(_prompts()), SETTINGS)
    assert all(texts)

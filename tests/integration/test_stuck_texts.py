"""Texts that run into a loop: models whose next word depends on the last one alone always do in the end."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.models.t5gemma.configuration_t5gemma import T5GemmaConfig, T5GemmaModuleConfig
from transformers.models.t5gemma.modeling_t5gemma import T5GemmaForConditionalGeneration

from domain.generation import GenerationSettings, find_loop
from infrastructure.models.generation import generate_texts

PAD, START, END, WORDS = 0, 1, 2, 60
SETTINGS = GenerationSettings(max_new_tokens=300, max_repeats=4)


@pytest.fixture(scope="module", params=["with an end of text", "without one"])
def words(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    """A word for each number. Without an end of text the library writes on in rows that are done."""
    return _words(None if request.param == "without one" else "[END]")


def _words(end: str | None) -> PreTrainedTokenizerFast:
    vocabulary = {"[PAD]": PAD, "[START]": START, "[END]": END} | {f"w{number}": number for number in range(3, WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="w3"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", bos_token="[START]", eos_token=end)


def _random_table() -> Tensor:
    """Give the scores [V, V] of each next word after each word; nothing is special and none ends."""
    table = torch.randn(WORDS, WORDS, generator=torch.Generator().manual_seed(3)) * 2
    table[:, : END + 1] = -1e9
    return table


def _model(table: Tensor, kind: str = "llama", positions: int = 512) -> PreTrainedModel:
    """A model whose weights say nothing: after a word come the scores of its row in `table` [V, V]."""
    shape: dict[str, Any] = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "head_dim": 8}
    shape |= {"num_attention_heads": 1, "num_key_value_heads": 1, "vocab_size": WORDS}
    shape |= {"max_position_embeddings": positions, "pad_token_id": PAD, "bos_token_id": START, "eos_token_id": None}
    model: PreTrainedModel
    if kind == "llama":
        model = LlamaForCausalLM(LlamaConfig(**shape))
    else:
        half = T5GemmaModuleConfig(**shape)
        model = T5GemmaForConditionalGeneration(T5GemmaConfig(encoder=half, decoder=half, vocab_size=WORDS))
    model.generation_config.bos_token_id = START

    def look_up(module: torch.nn.Module, inputs: Any, keywords: dict[str, Any], output: Any) -> Any:
        read = keywords["decoder_input_ids" if "decoder_input_ids" in keywords else "input_ids"]
        output.logits[:, -1] = table[read[:, -1]]
        return output

    model.register_forward_hook(look_up, with_kwargs=True)
    return model.eval()


def _until_a_word_comes_again(table: Tensor, prompt: int) -> list[int]:
    """Follow the likeliest words; with the second coming of one all the others follow anew."""
    seen: list[int] = []
    word = int(table[prompt].argmax())
    while word not in seen:
        seen.append(word)
        word = int(table[word].argmax())
    return seen


@pytest.mark.parametrize("kind", ["llama", "t5gemma"])
def test_a_text_that_is_stuck_ends_soon_and_keeps_its_loop_once(kind: str, words: PreTrainedTokenizerFast) -> None:
    table, steps = _random_table(), []
    model, begin = _model(table, kind), 7 if kind == "llama" else START
    expected = _until_a_word_comes_again(table, begin)
    block = len(expected) - expected.index(int(table[expected[-1]].argmax()))
    model.register_forward_hook(lambda *_: steps.append(1))
    assert generate_texts(model, words, [[7]], SETTINGS) == [words.decode(expected)]
    assert len(steps) == len(expected) - block + max(16, 5 * block)
    (endless,) = generate_texts(model, words, [[7]], replace(SETTINGS, max_repeats=0))
    assert len(endless.split()) == 300
    assert endless.startswith(str(words.decode(expected)))


def test_stuck_texts_do_not_depend_on_the_others_of_a_batch(words: PreTrainedTokenizerFast) -> None:
    table = _random_table()
    for word in range(10, 50):
        table[word, word + 1] = 99.0  # rows that are stuck late
    model, prompts = _model(table), [[number] for number in range(3, WORDS)]
    expected = [str(words.decode(_until_a_word_comes_again(table, number))) for (number,) in prompts]
    assert {len(text.split()) > 30 for text in expected} == {True, False}
    assert generate_texts(model, words, prompts, SETTINGS) == expected
    assert [generate_texts(model, words, [prompt], SETTINGS)[0] for prompt in prompts[::9]] == expected[::9]


def test_a_loop_over_several_windows_is_cut_all_the_same(words: PreTrainedTokenizerFast) -> None:
    table = _random_table()
    prompts = [[number] for number in range(3, WORDS, 5)]
    expected = [str(words.decode(_until_a_word_comes_again(table, number))) for (number,) in prompts]
    assert generate_texts(_model(table, positions=16), words, prompts, SETTINGS) == expected


@pytest.mark.parametrize("num_beams", [2, 4])
def test_beams_do_not_depend_on_the_batch_and_hold_no_loop(num_beams: int, words: PreTrainedTokenizerFast) -> None:
    model, prompts = _model(_random_table()), [[number] for number in range(3, 23)]
    searching = replace(SETTINGS, num_beams=num_beams, max_new_tokens=120)
    texts = generate_texts(model, words, prompts, searching)
    assert len(set(texts)) > 1
    assert [generate_texts(model, words, [prompt], searching)[0] for prompt in prompts[::4]] == texts[::4]
    for text in texts:
        assert 0 < len(text.split()) < 120
        assert find_loop(words.encode(text, add_special_tokens=False), 4) is None


@pytest.mark.parametrize("max_repeats", [0, 4])
def test_other_beams_write_on_when_one_is_stuck(max_repeats: int) -> None:
    """A likelier beginning loops with probability 0.6 a word; the better text ends 31 words later."""
    words, table = _words("[END]"), torch.full((WORDS, WORDS), 1e-9)
    table[5, 10], table[5, 20] = 0.7, 0.3
    table[10, 10], table[10, END] = 0.6, 0.05
    table[range(20, 50), range(21, 51)] = 0.95
    table[50, END] = 0.95
    searching = replace(SETTINGS, num_beams=2, max_repeats=max_repeats)
    expected = " ".join(f"w{number}" for number in range(20, 51))
    assert generate_texts(_model(table.log()), words, [[5]], searching) == [expected]


@pytest.mark.parametrize("num_beams", [1, 2])
@pytest.mark.parametrize("positions", [16, 512])
def test_streamed_pieces_join_to_the_text_without_its_loop(
    num_beams: int, positions: int, words: PreTrainedTokenizerFast
) -> None:
    model, settings = _model(_random_table(), positions=positions), replace(SETTINGS, num_beams=num_beams)
    for prompt in range(3, WORDS, 20):
        for stop in ((), ("w1",)):
            pieces: list[str] = []
            told = generate_texts(model, words, [[prompt]], replace(settings, stop=stop), pieces.append)
            assert told == ["".join(pieces)]
            assert told == generate_texts(model, words, [[prompt]], replace(settings, stop=stop))


@pytest.mark.parametrize("prompts", [[[10]], [[10], [11]]])
def test_whichever_comes_first_ends_a_text_its_stop_string_or_its_loop(
    prompts: list[list[int]], words: PreTrainedTokenizerFast
) -> None:
    table = torch.eye(WORDS) * 9  # each word follows itself
    model = _model(table)
    for times, kept in ((15, ""), (16, ""), (17, "w10")):
        stopping = replace(SETTINGS, stop=(" ".join(["w10"] * times),))
        assert generate_texts(model, words, prompts, stopping)[0] == kept


def test_what_is_written_behind_a_loop_is_neither_streamed_nor_returned(words: PreTrainedTokenizerFast) -> None:
    """Within windows of eight tokens the library sees no loop, and the model finds out of its own in the third."""
    model = _model(torch.eye(WORDS) * 9, positions=16)
    steps: list[int] = []
    pieces: list[str] = []

    def leave(module: torch.nn.Module, inputs: Any, output: Any) -> Any:
        steps.append(1)
        output.logits[:, -1, 11] += 99.0 * (len(steps) > 18)
        return output

    model.register_forward_hook(leave)
    assert generate_texts(model, words, [[10]], SETTINGS, pieces.append) == ["w10"] == ["".join(pieces)]
    assert 18 < len(steps) < 30

"""Five families of chat templates, written from what their authors document, with small tokenizers for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

WORDS = (
    "the assistant a user says yes no hello what is it of course thanks you are helpful one two three colour blue red"
    " system model answer short please why because sky grass green"
)


@dataclass(frozen=True)
class Family:
    """A template, the special tokens of its family, and the chat of `test_chat_templates` as it is to be written.

    What the assistant writes of `written` stands between « and ».
    """

    template: str
    signs: tuple[str, ...]
    named: Mapping[str, str]
    written: str
    takes_system: bool = True
    signs_take_white_space: bool = False


QWEN = Family(
    template="""
{%- if messages[0]['role'] != 'system' %}
    {{- '<|im_start|>system\\nyou are helpful<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}""",
    signs=("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    named={"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    written=(
        "<|im_start|>system\nyou are helpful<|im_end|>\n"
        "<|im_start|>user\nwhat is blue?<|im_end|>\n<|im_start|>assistant\n«the sky<|im_end|>»\n"
        "<|im_start|>user\nwhy<|im_end|>\n<|im_start|>assistant\n«because\n\nyes<|im_end|>»\n"
    ),
)
LLAMA = Family(
    template="""
{{- bos_token }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
    {{- message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}""",
    signs=("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    named={"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "pad_token": "<|end_of_text|>"},
    written=(
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nwhat is blue?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n«the sky<|eot_id|>»"
        "<|start_header_id|>user<|end_header_id|>\n\nwhy<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n«because\n\nyes<|eot_id|>»"
    ),
)
MISTRAL = Family(
    template="""
{{- bos_token }}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('After the optional system message, conversation roles must alternate user/assistant') }}
    {%- endif %}
    {%- if message['role'] == 'user' %}
        {{- '[INST] ' + message['content'] + ' [/INST]' }}
    {%- else %}
        {{- ' ' + message['content'] + eos_token }}
    {%- endif %}
{%- endfor %}""",
    signs=("<s>", "</s>"),
    named={"bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"},
    written="<s>[INST] what is blue? [/INST]« the sky</s>»[INST] why [/INST]« because\n\nyes</s>»",
    takes_system=False,
)
GEMMA = Family(
    template="""
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {{- raise_exception('System role not supported') }}
{%- endif %}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
    {{- '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<start_of_turn>model\\n' }}
{%- endif %}""",
    signs=("<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>"),
    named={"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"},
    written=(
        "<bos><start_of_turn>user\nwhat is blue?<end_of_turn>\n<start_of_turn>model\n«the sky<end_of_turn>»\n"
        "<start_of_turn>user\nwhy<end_of_turn>\n<start_of_turn>model\n«because\n\nyes<end_of_turn>»\n"
    ),
    takes_system=False,
)
PHI = Family(
    template="""
{%- for message in messages %}
    {{- '<|' + message['role'] + '|>\\n' + message['content'] + '<|end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>\\n' }}
{%- else %}
    {{- eos_token }}
{%- endif %}""",
    signs=("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    named={"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
    written=(
        "<|user|>\nwhat is blue?<|end|>\n<|assistant|>\n«the sky<|end|>»\n"
        "<|user|>\nwhy<|end|>\n<|assistant|>\n«because\n\nyes<|end|>»\n<|endoftext|>"
    ),
    signs_take_white_space=True,
)
FAMILIES: Mapping[str, Family] = {"chatml": QWEN, "llama": LLAMA, "mistral": MISTRAL, "gemma": GEMMA, "phi": PHI}


def bytes_tokenizer(family: Family) -> Any:
    """Give a tokenizer of bytes that keeps line ends together; that of Phi lets signs take the white space behind."""
    tokenizer = Tokenizer(models.BPE())
    words = pre_tokenizers.Split(Regex(r" ?\p{L}+| ?[^\s\p{L}]+|\s*\n+|\s+(?!\S)|\s+"), "isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, as_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([WORDS, "\n\n\n", WORDS, " \n\n"] * 3, trainer)
    return _with_signs(tokenizer, family)


def pieces_tokenizer(family: Family) -> Any:
    """Give a tokenizer that writes blanks as part of the next word and puts one before a text, as Llama 2 has."""
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    letters = sorted({*"".join(chr(code) for code in range(32, 127)), "\n", "▁"})
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator([WORDS] * 3, trainer)
    return _with_signs(tokenizer, family)


def words_tokenizer(family: Family) -> Any:
    """Give a tokenizer of words, line ends and other signs, each with the blank before it: its tokens can be read."""
    pattern = r" ?\n| ?[a-zA-Z]+| ?[^a-zA-Z\n ]| +"
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    texts = [family.written, WORDS, "[INST] [/INST] <|im_end|> . , # : ( ) 0 1 2 3 4 5 6 7 8 9"]
    known = dict.fromkeys(word for text in texts for word, _ in split.pre_tokenize_str(text))
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(["?", *known])}, unk_token="?"))
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.Fuse()
    return _with_signs(tokenizer, family)


TOKENIZERS = {"bytes": bytes_tokenizer, "pieces": pieces_tokenizer, "words": words_tokenizer}


@cache
def tokenizer_of(family: str, kind: str) -> Any:
    """Give a tokenizer of a family with its template."""
    tokenizer = TOKENIZERS[kind](FAMILIES[family])
    tokenizer.chat_template = FAMILIES[family].template
    return tokenizer


def _with_signs(tokenizer: Tokenizer, family: Family) -> Any:
    takes = [
        sign in ("<|user|>", "<|assistant|>", "<|system|>") and family.signs_take_white_space for sign in family.signs
    ]
    tokenizer.add_special_tokens(
        [AddedToken(sign, rstrip=rstrip, normalized=False) for sign, rstrip in zip(family.signs, takes, strict=True)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **family.named)

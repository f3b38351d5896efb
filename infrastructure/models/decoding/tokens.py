"""What a model and its tokenizer say of its texts: how they begin and end, what they must and must not hold."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# They belong to a checkpoint as its vocabulary does: a translator into many languages begins with the one that is asked
# for, and the pad token of Marian has a score like any other.
_NAMED = ("forced_bos_token_id", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens")
# Of what a checkpoint says of writing, that which changes no text: how long one may be is always asked for.
_CHANGES_NO_TEXT = re.compile(r"output_|return_|_|.*_token_id$|use_cache|cache_|max_(length|new_tokens)$|transformers_")


def end_tokens(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """List the tokens that end a text: the tokenizer's, and those the model names.

    Of the latter only special ones: configs of the library name token 2 where nobody set one, and in a vocabulary
    without specials that is a letter like any other.
    """
    named = model.generation_config.eos_token_id
    candidates = [named] if isinstance(named, int) else list(named or ())
    ends = {token for token in candidates if token in set(tokenizer.all_special_ids)}
    ends.discard(tokenizer.pad_token_id)
    return sorted(ends if tokenizer.eos_token_id is None else ends | {tokenizer.eos_token_id})


def start_token(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """Give the token that stands for the beginning, for a prompt must have one token at least."""
    choices = (tokenizer.bos_token_id, tokenizer.cls_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    return next(int(token) for token in (model.generation_config.bos_token_id, *choices) if token is not None)


def decoder_start(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> int:
    """Give the token with which an encoder-decoder begins to write; some say another than begins a text."""
    named = model.generation_config.decoder_start_token_id
    return start_token(model, tokenizer) if named is None else int(named)


def named_tokens(model: "PreTrainedModel") -> Mapping[str, Any]:
    """Give the tokens that a model names to be written first, never or not at the beginning; empty for none."""
    named = {name: getattr(model.generation_config, name, None) for name in _NAMED}
    return {name: tokens for name, tokens in named.items() if tokens not in (None, [])}


def left_out(model: "PreTrainedModel") -> Mapping[str, Any]:
    """Give what a checkpoint says of how it writes and nothing here heeds: beams, penalties, chance."""
    said = model.generation_config.to_diff_dict()
    kept = named_tokens(model)
    return {name: value for name, value in said.items() if name not in kept and not _CHANGES_NO_TEXT.match(name)}

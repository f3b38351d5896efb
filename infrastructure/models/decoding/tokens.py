"""Where a text begins and ends, of a model and its tokenizer."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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

"""The token that fills up short rows, where a pretrained model comes without one."""

from typing import TYPE_CHECKING, Any

from domain.exceptions import ModelError
from infrastructure.models.facts import positions_unused

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def settle_padding(name: str, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Let model and tokenizer have one and the same token for padding, one that the vocabulary has already.

    A model that reads the last token of a row finds it by this number; nothing else of padding reaches a result.
    Raises: ModelError when there is no token that could be it.
    """
    if tokenizer.pad_token_id is None:
        known = (tokenizer.eos_token, tokenizer.unk_token, tokenizer.sep_token, *tokenizer.all_special_tokens)
        token = next((token for token in known if token is not None), None)
        if token is None:
            raise ModelError(
                f"the tokenizer of model {name} has no pad_token, and no other special token that could stand for it.",
                remedy="Name one in it, tokenizer.pad_token = ..., and save it again with save_pretrained.",
            )
        tokenizer.pad_token = token
    number = tokenizer.pad_token_id
    configs: tuple[Any, ...] = (model.config, model.config.get_text_config(decoder=True))
    for config in configs:
        # Where positions are numbered from the padding a model was made with, its own number stays what it is.
        if getattr(config, "pad_token_id", None) is None or not positions_unused(model):
            config.pad_token_id = number

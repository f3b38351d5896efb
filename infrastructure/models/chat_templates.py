"""The chat template of a model: its own, one that comes with the program, or a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from domain.exceptions import ConfigurationError, ModelError
from domain.showing import shown
from infrastructure.data.chats.builtin_templates import BUILTIN_TEMPLATES, BuiltinTemplate
from infrastructure.data.chats.chat_format import ChatFormat
from infrastructure.plain_files import read_plain

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MOST_TEMPLATE_BYTES = 1 << 20  # the largest in use have 20 kB
ENDING = ".jinja"


def template_named(name: str) -> BuiltinTemplate:
    """Find a template that comes with the program, or read a file. Raises: ConfigurationError."""
    if name in BUILTIN_TEMPLATES:
        return BUILTIN_TEMPLATES[name]
    remedy = f"Use {' or '.join(BUILTIN_TEMPLATES)}, or the path of a {ENDING} file."
    if not name.endswith(ENDING):
        raise ConfigurationError(f"chat_template {shown(name)} is not known.", remedy=remedy)
    try:
        source = read_plain(Path(name), MOST_TEMPLATE_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8"
        raise ConfigurationError(f"chat_template {shown(name)} cannot be read: {reason}.", remedy=remedy) from error
    if not source.strip():
        raise ConfigurationError(f"chat_template {shown(name)} is empty.", remedy=remedy)
    return BuiltinTemplate(source)


def with_chats(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    model_name: str,
    template: BuiltinTemplate | None,
    seed: int,
) -> frozenset[str]:
    """Give a decoder the template it is to write chats by, or keep its own, and let it stop at the end of a turn.

    Tokens that the template needs and the tokenizer lacks get rows in the embeddings, drawn like those that are there;
    gives the names of the parameters that then have something to learn.
    Raises: ModelError for a template that does not serve, ConfigurationError.
    """
    new: frozenset[str] = frozenset()
    if template is not None:
        tokenizer.chat_template = template.source
        new = _add_tokens(model, tokenizer, template, seed)
    chats = ChatFormat(tokenizer, model_name)
    _require_special(tokenizer, chats)
    # What a text spells out is kept apart by our own encoding; the library, which has none, must see the signs that
    # the template writes.
    tokenizer.split_special_tokens = False
    stop_at(model, tokenizer, chats.end_id)
    return new


def stop_at(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", token: int) -> None:
    """Let a model's own settings of generation end a text at a token too."""
    named: Any = model.generation_config.eos_token_id
    ends = [token, *([named] if isinstance(named, int) else named or ()), tokenizer.eos_token_id]
    kept = list(dict.fromkeys(end for end in ends if end is not None))
    model.generation_config.eos_token_id = kept if len(kept) > 1 else kept[0]
    if model.generation_config.pad_token_id is None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id


def _add_tokens(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", template: BuiltinTemplate, seed: int
) -> frozenset[str]:
    missing = [token for token in template.tokens if token not in tokenizer.get_vocab()]
    if not missing:
        return frozenset()
    _add_special(tokenizer, missing)
    embeddings: Any = model.get_input_embeddings()
    if len(tokenizer) > embeddings.weight.shape[0]:  # many models have rows to spare
        torch.manual_seed(seed)
        model.resize_token_embeddings(len(tokenizer))
    tables = (model.get_input_embeddings(), model.get_output_embeddings())
    own = {id(parameter) for table in tables if table is not None for parameter in table.parameters()}
    return frozenset(name for name, one in model.named_parameters(remove_duplicate=False) if id(one) in own)


def _require_special(tokenizer: "PreTrainedTokenizerBase", chats: ChatFormat) -> None:
    """Let what ends a turn be a special token, which nobody wants to read. Raises: ModelError."""
    if chats.end_of_turn not in tokenizer.all_special_tokens:
        _add_special(tokenizer, [chats.end_of_turn])
    if chats.end_id == tokenizer.unk_token_id or chats.end_of_turn not in tokenizer.all_special_tokens:
        raise ModelError(
            f"{chats.end_of_turn!r}, with which the chat template ends an answer, is no token of the model.",
            remedy="Give another template with --set chat_template=chatml.",
        )


def _add_special(tokenizer: "PreTrainedTokenizerBase", tokens: Sequence[str]) -> None:
    named: Any = {"extra_special_tokens": list(tokens)}
    tokenizer.add_special_tokens(named, replace_extra_special_tokens=False)

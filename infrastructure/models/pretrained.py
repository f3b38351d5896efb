"""The one door through which anything is opened with the transformers library.

Every `from_pretrained` and `from_config` of the house stands here: a directory is read first (model_directory.py), code
is never trusted, weights are safetensors, nothing is fetched, and nothing is asked on standard input.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from domain.exceptions import ModelError
from infrastructure.model_files.model_directory import (
    CONFIG,
    RESTORE,
    Weights,
    check_settings,
    checked_directory,
    settings_of,
)
from infrastructure.randomness import drawing

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

# A head made anew, or a table of embeddings that the files hold once and the model twice.
ROOM_FOR_NEW = 1 << 26
# What tokenizers raise for some files that they cannot read; no Exception, and importable from nowhere.
RUST_PANIC = "PanicException"


def new_model(auto_class: str, config: "PreTrainedConfig") -> "PreTrainedModel":
    """Build an architecture with fresh weights by the name of its Auto class."""
    model: PreTrainedModel = _auto_class(auto_class).from_config(config, trust_remote_code=False)
    return model


def outline_of(model: "PreTrainedModel") -> "PreTrainedModel":
    """Build the same architecture without weights, adapters and memory; it writes what is given to it."""
    config = deepcopy(model.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        outline = type(model)(config)
    if model.can_generate():
        outline.generation_config = model.generation_config
    return outline


def open_config(directory: Path) -> "PreTrainedConfig":
    """Open the config of a model directory. Raises: ModelError."""
    from transformers import AutoConfig

    check_settings(directory)
    with _translated(directory / CONFIG):
        config: PreTrainedConfig = AutoConfig.from_pretrained(
            str(directory), trust_remote_code=False, local_files_only=True
        )
    return config


def outlined(directory: Path, auto_class: str) -> "PreTrainedModel":
    """Build the model of a checked directory without weights and without memory. Raises: ModelError."""
    config = open_config(directory)
    with _translated(directory / CONFIG):
        return _without_memory(_auto_class(auto_class), config)


def take_generation_settings(model: "PreTrainedModel", directory: Path) -> None:
    """Let a model write by the settings of a directory, where it has some. Raises: ModelError."""
    from transformers import GenerationConfig
    from transformers.utils import GENERATION_CONFIG_NAME

    path = directory / GENERATION_CONFIG_NAME
    if model.can_generate() and path.is_file():
        check_settings(directory)
        with _translated(path):
            model.generation_config = GenerationConfig.from_dict(dict(settings_of(path)))


def open_tokenizer(directory: Path) -> "PreTrainedTokenizerBase":
    """Open the tokenizer of a directory; special tokens that a text spells out are text. Raises: ModelError."""
    from transformers import AutoTokenizer

    check_settings(directory)
    with _translated(directory):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(directory), trust_remote_code=False, local_files_only=True, split_special_tokens=True
        )
    return tokenizer


def open_model(
    directory: Path,
    model_class: "str | type[PreTrainedModel]",
    packing: Mapping[str, Any] | None = None,
    **settings: Any,
) -> "tuple[PreTrainedModel, Mapping[str, Any]]":
    """Open a model in fp32 by the name of its Auto class or by its class; also gives what the library says of loading.

    `packing` says how its weights are packed and where they then are, `settings` change the config.
    Raises: ModelError, within moments and without the memory that a wrong config wants.
    """
    weights = checked_directory(directory)
    opened: Any = _auto_class(model_class) if isinstance(model_class, str) else model_class
    # New weights are drawn from torch's generator, which another run may be using.
    with _translated(directory), drawing(torch.device("cpu")):
        _refuse_larger(directory, opened, weights)
        model, loading = opened.from_pretrained(
            str(directory),
            trust_remote_code=False,
            local_files_only=True,
            use_safetensors=True,
            weights_only=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **(packing or {}),
            **settings,
        )
    _refuse_not_finite(directory, model, untrained(loading))
    return model, loading


def untrained(loading: Mapping[str, Any]) -> frozenset[str]:
    """Name the tensors that no file has given, by what the library says of loading."""
    return frozenset((*(str(entry[0]) for entry in loading["mismatched_keys"]), *loading["missing_keys"]))


def _refuse_not_finite(directory: Path, model: "PreTrainedModel", anew: frozenset[str]) -> None:
    """Refuse weights with which every loss is NaN: no step would ever be applied.

    Of those `anew` nothing is asked: the memory of a buffer that no file has filled may hold anything.
    """
    for name, tensor in model.state_dict().items():
        if name not in anew and tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{directory}: the weights {name} hold NaN or infinities.", remedy=RESTORE)


def _refuse_larger(directory: Path, opened: Any, weights: Weights) -> None:
    """Build the model without memory and compare its size with that of the files."""
    from transformers import AutoConfig

    if hasattr(opened, "from_config"):
        config = AutoConfig.from_pretrained(str(directory), trust_remote_code=False, local_files_only=True)
        model = _without_memory(opened, config)
    else:
        config = opened.config_class.from_dict(dict(settings_of(directory / CONFIG)))
        model = _without_memory(opened, config)
    declared = sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))
    if declared > 2 * weights.num_elements + ROOM_FOR_NEW:
        raise ModelError(
            f"{directory / CONFIG} describes {declared:,} numbers, but the files hold {weights.num_elements:,}.",
            remedy=RESTORE,
        )


def _without_memory(opened: Any, config: "PreTrainedConfig") -> "PreTrainedModel":
    """Build a model whose tensors have shapes and no content; draws no random number that others would draw."""
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        if hasattr(opened, "from_config"):
            model: PreTrainedModel = opened.from_config(config, trust_remote_code=False)
        else:
            model = opened(config)
    return model


def _auto_class(name: str) -> Any:
    from transformers.models.auto import modeling_auto

    return getattr(modeling_auto, name)


@contextmanager
def _translated(place: Path) -> Iterator[None]:
    """Let the library neither ask nor print, and say in a sentence what it raises."""
    from transformers import dynamic_module_utils

    # With no time to wait for an answer the library raises where it would read one from standard input.
    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0
    quiet = logging.getLogger("transformers")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # what it would print is said by our own warnings
    try:
        yield
    except ModelError:
        raise
    except BaseException as error:  # the library raises a dozen kinds, from OSError to those of its parsers
        if not (isinstance(error, Exception) or type(error).__name__ == RUST_PANIC):
            raise
        raise ModelError(
            f"{place} cannot be opened: {first_sentence(error)}.",
            remedy="Check that it is a whole save_pretrained directory of a model that suits the task.",
        ) from error
    finally:
        quiet.setLevel(level)


def first_sentence(error: BaseException) -> str:
    """Give the first line of what an error says, and the next one where that only announces it."""
    first, *rest = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if first.endswith(":") and rest:
        first = f"{first} {rest[0]}"
    return first[:200].rstrip(".")

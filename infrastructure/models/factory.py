"""Builds the model a request names: from a preset, a directory or the hub."""

import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from application.ports import Run
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, ModelError
from infrastructure.files import staged_directory
from infrastructure.models.bundle import ModelBundle

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

HUB_TIMEOUT_SECONDS = 5.0

CLASSIFIER = "AutoModelForSequenceClassification"
DECODER = "AutoModelForCausalLM"
ENCODER_DECODER = "AutoModelForSeq2SeqLM"
_SHAPES = {DECODER: "a decoder", ENCODER_DECODER: "an encoder-decoder"}


@dataclass(frozen=True)
class Blueprint:
    """What a kind of task builds: a head of the transformers library by the name of its Auto class, and presets.

    `presets` describe an architecture for a tokenizer; `head` are settings of the head for checkpoints of others;
    `learn_tokenizer` is asked when a preset needs one.
    """

    auto_class: str
    presets: "Mapping[str, Callable[[PreTrainedTokenizerBase], PreTrainedConfig]]"
    learn_tokenizer: "Callable[[], PreTrainedTokenizerBase]"
    head: Mapping[str, Any] = field(default_factory=dict)


def build_model(request: TrainModelRequest, blueprint: Blueprint, kept_tokenizer: Path) -> ModelBundle:
    """Build what `request.model_name` names; the same seed gives the same weights. Raises: ModelError."""
    name = request.model_name or next(iter(blueprint.presets))
    warnings: tuple[str, ...] = ()
    torch.manual_seed(request.seed)
    if name in blueprint.presets:
        # A resumed run takes the tokenizer it began with: another version of the library might learn another one.
        tokenizer = _opened_tokenizer(kept_tokenizer) if kept_tokenizer.is_dir() else blueprint.learn_tokenizer()
        torch.manual_seed(request.seed)
        model = _auto_class(blueprint.auto_class).from_config(blueprint.presets[name](tokenizer))
        share_embeddings(model)
    else:
        model, tokenizer, warnings = _from_checkpoint(name, blueprint)
        _check_positions(model, request.max_length)
    if request.gradient_checkpointing:
        _checkpoint_gradients(model, name)
    card = {"task": request.task, "model_name": name, "max_length": request.max_length}
    return ModelBundle(model, tokenizer, card, warnings)


def open_finished(directory: Path, auto_class: str) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """Open a directory that a run has finished. Raises: ModelError."""
    try:
        model = _auto_class(auto_class).from_pretrained(directory, use_safetensors=True)
        tokenizer = _opened_tokenizer(directory)
    except Exception as error:  # the library raises a dozen kinds, from OSError to those of its parsers
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
        raise ModelError(f"{directory} cannot be opened: {reason}.", remedy="Restore it or train again.") from error
    return model, tokenizer


def share_embeddings(model: "PreTrainedModel") -> None:
    """Let the decoder of a T5Gemma read and write with the embeddings of its encoder, if they are equal or new.

    What a word is, is then learnt once, which a small data set needs. The library ties the decoder's two uses of a
    table and leaves the encoder its own; in the files both stand, equal.
    """
    if model.config.model_type == "t5gemma" and model.config.tie_word_embeddings:
        shared = model.model.encoder.embed_tokens.weight
        model.model.decoder.embed_tokens.weight = shared
        model.lm_head.out_proj.weight = shared


def keep_tokenizer(bundle: ModelBundle, run: Run) -> None:
    """Keep the tokenizer beside the run from its first moment. Raises: OSError."""
    target = Path(run.path) / "tokenizer"
    if bundle.tokenizer is not None and not target.exists():
        with staged_directory(target) as staging:
            bundle.tokenizer.save_pretrained(staging)


def _auto_class(name: str) -> Any:
    from transformers.models.auto import modeling_auto

    return getattr(modeling_auto, name)


def _opened_tokenizer(name: str | Path) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    return tokenizer


def _from_checkpoint(
    name: str, blueprint: Blueprint
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase, tuple[str, ...]]":
    """Open a directory or hub id with the head of the blueprint; what lies below the head keeps its weights."""
    _refuse_unusable(name, blueprint)
    if not Path(name).is_dir() and not (_is_cached(name) or _hub_answers()):
        raise _not_fetched(name)
    quiet = logging.getLogger("transformers")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # what it would print is said by our own warning
    try:
        _refuse_other_shape(name, blueprint.auto_class)
        tokenizer = _opened_tokenizer(name)
        model, loading = _auto_class(blueprint.auto_class).from_pretrained(
            name,
            **blueprint.head,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
        )
    except ModelError:
        raise
    except Exception as error:  # the library raises a dozen kinds, from OSError to those of its parsers
        raise _cannot_open(name, error) from error
    finally:
        quiet.setLevel(level)
    _refuse_unfit(name, model, tokenizer, loading)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    if _reads_and_writes_alike(model):
        share_embeddings(model)
    return model, tokenizer, _loading_warnings(name, loading, blueprint)


def _reads_and_writes_alike(model: "PreTrainedModel") -> bool:
    if model.config.model_type != "t5gemma":
        return False
    return torch.equal(model.model.encoder.embed_tokens.weight, model.model.decoder.embed_tokens.weight)


def _refuse_other_shape(name: str, auto_class: str) -> None:
    """Refuse an encoder for a task that writes, a decoder for one that first reads, and the reverse."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    if auto_class not in _SHAPES:
        return
    config = AutoConfig.from_pretrained(name, trust_remote_code=False)
    if getattr(config, "is_encoder_decoder", False):
        shape = _SHAPES[ENCODER_DECODER]
    elif config.model_type in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and (
        getattr(config, "is_decoder", False) or config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    ):
        shape = _SHAPES[DECODER]
    else:
        shape = "an encoder"
    if shape != _SHAPES[auto_class]:
        raise ModelError(
            f"model {name} is {shape} ({config.model_type}), but this task trains {_SHAPES[auto_class]}.",
            remedy=f"Give {_SHAPES[auto_class]} or another --task.",
        )


def _refuse_unusable(name: str, blueprint: Blueprint) -> None:
    directory = Path(name)
    if directory.is_dir():
        if not (directory / "config.json").is_file():
            raise ModelError(
                f"model directory {name} has no config.json.", remedy="Give a directory that save_pretrained wrote."
            )
        if not any(directory.glob("*.safetensors")):
            raise ModelError(
                f"model directory {name} has no .safetensors file; other formats may carry code and are not opened.",
                remedy="Open and save it again with save_pretrained in an environment you trust.",
            )
    elif directory.exists():
        raise ModelError(f"model {name} is a file, not a directory.", remedy="Give the directory that holds it.")
    elif name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"model directory {name} does not exist.", remedy="Check the path.")
    elif "/" not in name:
        raise ModelError(
            f"model {name!r} is no preset of this task ({', '.join(blueprint.presets)}), directory or hub id.",
            remedy="Name one of these; a hub id has the form owner/name.",
        )


def _refuse_unfit(name: str, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", loading: Any) -> None:
    """Refuse what would train all the same, from an encoder of noise or on words nobody knows."""
    anew = {*(str(entry[0]) for entry in loading["mismatched_keys"]), *loading["missing_keys"]}
    # A pooler is part of the head: models that were trained to fill gaps have none.
    lost = sorted(key for key in anew if key.startswith(f"{model.base_model_prefix}.") and ".pooler." not in key)
    if lost:
        raise ModelError(
            f"model {name} does not fit its config.json: {len(lost)} tensors of its encoder are missing or of another"
            f" shape ({', '.join(lost[:3])}).",
            remedy="Restore the directory that save_pretrained wrote.",
        )
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ModelError(
            f"model {name} has no tokenizer beside it.", remedy="Save it there too: tokenizer.save_pretrained(DIR)."
        )
    embeddings = model.get_input_embeddings()
    known = int(embeddings.weight.shape[0]) if isinstance(embeddings, torch.nn.Embedding) else len(tokenizer)
    if len(tokenizer) > known:
        raise ModelError(
            f"the tokenizer of model {name} has {len(tokenizer)} tokens, but the model knows {known}.",
            remedy="Save the tokenizer it was trained with, or call model.resize_token_embeddings and save it again.",
        )


def _cannot_open(name: str, error: Exception) -> ModelError:
    if Path(name).is_dir():
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        return ModelError(
            f"model directory {name} cannot be opened: {reason}.".replace("..", "."),
            remedy="Check that it is a whole save_pretrained directory of a model that suits the task.",
        )
    return _not_fetched(name)


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(name, "config.json"), str)


def _hub_answers() -> bool:
    """Ask once: the library itself would try for a minute where there is no network."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urllib.request.urlopen(constants.ENDPOINT, timeout=HUB_TIMEOUT_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _not_fetched(name: str) -> ModelError:
    return ModelError(
        f"model {name!r} cannot be fetched from the hub and is no local directory.",
        remedy=f"With network, run `hf download {name} --local-dir DIR`, bring DIR here and use --model DIR.",
    )


def _loading_warnings(name: str, loading: Any, blueprint: Blueprint) -> tuple[str, ...]:
    mismatched = sorted(str(entry[0]) for entry in loading["mismatched_keys"])
    missing = sorted(loading["missing_keys"])
    anew = sorted({*mismatched, *missing})
    if not anew:
        return ()
    if blueprint.auto_class != CLASSIFIER:
        reason = "it has no head that writes"
    elif mismatched:
        reason = f"its head does not have {blueprint.head['num_labels']} labels"
    else:
        reason = "it has no classification head"
    return (f"model {name}: {', '.join(anew)} made anew, because {reason}; train it before use.",)


def _check_positions(model: "PreTrainedModel", max_length: int) -> None:
    positions = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    if positions is None:
        return
    # RoBERTa and its kin number positions from pad_token_id + 1.
    embeddings = [
        module for module_name, module in model.named_modules() if module_name.endswith("position_embeddings")
    ]
    offset = getattr(embeddings[0], "padding_idx", None) if embeddings else None
    usable = positions - (offset + 1 if offset is not None else 0)
    if max_length > usable:
        raise ConfigurationError(
            f"max_length is {max_length}, but the model has {usable} positions.", remedy=f"Use --max-length {usable}."
        )


def _checkpoint_gradients(model: "PreTrainedModel", name: str) -> None:
    if not model.supports_gradient_checkpointing:
        raise ModelError(f"model {name} does not support gradient_checkpointing.", remedy="Leave it out.")
    # The library is giving the method another name; both take the keywords of torch's function first.
    enable: Any = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})

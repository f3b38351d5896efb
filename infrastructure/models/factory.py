"""Builds the model a request names: from a preset, a directory or the hub."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from application.groups.text import DEFAULT_LENGTH
from application.phases import phase
from application.training import TextTraining
from domain.exceptions import ConfigurationError, ModelError
from infrastructure.model_files.model_directory import CONFIG, checked_directory
from infrastructure.models.adapters.adapting import adapt
from infrastructure.models.adapters.digests import digest_of_weights
from infrastructure.models.adapters.merging import merge
from infrastructure.models.adapters.opening import put_onto
from infrastructure.models.adapters.packing import packing
from infrastructure.models.adapters.settings import is_adapter
from infrastructure.models.adapters.source import source_of
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.decoding.tokens import left_out
from infrastructure.models.facts import outgrows_fp16, usable_positions
from infrastructure.models.freezing import freeze, frozen_base
from infrastructure.models.naming import place_of
from infrastructure.models.padding import settle_padding
from infrastructure.models.pretrained import (
    new_model,
    open_config,
    open_model,
    open_tokenizer,
    outlined,
    take_generation_settings,
    untrained,
)
from infrastructure.models.tokenizer_files import open_kept_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

CLASSIFIER = "AutoModelForSequenceClassification"
DECODER = "AutoModelForCausalLM"
ENCODER_DECODER = "AutoModelForSeq2SeqLM"
MASKED = "AutoModelForMaskedLM"
RESTORE_OR_TRAIN = "Restore it or train again."
_SHAPES = {DECODER: "a decoder", ENCODER_DECODER: "an encoder-decoder", MASKED: "an encoder"}


@dataclass(frozen=True)
class Blueprint:
    """What a kind of task builds: a head of the transformers library by the name of its Auto class, and presets.

    `presets` describe an architecture for a tokenizer; `head` are settings of the head for checkpoints of others;
    `learn_tokenizer` is asked when a preset needs one. `fit` gives a model what its texts need, before any of it is
    frozen or adapted, and the names of the parameters that then have something to learn.
    """

    auto_class: str
    presets: "Mapping[str, Callable[[PreTrainedTokenizerBase], PreTrainedConfig]]"
    learn_tokenizer: "Callable[[], PreTrainedTokenizerBase]"
    head: Mapping[str, Any] = field(default_factory=dict)
    fit: "Callable[[PreTrainedModel, PreTrainedTokenizerBase], Collection[str]]" = lambda model, tokenizer: ()


def build_model(request: TextTraining, blueprint: Blueprint, kept_tokenizer: Path) -> ModelBundle:
    """Build what `request.model_name` names; the same seed gives the same weights. Raises: ModelError."""
    name = request.model_name or next(iter(blueprint.presets))
    torch.manual_seed(request.seed)
    if name in blueprint.presets:
        opened = _from_preset(name, blueprint, request, kept_tokenizer)
    else:
        with phase(f"opening the model {name}"):
            opened = _from_checkpoint(name, blueprint, request)
    model, tokenizer, warnings = opened.model, opened.tokenizer, opened.warnings
    new = blueprint.fit(model, tokenizer)
    if request.gradient_checkpointing:
        checkpoint_gradients(model, name)
    warnings += freeze(model, request.freeze)
    if name in blueprint.presets:
        warnings += _random_told(name, request)
    card = {"task": request.task, "model_name": name, "max_length": request.max_length}
    if request.adapter == "none":
        return ModelBundle(model, tokenizer, card, warnings, frozen_base(model))
    untrained = None if opened.untrained is None else opened.untrained.union(new)
    adapter = adapt(model, request, blueprint.auto_class, untrained, opened.base)
    known_by = digest_of_weights(opened.base) if request.quantize != "none" and opened.base else ""
    base = frozen_base(model, known_by, stays_apart=adapter is not None)
    return ModelBundle(model, tokenizer, card, warnings, base, adapter)


@dataclass(frozen=True)
class _Opened:
    """A model before it is trained. `base` is the directory that its weights come from.

    `untrained` are the parameters that no file held, None when it is all of them. What an adapter was merged into comes
    from no single directory.
    """

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    warnings: tuple[str, ...] = ()
    untrained: frozenset[str] | None = None
    base: Path | None = None


def _from_preset(name: str, blueprint: Blueprint, request: TextTraining, kept_tokenizer: Path) -> _Opened:
    """Build an architecture with new weights.

    A resumed run takes the tokenizer it began with: another version of the library might learn another one.
    """
    if kept_tokenizer.exists():
        tokenizer = open_kept_tokenizer(kept_tokenizer)
    else:
        with phase("learning the tokenizer", unit="texts"):
            tokenizer = blueprint.learn_tokenizer()
    with phase(f"building the model {name}"):
        torch.manual_seed(request.seed)
        model = new_model(blueprint.auto_class, blueprint.presets[name](tokenizer))
        share_embeddings(model)
    return _Opened(model, tokenizer)


def open_finished(
    directory: Path, auto_class: str, head: Mapping[str, Any] | None = None
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """Open a directory that a run has finished, a model or an adapter, to which `head` says what its base lacks.

    Raises: ModelError.
    """
    if is_adapter(directory):
        return _open_finished_adapter(directory, auto_class, head or {})
    model = whole(directory, *open_model(directory, auto_class))
    tokenizer = open_tokenizer(directory)
    return _fit_together(directory, model, tokenizer), tokenizer


def _fit_together(directory: Path, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> "PreTrainedModel":
    _refuse_other_tokenizer(str(directory), model, tokenizer)
    if tokenizer.pad_token_id is None:
        raise ModelError(f"the tokenizer in {directory} has no pad_token.", remedy=RESTORE_OR_TRAIN)
    if model.config.pad_token_id is None:  # of the base of an adapter: a model of ours says it itself
        model.config.pad_token_id = tokenizer.pad_token_id
    return model


def _open_finished_adapter(
    directory: Path, auto_class: str, head: Mapping[str, Any]
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    """Open an adapter that a run has kept, beside the base that it was trained with."""
    source = source_of(directory)
    assert source.adapter is not None
    tokenizer = open_tokenizer(directory)
    model, loading = open_model(source.base, auto_class, **head)
    loading = put_onto(model, loading, source.adapter, directory)
    take_generation_settings(model, directory)
    whole(directory, model, {**loading, "unexpected_keys": ()})
    return _fit_together(directory, model, tokenizer), tokenizer


def whole(directory: Path, model: "PreTrainedModel", loading: Mapping[str, Any]) -> "PreTrainedModel":
    """Give a model whose files hold just what its config describes. Raises: ModelError."""
    faults = {
        "are missing": loading["missing_keys"],
        "are unknown to it": loading["unexpected_keys"],
        "have another shape": [entry[0] for entry in loading["mismatched_keys"]],
    }
    for what, keys in faults.items():
        if keys:
            named = ", ".join(sorted(map(str, keys))[:3])
            raise ModelError(
                f"the weights in {directory} do not fit its {CONFIG}: {len(keys)} tensors {what} ({named}).",
                remedy=RESTORE_OR_TRAIN,
            )
    return model


def share_embeddings(model: "PreTrainedModel") -> None:
    """Let the decoder of a T5Gemma read and write with the embeddings of its encoder, if they are equal or new.

    What a word is, is then learnt once, which a small data set needs. The library ties the decoder's two uses of a
    table and leaves the encoder its own; in the files both stand, equal.
    """
    if model.config.model_type == "t5gemma" and model.config.tie_word_embeddings:
        shared = model.model.encoder.embed_tokens.weight
        model.model.decoder.embed_tokens.weight = shared
        model.lm_head.out_proj.weight = shared


def _from_checkpoint(name: str, blueprint: Blueprint, request: TextTraining) -> _Opened:
    """Open a directory or hub id with the head of the blueprint; what lies below the head keeps its weights.

    An adapter is merged into its base: what is trained then begins where its training ended.
    """
    place = place_of(name, blueprint.presets, ask_hub=False)
    source = source_of(place.directory)
    checked_directory(source.base)  # all of it first: what is wrong with the weights is not to be said of the tokenizer
    _refuse_other_shape(name, blueprint.auto_class, source.base)
    tokenizer = open_tokenizer(source.tokenizer)
    packed = packing(outlined(source.base, blueprint.auto_class), request) if request.quantize != "none" else {}
    model, loading = open_model(source.base, blueprint.auto_class, packed, **blueprint.head)
    if source.adapter is not None:
        loading = put_onto(model, loading, source.adapter, source.directory, only_what_fits=True)
        take_generation_settings(model, source.directory)
        merge(model)
    _refuse_unfit(name, model, tokenizer, loading)
    settle_padding(name, model, tokenizer)
    if _reads_and_writes_alike(model):
        share_embeddings(model)
    warnings = (*place.notes, *_loading_warnings(name, loading, blueprint))
    warnings += _fitted(name, model, request)
    return _Opened(model, tokenizer, warnings, untrained(loading), None if source.adapter else source.base)


def _reads_and_writes_alike(model: "PreTrainedModel") -> bool:
    if model.config.model_type != "t5gemma":
        return False
    return torch.equal(model.model.encoder.embed_tokens.weight, model.model.decoder.embed_tokens.weight)


def _refuse_other_shape(name: str, auto_class: str, directory: Path) -> None:
    """Refuse an encoder for a task that writes, a decoder for one that first reads or fills gaps, and the reverse.

    Nor is there a classifier of every kind: translators such as Marian and Pegasus have none.
    """
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    )

    config = open_config(directory)
    if auto_class == CLASSIFIER and config.model_type not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES:
        raise ModelError(
            f"model {name} is of a kind ({config.model_type}) that the transformers library has no classifier of.",
            remedy="Give an encoder, or another --task.",
        )
    if auto_class not in _SHAPES:
        return
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


def _refuse_unfit(name: str, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", loading: Any) -> None:
    """Refuse what would train all the same, from an encoder of noise or on words nobody knows."""
    anew = untrained(loading)
    # A pooler is part of the head: models that were trained to fill gaps have none.
    lost = sorted(key for key in anew if key.startswith(f"{model.base_model_prefix}.") and ".pooler." not in key)
    if lost:
        raise ModelError(
            f"model {name} does not fit its config.json: {len(lost)} tensors of its encoder are missing or of another"
            f" shape ({', '.join(lost[:3])}).",
            remedy="Restore the directory that save_pretrained wrote.",
        )
    _refuse_other_tokenizer(name, model, tokenizer)


def _refuse_other_tokenizer(name: str, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise ModelError(
            f"model {name} has no tokenizer beside it.", remedy="Save it there too: tokenizer.save_pretrained(DIR)."
        )
    embeddings = model.get_input_embeddings()
    if not isinstance(embeddings, torch.nn.Embedding):
        return
    known, largest = int(embeddings.weight.shape[0]), max(tokenizer.get_vocab().values())
    if largest >= known:
        raise ModelError(
            f"the tokenizer of model {name} has {largest + 1} tokens, but the model knows {known}.",
            remedy="Save the tokenizer it was trained with, or call model.resize_token_embeddings and save it again.",
        )


def _random_told(name: str, request: TextTraining) -> tuple[str, ...]:
    """Say that what is not trained of a model from scratch is of no use."""
    asked = [f"{what} {value}" for what in ("freeze", "adapter") if (value := getattr(request, what)) != "none"]
    if not asked:
        return ()
    return (
        f"model {name} begins from scratch, and with {asked[0]} most of its weights stay random: give a pretrained"
        " model to tune.",
    )


def _loading_warnings(name: str, loading: Any, blueprint: Blueprint) -> tuple[str, ...]:
    mismatched = sorted(str(entry[0]) for entry in loading["mismatched_keys"])
    missing = sorted(loading["missing_keys"])
    anew = sorted({*mismatched, *missing})
    if not anew:
        return ()
    if blueprint.auto_class == MASKED:
        reason = "it has no head that fills gaps"
    elif blueprint.auto_class != CLASSIFIER:
        reason = "it has no head that writes"
    elif mismatched:
        reason = f"its head does not have {blueprint.head['num_labels']} labels"
    else:
        reason = "it has no classification head"
    return (f"model {name}: {', '.join(anew)} start untrained, because {reason}; this training teaches them.",)


def _fitted(name: str, model: "PreTrainedModel", request: TextTraining) -> tuple[str, ...]:
    """Refuse texts for which a model has no positions, and say what of it decided settings. Raises: ConfigurationError.

    What is said follows from model and settings, so that a resumed run says the same.
    """
    positions = usable_positions(model, model.config)
    if positions is not None and request.max_length > positions:
        raise ConfigurationError(
            f"max_length is {request.max_length}, but the model has {positions} positions.",
            remedy=f"Use --max-length {positions}.",
        )
    notes = []
    if request.max_length == positions and positions < DEFAULT_LENGTH:
        notes.append(f"model {name} has {positions} positions, so max_length is {positions}.")
    if request.precision == "fp16" and outgrows_fp16(model.config):
        notes.append(
            f"model {name} is of those whose numbers may leave the range of fp16, which makes losses infinite:"
            " bf16 or fp32 have that range."
        )
    if model.can_generate() and (own := left_out(model)):
        said = ", ".join(f"{setting}={value}" for setting, value in own.items())
        notes.append(f"model {name} says {said} of how it writes: here it writes by the settings of the task instead.")
    return tuple(notes)


def checkpoint_gradients(model: "PreTrainedModel", name: str) -> None:
    """Let each layer keep its inputs alone, and compute again what the backward pass wants. Raises: ModelError."""
    if not model.supports_gradient_checkpointing:
        raise ModelError(f"model {name} does not support gradient_checkpointing.", remedy="Leave it out.")
    # The library is giving the method another name; both take the keywords of torch's function first.
    enable: Any = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    # The way through a layer that is asked for needs no gradient of what goes in. The hook that the library leaves for
    # the other way is a function within a function, with which no model can be sent to another process.
    if getattr(model, "_require_grads_hook", None) is not None:
        model.disable_input_require_grads()

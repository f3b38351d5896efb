"""Builds the model a request names: from a preset, a directory or the hub."""

import logging
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from application.ports import Run
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, ModelError
from infrastructure.files import staged_directory
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.presets import ENCODERS, encoder_config
from infrastructure.models.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    class TrainingTexts(Protocol):
        """What a model needs to know of the data."""

        @property
        def label_names(self) -> tuple[str, ...]:
            """Labels in the order of the outputs."""

        def train_texts(self) -> "Sequence[str]":
            """Texts of the training part alone."""


HUB_TIMEOUT_SECONDS = 5.0


class ModelFactory:
    """Builds models; the same seed gives the same weights."""

    def build(self, request: TrainModelRequest, dataset: "TrainingTexts", run: Run) -> ModelBundle:
        """Build the classifier that `request.model_name` names, for the labels of the data. Raises: ModelError."""
        name = request.model_name or next(iter(ENCODERS))
        kept_tokenizer = Path(run.path) / "tokenizer"
        warnings: tuple[str, ...] = ()
        torch.manual_seed(request.seed)
        if name in ENCODERS:
            tokenizer = _own_tokenizer(request, dataset, kept_tokenizer)
            config = encoder_config(ENCODERS[name], tokenizer, dataset.label_names, request.max_length)
            model = _from_config(config)
        else:
            model, tokenizer, warnings = _from_checkpoint(name, dataset.label_names)
            _check_positions(model, request.max_length)
        if request.gradient_checkpointing:
            _checkpoint_gradients(model, name)
        card = {
            "task": request.task,
            "model_name": name,
            "labels": list(dataset.label_names),
            "text_field": request.text_field,
            "label_field": request.label_field,
            "max_length": request.max_length,
        }
        return ModelBundle(model, tokenizer, card, warnings)


def _own_tokenizer(request: TrainModelRequest, dataset: "TrainingTexts", kept: Path) -> "PreTrainedTokenizerBase":
    # A resumed run takes the tokenizer it began with: another version of the library might learn another one.
    if kept.is_dir():
        from transformers import AutoTokenizer

        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(kept)
        return tokenizer
    assert request.vocab_size is not None
    return train_tokenizer(dataset.train_texts(), request.vocab_size, bool(request.lowercase), request.seed)


def keep_tokenizer(bundle: ModelBundle, run: Run) -> None:
    """Keep the tokenizer beside the run from its first moment. Raises: OSError."""
    target = Path(run.path) / "tokenizer"
    if bundle.tokenizer is not None and not target.exists():
        with staged_directory(target) as staging:
            bundle.tokenizer.save_pretrained(staging)


def _from_config(config: Any) -> "PreTrainedModel":
    from transformers import AutoModelForSequenceClassification

    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    return model


def _from_checkpoint(
    name: str, label_names: tuple[str, ...]
) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase, tuple[str, ...]]":
    """Open a directory or hub id with a head of our labels; the encoder keeps its weights."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    _refuse_unusable(name)
    if not Path(name).is_dir() and not (_is_cached(name) or _hub_answers()):
        raise _not_fetched(name)
    quiet = logging.getLogger("transformers")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # what it would print is said by our own warning
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            name,
            num_labels=len(label_names),
            id2label=dict(enumerate(label_names)),
            label2id={label: number for number, label in enumerate(label_names)},
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
        )
    except Exception as error:  # the library raises a dozen kinds, from OSError to those of its parsers
        raise _cannot_open(name, error) from error
    finally:
        quiet.setLevel(level)
    _refuse_unfit(name, model, tokenizer, loading)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer, _loading_warnings(name, loading, len(label_names))


def _refuse_unusable(name: str) -> None:
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
            f"model {name!r} is no preset ({', '.join(ENCODERS)}), directory or hub id.",
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
            remedy="Check that it is a whole save_pretrained directory of a model for sequence classification.",
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


def _loading_warnings(name: str, loading: Any, num_labels: int) -> tuple[str, ...]:
    mismatched = sorted(str(entry[0]) for entry in loading["mismatched_keys"])
    missing = sorted(loading["missing_keys"])
    anew = sorted({*mismatched, *missing})
    if not anew:
        return ()
    reason = f"its head does not have {num_labels} labels" if mismatched else "it has no classification head"
    return (f"model {name}: {', '.join(anew)} made anew, because {reason}; train it before use.",)


def _check_positions(model: "PreTrainedModel", max_length: int) -> None:
    config = model.config
    positions = getattr(config, "max_position_embeddings", None)
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
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})

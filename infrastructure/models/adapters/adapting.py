"""Puts the adapter that a request asks for into a model that was just built."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from application.training import TextTraining
from domain.exceptions import ConfigurationError
from infrastructure.models.adapters.digests import Base, digest_of_weights
from infrastructure.models.adapters.files import Adapter
from infrastructure.models.adapters.layers import lora_config, put_in
from infrastructure.models.adapters.targets import chosen_layers, modules_of, parts_of, short_names
from infrastructure.models.mark_head import without_mark_head

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What the peft library calls what our kinds build, by the name of the Auto class; a classifier of it wants the labels.
_TASK_TYPES = {
    "AutoModelForSequenceClassification": "SEQ_CLS",
    "AutoModelForCausalLM": "CAUSAL_LM",
    "AutoModelForSeq2SeqLM": "SEQ_2_SEQ_LM",
}


def adapt(
    model: "PreTrainedModel",
    request: TextTraining,
    auto_class: str,
    untrained: Collection[str] | None,
    base: Path | None,
) -> Adapter | None:
    """Give the layers of a model their adapters and freeze the rest.

    `untrained` are the parameters that no file held, None for all, and `base` is the directory they came from. Gives
    how the adapter is to be kept where it is kept alone. Raises: ConfigurationError, ModelError.
    """
    parts = parts_of(model, untrained)
    layers = chosen_layers(model, parts, request.adapter_targets, request.adapter_rank)
    config = lora_config(
        model,
        layers,
        r=request.adapter_rank,
        lora_alpha=request.alpha,
        lora_dropout=request.adapter_dropout,
        use_dora=request.adapter == "dora",
    )
    kept = None
    if not request.merge_adapter:
        if base is None:
            what = "begins from scratch" if untrained is None else "is an adapter, and is merged into its base first"
            raise ConfigurationError(
                f"merge_adapter is false, but model {request.model_name} {what}: no directory holds what the new"
                " adapter would stand beside.",
                remedy="Use merge_adapter=true, or train and save that model first and give its directory.",
            )
        modules = modules_of(model, without_mark_head(dict.fromkeys(parts.in_full)), layers)
        name, revision = _name_of(str(request.model_name), base)
        about = replace(
            config,
            base_model_name_or_path=name,
            revision=revision,
            inference_mode=True,
            modules_to_save=modules or None,
            target_modules=short_names(model, layers),
            task_type=_TASK_TYPES.get(auto_class),
        )
        settings = {name: sorted(value) if isinstance(value, set) else value for name, value in about.to_dict().items()}
        kept = Adapter(Base(name, digest_of_weights(base)), {**settings, "peft_type": "LORA"}, tuple(modules))
    put_in(model, config, parts.in_full)
    return kept


def _name_of(name: str, directory: Path) -> tuple[str, str | None]:
    """Name a base as others find it: a directory from wherever one stands, a hub id by itself and its revision."""
    if Path(name).is_dir():
        return str(directory.resolve()), None
    owner_and_name, _, revision = name.partition("@")
    return owner_and_name, revision or None

"""What `adapter_config.json` may say: read by rules of our own, for it comes from anywhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path
from typing import Any

from domain.exceptions import ModelError
from domain.showing import shown
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, settings_of

ADAPTER_WEIGHTS = "adapter_model.safetensors"
LONGEST_NAME = 4096
MOST_PATTERNS = 10_000
# Read here, or what the tensors themselves say, or of the training alone.
_UNDERSTOOD = frozenset(
    (
        "alpha_pattern",
        "auto_mapping",
        "base_model_name_or_path",
        "bias",
        "ensure_weight_tying",
        "eva_config",
        "exclude_modules",
        "fan_in_fan_out",
        "inference_mode",
        "init_lora_weights",
        "layers_pattern",
        "layers_to_transform",
        "lora_alpha",
        "lora_dropout",
        "megatron_core",
        "modules_to_save",
        "peft_type",
        "peft_version",
        "qalora_group_size",
        "r",
        "rank_pattern",
        "revision",
        "target_modules",
        "task_type",
        "use_dora",
        "use_rslora",
    )
)
# Other beginnings change the base, and the adapter means nothing beside the base as it is.
_BEGINNINGS = (True, False, None, "gaussian", "orthogonal", "eva")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
REMEDY = "Merge the adapter into its model where it was made, and save that with save_pretrained."


@dataclass(frozen=True)
class AdapterSettings:
    """What decides the function of an adapter beside its tensors, and the directory or hub id that it stands beside.

    `alphas` are those of layers whose names end in what is named; all others have `alpha`. Where it `has_copies`, what
    was trained in full stood in place of modules of the base, and shared nothing with others any more.
    """

    base: str
    revision: str
    alpha: float
    alphas: Mapping[str, float]
    is_dora: bool
    is_rank_stable: bool
    has_copies: bool = False

    def scale(self, layer: str, rank: int) -> float:
        """Give what the adapter of a layer is multiplied by."""
        named = (alpha for end, alpha in self.alphas.items() if layer == end or layer.endswith(f".{end}"))
        alpha = next(named, self.alpha)
        return alpha / (sqrt(rank) if self.is_rank_stable else rank)


def is_adapter(directory: Path) -> bool:
    """Tell whether a directory holds an adapter and no model of its own."""
    return (directory / ADAPTER_CONFIG).exists()


def adapter_settings(directory: Path) -> AdapterSettings:
    """Read the settings of an adapter. Raises: ModelError naming the file and every setting that is not taken."""
    path = directory / ADAPTER_CONFIG
    settings = settings_of(path)
    faults = [*_faults(settings)]
    if faults:
        raise ModelError(f"{path}: {'; '.join(faults[:3])}.", remedy=REMEDY)
    return AdapterSettings(
        base=settings["base_model_name_or_path"],
        revision=settings.get("revision") or "",
        alpha=float(settings.get("lora_alpha", 8)),
        alphas={str(end): float(alpha) for end, alpha in (settings.get("alpha_pattern") or {}).items()},
        is_dora=bool(settings.get("use_dora")),
        is_rank_stable=bool(settings.get("use_rslora")),
        has_copies=bool(settings.get("modules_to_save")),
    )


def _faults(settings: Mapping[str, Any]) -> list[str]:
    """Say what of an adapter's settings is not taken."""
    if settings.get("peft_type") != "LORA":  # others have settings of their own, of which nothing is to be told
        return [f"peft_type is {shown(settings.get('peft_type'))}, but only LORA (with or without DoRA) is opened"]
    faults = []
    base = settings.get("base_model_name_or_path")
    if not (isinstance(base, str) and 0 < len(base) <= LONGEST_NAME and base.isprintable()):
        faults.append(f"base_model_name_or_path is {shown(base)}, but must name the model it was trained beside")
    revision = settings.get("revision")
    if not (revision is None or (isinstance(revision, str) and _REVISION.fullmatch(revision))):
        faults.append(f"revision is {shown(revision)}, but must be a branch, a tag or a commit")
    if not _is_positive(settings.get("lora_alpha", 8)):
        faults.append(f"lora_alpha is {shown(settings.get('lora_alpha'))}, but must be a number above 0")
    if settings.get("bias", "none") != "none":
        faults.append(f"bias is {shown(settings['bias'])}, but only none is opened")
    if not any(
        settings.get("init_lora_weights") is one or settings.get("init_lora_weights") == one for one in _BEGINNINGS
    ):
        faults.append(f"init_lora_weights is {shown(settings['init_lora_weights'])}, which changes the base")
    for name in ("use_dora", "use_rslora", "fan_in_fan_out"):
        if not isinstance(settings.get(name) or False, bool):
            faults.append(f"{name} is {shown(settings[name])}, but must be true or false")
    faults += _pattern_faults(settings.get("alpha_pattern"))
    mapping = settings.get("auto_mapping")
    if mapping and not _is_of_the_library(mapping):
        faults.append("auto_mapping wants code of its own")
    faults += [f"{name} is not taken" for name, value in settings.items() if value and name not in _UNDERSTOOD]
    return faults


def _pattern_faults(pattern: Any) -> list[str]:
    """Want plain names: a regular expression of a stranger may take for ever."""
    if not pattern:
        return []
    if not isinstance(pattern, dict) or len(pattern) > MOST_PATTERNS:
        return ["alpha_pattern is no mapping of names to numbers"]
    wrong = [
        name for name, alpha in pattern.items() if not (name.replace(".", "").isidentifier() and _is_positive(alpha))
    ]
    return [f"alpha_pattern has {shown(wrong[0])}, but only plain names and numbers above 0 are taken"] if wrong else []


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and 0 < value < 1e9


def _is_of_the_library(mapping: Any) -> bool:
    library = mapping.get("parent_library") if isinstance(mapping, dict) else None
    return isinstance(library, str) and library.partition(".")[0] in ("transformers", "peft")

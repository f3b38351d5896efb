"""What adapters need of a machine, and how weights beside them are packed into few bits."""

from collections.abc import Iterator
from importlib import util
from typing import TYPE_CHECKING, Any

import torch

from application.training import TextTraining, Training
from domain.exceptions import ConfigurationError
from domain.task import is_preset
from infrastructure.models.adapters.targets import modules_of, parts_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Made anew where a checkpoint has none, and then nothing that could be packed.
_POOLER = "pooler"
_FORMS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def require_adapters(request: Training, device: torch.device) -> None:
    """Want the packages and the device that the adapter of a training needs.

    Raises: ConfigurationError naming everything that is missing.
    """
    if isinstance(request, TextTraining) and request.adapter != "none" and (faults := list(_faults(request, device))):
        raise ConfigurationError.of(faults)


def _faults(request: TextTraining, device: torch.device) -> Iterator[str]:
    if util.find_spec("peft") is None:
        yield (
            f"adapter is {request.adapter}, but this Python has no peft. Run: pip install 'athanor[adapters]', or use"
            " adapter=none."
        )
    if request.parallel == "data_parallel":
        yield (
            f"adapter is {request.adapter} and parallel is data_parallel, which copies no adapter. Use parallel=auto,"
            " and `athanor launch` for several GPUs."
        )
    if request.quantize == "none":
        return
    if device.type != "cuda":
        yield (
            f"quantize is {request.quantize}, but weights are packed on a CUDA device alone, and device is {device}."
            " Use quantize=none."
        )
    elif util.find_spec("bitsandbytes") is None:
        yield (
            f"quantize is {request.quantize}, but this Python has no bitsandbytes. Run: pip install"
            " 'athanor[quantized]', or use quantize=none."
        )
    if request.model_name is None or is_preset(request.model_name):
        yield (
            f"quantize is {request.quantize}, but model {request.model_name} is trained from scratch and has no weights"
            " to keep. Use quantize=none, or give a pretrained model."
        )


def packing(outline: "PreTrainedModel", request: TextTraining) -> dict[str, Any]:
    """Say to the library how it packs the linear layers of a model while it reads them, and where they then stand.

    `outline` is the model without weights. What is trained in full and what scores tokens stay as they are. 4 bits are
    NF4 with packed scales. Source: Dettmers et al., QLoRA, NeurIPS 2023.
    """
    from transformers import BitsAndBytesConfig

    whole = modules_of(outline, parts_of(outline, ()).in_full, ())
    scores = outline.get_output_embeddings()
    whole += [name for name, module in outline.named_modules() if module is scores or name.endswith(_POOLER)]
    if request.quantize == "8bit":
        bits = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=whole)
    else:
        bits = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=_FORMS[request.precision],
            llm_int8_skip_modules=whole,
        )
    device = torch.device("cuda" if request.device == "auto" else request.device)
    return {"quantization_config": bits, "device_map": {"": device.index or 0}}

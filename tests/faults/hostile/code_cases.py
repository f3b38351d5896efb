"""Model directories that bring code, in each way in which a library could be led to import or unpickle it."""

import functools
import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults.hostile.arena import Place
from tests.faults.hostile.case import EITHER, REFUSED, Case, train

SOURCE = """
import os
open(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "CODE-RAN"), "w").close()
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast


class Config(PreTrainedConfig):
    model_type = "evil"


class Model(PreTrainedModel):
    config_class = Config


class Tokenizer(PreTrainedTokenizerFast):
    pass
"""
CONFIG_MAP = {"AutoConfig": "evil.Config"}
MODEL_MAP = dict.fromkeys(("AutoModel", "AutoModelForSequenceClassification", "AutoModelForCausalLM"), "evil.Model")
ELSEWHERE = {"AutoConfig": "owner/name--evil.Config"}
COMMANDS: dict[str, Sequence[str]] = {
    "train": train(model="model"),
    "evaluate": ("evaluate", "model", "--dataset", "rows.jsonl"),
    "predict": ("predict", "model", "--input", "-"),
}


class Pickled:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("touch CODE-RAN",)


def changed(path: Path, **values: Any) -> None:
    """Set keys of a JSON file, made if it is not there."""
    held = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**held, **values}))


def with_code(
    place: Place, file: str, command: str = "train", kind: str = "classifier", **values: Any
) -> Sequence[str]:
    """Copy a model, lay code beside it and name the code in one of its files."""
    directory = place.model(kind)
    (directory / "evil.py").write_text(SOURCE)
    changed(directory / file, **values)
    return COMMANDS[command]


def asking(name: str, exits: tuple[int, ...], says: tuple[str, ...], file: str, command: str, **values: Any) -> Case:
    """Describe a case of code that a file names."""
    return Case(name, functools.partial(with_code, file=file, command=command, **values), exits, says)


def mapped() -> Iterator[Case]:
    """Every file that can map a class of the library to one of the directory."""
    for command in COMMANDS:
        wanted: dict[str, Any] = {"auto_map": {**CONFIG_MAP, **MODEL_MAP}}
        for name, values in (("of an unknown type", {"model_type": "evil", **wanted}), ("of a known type", wanted)):
            title = f"{command}: auto_map in the config of a model {name}"
            yield asking(title, REFUSED, (r"config\.json",), "config.json", command, **values)
        title = f"{command}: auto_map in the tokenizer's config"
        named_there = {
            "auto_map": {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]},
            "tokenizer_class": "Tokenizer",
        }
        yield asking(title, REFUSED, (r"tokenizer_config\.json",), "tokenizer_config.json", command, **named_there)
    for name, more in (
        ("only of a model", {"auto_map": MODEL_MAP}),
        ("of another repository", {"auto_map": ELSEWHERE}),
        ("and trust_remote_code", {"auto_map": CONFIG_MAP, "model_type": "evil", "trust_remote_code": True}),
        ("that is a list", {"auto_map": ["evil.Config"], "model_type": "evil"}),
        ("that leads out", {"auto_map": {"AutoConfig": "../outside/evil.Config"}, "model_type": "evil"}),
    ):
        yield asking(f"auto_map {name}", REFUSED, ("model",), "config.json", "train", **dict[str, Any](more))
    for file in ("processor_config.json", "preprocessor_config.json"):
        build = functools.partial(with_code, file=file, auto_map={"AutoProcessor": "evil.Model"})
        yield Case(f"auto_map in {file}", build, EITHER)
    build = functools.partial(with_code, file="config.json", command="predict", kind="writer", auto_map=MODEL_MAP)
    yield Case("predict: auto_map in the config of a writer", build, REFUSED, (r"config\.json",))


def named() -> Iterator[Case]:
    """Names of modules, classes, kernels and places in files that the library reads."""
    for name, file, values in (
        ("trust_remote_code in config.json", "config.json", {"trust_remote_code": True}),
        ("an architecture of the directory", "config.json", {"architectures": ["evil.Model"]}),
        ("attention from a hub", "config.json", {"_attn_implementation": "owner/kernels"}),
        ("a quantiser", "config.json", {"quantization_config": {"quant_method": "evil"}}),
        ("another place as its name", "config.json", {"_name_or_path": "../outside"}),
        ("a tokenizer of a module", "tokenizer_config.json", {"tokenizer_class": "os.system"}),
        ("a tokenizer file outside", "tokenizer_config.json", {"tokenizer_file": "../outside/precious"}),
        (
            "generation settings with code",
            "generation_config.json",
            {"custom_generate": "evil", "auto_map": CONFIG_MAP},
        ),
        ("an adapter of a base elsewhere", "adapter_config.json", {"base_model_name_or_path": "../outside"}),
    ):
        yield Case(name, functools.partial(with_code, file=file, **values), EITHER)
    build = functools.partial(with_code, file="config.json", model_type="../evil")
    yield Case("a type that is a path", build, REFUSED, ("model",))


def generated(place: Place) -> Sequence[str]:
    """Lay the code of a `generate` beside a model that writes."""
    directory = place.model("writer") / "custom_generate"
    directory.mkdir()
    (directory / "generate.py").write_text(SOURCE + "\ndef generate(model, **more):\n    return more\n")
    (directory / "requirements.txt").write_text("evil\n")
    return ("predict", "model", "--input", "-", "--max-new-tokens", "2")


def with_template(place: Place, file: str) -> Sequence[str]:
    """Give a tokenizer a chat template that reaches for the interpreter."""
    directory = place.model("writer")
    reach = (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ cycler.__init__.__globals__.os.system('touch CODE-RAN') }}"
    )
    if file.endswith(".json"):
        changed(directory / file, chat_template=reach)
    else:
        (directory / file).parent.mkdir(exist_ok=True)
        (directory / file).write_text(reach)
    return ("predict", "model", "--input", "-", "--max-new-tokens", "2")


def weights_of(place: Place, name: str, content: bytes, instead: bool = True) -> Sequence[str]:
    """Lay a file of weights beside those of a model, or put it in their place."""
    directory = place.model()
    if instead:
        (directory / "model.safetensors").unlink()
    (directory / name).write_bytes(content)
    return COMMANDS["train"]


def torch_archive() -> bytes:
    """Give what `torch.save` writes: a zip around a pickle."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"x": Pickled()}))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return made.getvalue()


def old_torch_archive() -> bytes:
    """Give what the first versions of `torch.save` wrote: a tar."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in ("pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            content = pickle.dumps(Pickled())
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def pickled() -> Iterator[Case]:
    """Weights that are programs."""
    plain = pickle.dumps(Pickled())
    for name, content in (
        ("pytorch_model.bin", torch_archive()),
        ("pytorch_model.bin", old_torch_archive()),
        ("pytorch_model.bin", plain),
        ("model.pt", plain),
        ("model.pkl", plain),
        ("tf_model.h5", b"\x89HDF\r\n\x1a\n" + plain),
        ("flax_model.msgpack", plain),
        ("model.gguf", b"GGUF" + plain),
    ):
        sort = {0x50: "a zip", 0x80: "a pickle"}.get(content[0], "an archive")
        build = functools.partial(weights_of, name=name, content=content)
        yield Case(f"weights only as {name}, {sort}", build, REFUSED, ("model", "safetensors"))
    for name in ("pytorch_model.bin", "training_args.bin"):
        build = functools.partial(weights_of, name=name, content=torch_archive(), instead=False)
        yield Case(f"{name} beside good weights", build, EITHER)
    build = functools.partial(weights_of, name="model.safetensors", content=plain)
    yield Case("a pickle by the name model.safetensors", build, REFUSED, ("model",))
    build = functools.partial(weights_of, name="model.safetensors", content=torch_archive())
    yield Case("a torch archive by the name model.safetensors", build, REFUSED, ("model",))


def indexed(place: Place, target: str) -> Sequence[str]:
    """Let the index of the weights name a file elsewhere; whole weights stand there."""
    directory = place.model()
    weights = (directory / "model.safetensors").read_bytes()
    (directory / "model.safetensors").rename(directory / "other.safetensors")
    (place.outside / "model.safetensors").write_bytes(weights)
    (place.outside / "pytorch_model.bin").write_bytes(torch_archive())
    names = json.loads(weights[8 : 8 + struct.unpack("<Q", weights[:8])[0]])
    index = {"metadata": {}, "weight_map": {name: target.format(outside=place.outside) for name in names}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    return COMMANDS["train"]


def kept_tokenizer(place: Place) -> Sequence[str]:
    """Lay code beside the tokenizer that a killed run keeps."""
    directory = place.stopped() / "tokenizer"
    (directory / "evil.py").write_text(SOURCE)
    changed(directory / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]})
    return ("resume", "run")


def resumed_with(place: Place) -> Sequence[str]:
    """Let a killed run name a directory with code as its model."""
    with_code(place, "config.json", model_type="evil", auto_map={**CONFIG_MAP, **MODEL_MAP})
    run = place.stopped() / "run.yaml"
    run.write_text(run.read_text().replace("model_name: encoder-tiny", "model_name: model"))
    return ("resume", "run")


def forecaster_with_code(place: Place) -> Sequence[str]:
    """Lay code beside a forecaster, whose class is ours."""
    with_code(place, "config.json", kind="forecaster", auto_map={**CONFIG_MAP, "AutoModel": "evil.Model"})
    return ("predict", "model", "--input", str(place.good / "table.csv"))


def beside_the_work(place: Place) -> Sequence[str]:
    """Name modules like those that the libraries import, where the command is called and beside the model."""
    directory = place.model()
    (directory / "__init__.py").write_text(SOURCE)
    for name in ("torch.py", "transformers.py", "tokenizers.py", "sitecustomize.py", "json.py"):
        (place.work / name).write_text(SOURCE)
        (directory / name).write_text(SOURCE)
    return COMMANDS["train"]


TARGETS = ("../outside/model.safetensors", "{outside}/model.safetensors", "../outside/pytorch_model.bin", "", 7)
_INDEX: list[Callable[[Place], Sequence[str]]] = [functools.partial(indexed, target=str(t)) for t in TARGETS]

CASES = [
    *mapped(),
    *named(),
    *pickled(),
    Case("a generate of the directory", generated, EITHER),
    *(
        Case(f"a chat template that reaches out, in {file}", functools.partial(with_template, file=file), EITHER)
        for file in ("tokenizer_config.json", "chat_template.jinja")
    ),
    *(Case(f"an index of weights that names {target!r}", build, REFUSED, ("model",))
      for target, build in zip(TARGETS, _INDEX, strict=True)),
    Case("resume: code beside the kept tokenizer", kept_tokenizer, REFUSED, ("tokenizer",)),
    Case("resume: a model with code in run.yaml", resumed_with, REFUSED, ("config",)),
    Case("predict: code beside a forecaster", forecaster_with_code, EITHER),
    Case("modules named like libraries", beside_the_work, EITHER),
]  # fmt: skip

"""Model directories and tokenizers that are damaged, immense or no files at all."""

import base64
import functools
import json
import os
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faults.hostile.arena import Place
from tests.faults.hostile.case import EITHER, REFUSED, Case, train
from tests.faults.hostile.code_cases import changed

DEEP = "[" * 100_000 + "]" * 100_000
LONG_NUMBER = "9" * 6000
TRAIN_MODEL = train(model="model")
PREDICT = ("predict", "model", "--input", "-")


def header(tensors: Any, length: int | None = None) -> bytes:
    """Give the beginning of a safetensors file, with a length of our choice."""
    text = (tensors if isinstance(tensors, str) else json.dumps(tensors)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def one(shape: list[int], size: int, dtype: str = "F32") -> dict[str, Any]:
    """Describe one tensor that says it has this shape and size."""
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}


WEIGHTS: dict[str, bytes] = {
    "empty": b"",
    "seven bytes": b"\0" * 7,
    "a header of 2^63 bytes": header({}, 1 << 63),
    "a header of 2^64 - 1 bytes": header({}, (1 << 64) - 1),
    "a header longer than the file": header({}, 90_000_000),
    "a tensor of 2^60 bytes": header(one([1 << 58], 1 << 60)),
    "a shape that overflows": header(one([1 << 40, 1 << 40], 0)),
    "a negative offset": header('{"w": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}'),
    "an unknown type": header(one([1], 4, "EVIL")) + b"\0" * 4,
    "a deep header": header(DEEP),
    "a number of 6,000 digits": header(
        f'{{"w": {{"dtype": "F32", "shape": [{LONG_NUMBER}], "data_offsets": [0, 4]}}}}'
    ),
    "tensors of another model": header(one([2], 8)) + b"\0" * 8,
    "no tensors": header({}),
}
CONFIGS: dict[str, str | bytes] = {
    "empty": "",
    "cut off": '{"model_type": "modern',
    "a list": "[]",
    "null": "null",
    "deep": DEEP,
    "a deep value": '{"model_type": ' + DEEP + "}",
    "a number of 6,000 digits": '{"model_type": "modernbert", "hidden_size": ' + LONG_NUMBER + "}",
    "not UTF-8": b'{"model_type": "\xff\xfe"}',
    "an escape as its type": json.dumps({"model_type": "\x1b]0;owned\x07\u202e"}),
    "half a character as its type": '{"model_type": "\\ud800"}',
    "a number as its type": '{"model_type": 7}',
}
SIZES: dict[str, dict[str, Any]] = {
    "hidden_size of 10^9": {"hidden_size": 10**9},
    "vocab_size of 10^12": {"vocab_size": 10**12},
    "num_hidden_layers of 10^7": {"num_hidden_layers": 10**7},
    "max_position_embeddings a text": {"max_position_embeddings": "many"},
    "hidden_size negative": {"hidden_size": -128},
    "hidden_size a list": {"hidden_size": [128]},
    "dtype a module": {"dtype": "os.system"},
    "id2label a text": {"id2label": "evil"},
}


def replaced(place: Place, name: str, content: str | bytes, words: Sequence[str] = TRAIN_MODEL) -> Sequence[str]:
    """Put other content into one file of a model."""
    path = place.model() / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return words


def resized(place: Place, values: dict[str, Any]) -> Sequence[str]:
    """Let the config of a model declare something else."""
    changed(place.model() / "config.json", **values)
    return TRAIN_MODEL


def no_file(place: Place, name: str, make: Callable[[Path], object], words: Sequence[str]) -> Sequence[str]:
    """Put something in the place of a file of a model that is no regular file."""
    path = place.model() / name
    path.unlink()
    make(path)
    return words


def to_zeros(path: Path) -> None:
    """Make a link to endless zeros."""
    path.symlink_to("/dev/zero")


def to_itself(path: Path) -> None:
    """Make a link to itself."""
    path.symlink_to(path.name)


def listening(path: Path) -> None:
    """Make a socket, by a short path: the system takes no long ones."""
    there = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{there}/{path.name}")
    os.close(there)


NO_FILES: dict[str, Callable[[Path], object]] = {
    "a fifo": os.mkfifo,
    "endless zeros": to_zeros,
    "a directory": os.mkdir,
    "a link to itself": to_itself,
    "a socket": listening,
}


def special() -> Iterator[Case]:
    """Things that are no files, for every file of a model that is opened."""
    for file in ("config.json", "model.safetensors", "tokenizer.json", "athanor.json"):
        for name, make in NO_FILES.items():
            if file != "config.json" and name in ("a link to itself", "a socket"):
                continue
            words = PREDICT if file == "athanor.json" else TRAIN_MODEL
            build = functools.partial(no_file, name=file, make=make, words=words)
            yield Case(f"{file} is {name}", build, REFUSED, ("model",))


def _json_of(path: Path) -> Any:
    return json.loads(path.read_text())


def entries(directory: Path, **values: Any) -> None:
    """Set keys of tokenizer.json."""
    changed(directory / "tokenizer.json", **values)


def vocabulary(directory: Path, ids: dict[str, Any]) -> None:
    """Give words of the vocabulary other numbers."""
    path = directory / "tokenizer.json"
    held = _json_of(path)
    held["model"]["vocab"].update(ids)
    path.write_text(json.dumps(held))


def settings(directory: Path, content: str) -> None:
    """Replace the settings of a tokenizer."""
    (directory / "tokenizer_config.json").write_text(content)


def content(directory: Path, text: str | bytes) -> None:
    """Replace a tokenizer."""
    (directory / "tokenizer.json").write_bytes(text.encode() if isinstance(text, str) else text)


TOKENIZERS: dict[str, Callable[[Path], object]] = {
    "missing": lambda d: (d / "tokenizer.json").unlink(),
    "empty": lambda d: content(d, ""),
    "cut off": lambda d: content(d, (d / "tokenizer.json").read_bytes()[:500]),
    "a list": lambda d: content(d, "[]"),
    "an empty object": lambda d: content(d, "{}"),
    "deep": lambda d: content(d, DEEP),
    "not UTF-8": lambda d: content(d, b'{"version": "\xff"}'),
    "of an unknown model": lambda d: entries(d, model={"type": "Evil"}),
    "with a number below zero": lambda d: vocabulary(d, {"evil": -1}),
    "with a number of 6,000 digits": lambda d: content(d, '{"version": ' + LONG_NUMBER + "}"),
    "with merges of unknown words": lambda d: entries(d, model={"type": "BPE", "vocab": {"a": 0}, "merges": ["x y"]}),
    "with a broken normaliser": lambda d: entries(
        d, normalizer={"type": "Precompiled", "precompiled_charsmap": base64.b64encode(b"evil").decode() + "!"}
    ),
    "with settings cut off": lambda d: settings(d, '{"tokenizer_class": "Pre'),
    "with a list as settings": lambda d: settings(d, "[]"),
}
# Every key that the library wants of a word.
WORD = {
    "content": "x",
    **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
    "special": True,
}
ODD_TOKENIZERS: dict[str, Callable[[Path], object]] = {
    "with a number of 2^31": lambda d: vocabulary(d, {"evil": 2**31}),
    "with a word of 10^9 as number": lambda d: entries(d, added_tokens=[{**WORD, "id": 10**9}]),
    "with a pattern that never ends": lambda d: entries(
        d, pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
    ),
    "of an unknown class": lambda d: changed(d / "tokenizer_config.json", tokenizer_class="Evil"),
}


def tokenizer_of_model(place: Place, damage: Callable[[Path], object], words: Sequence[str]) -> Sequence[str]:
    """Damage the tokenizer beside a model."""
    damage(place.model())
    return words


def tokenizer_of_run(place: Place, damage: Callable[[Path], object]) -> Sequence[str]:
    """Damage the tokenizer that a killed run keeps."""
    damage(place.stopped() / "tokenizer")
    return ("resume", "run")


def without_tokenizer(place: Place) -> Sequence[str]:
    """Take every file of the tokenizer away."""
    for file in place.model().glob("*token*"):
        file.unlink()
    return PREDICT


def tokenizers() -> Iterator[Case]:
    """Tokenizers damaged in every way we know: in `predict`, and for `resume`."""
    for name, damage in TOKENIZERS.items():
        build = functools.partial(tokenizer_of_model, damage=damage, words=PREDICT)
        yield Case(f"predict: a tokenizer {name}", build, REFUSED, ("model|token",))
        yield Case(
            f"resume: a tokenizer {name}", functools.partial(tokenizer_of_run, damage=damage), REFUSED, ("token",)
        )
    for name, damage in ODD_TOKENIZERS.items():
        build = functools.partial(tokenizer_of_model, damage=damage, words=TRAIN_MODEL)
        yield Case(f"train: a tokenizer {name}", build, EITHER)
    immense = functools.partial(tokenizer_of_run, damage=ODD_TOKENIZERS["with a number of 2^31"])
    yield Case("resume: a tokenizer with a number of 2^31", immense, EITHER)


CASES = [
    *(
        Case(f"weights: {name}", functools.partial(replaced, name="model.safetensors", content=c), REFUSED, ("model",))
        for name, c in WEIGHTS.items()
    ),
    *(
        Case(f"config.json: {name}", functools.partial(replaced, name="config.json", content=c), REFUSED, ("model",))
        for name, c in CONFIGS.items()
    ),
    *(
        Case(f"config.json declares {name}", functools.partial(resized, values=v), REFUSED, ("model",))
        for name, v in SIZES.items()
    ),
    *special(),
    *tokenizers(),
    Case("predict: no file of a tokenizer", without_tokenizer, REFUSED, ("token",)),
]  # fmt: skip

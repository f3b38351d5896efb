"""What a model directory must be like before the transformers library may look at it.

It comes from anywhere. The library runs code that a directory names, asks on standard input whether it may, follows
names and links to other places, and builds whatever a number says: all of this is looked for here, by reading alone.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from domain.exceptions import ModelError
from infrastructure.plain_files import read_plain

CONFIG = "config.json"
ADAPTER_CONFIG = "adapter_config.json"
CUSTOM_GENERATE = "custom_generate"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
# Of the settings beside a model those that are always read.
_READ_BY_THE_LIBRARY = (CONFIG, "generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
VOCABULARIES = ("tokenizer.json", "vocab.json", "added_tokens.json", "tekken.json")
MIB = 1024 * 1024
# The largest tokenizers in use have 35 MiB; parsed, a file takes up to twenty times its size.
LARGEST_VOCABULARY, LARGEST_JSON = 64 * MIB, 8 * MIB

# Keys, at any depth, that make the library import, fetch or patch something, and what each of them asks for.
_WANTS_CODE = {
    "auto_map": "wants code of its own",
    "custom_pipelines": "wants code of its own",
    "kernel_config": "wants code from elsewhere",
    "fusion_config": "wants the library changed",
    "quantization_config": "is quantised",
    "configuration_files": "names another file in its place",
    "fast_tokenizer_files": "names another file in its place",
    "transformers_weights": "names another file for its weights",
}
# Other implementations are fetched as compiled code.
_IMPLEMENTATIONS = ("eager", "sdpa")
# Written by older versions of the library as they were on the machine of the author, and never opened.
_DEAD_NAMES = ("tokenizer_file", "special_tokens_map_file")
_TOKENIZER_CLASS = re.compile(r"(?!Auto)\w*(Tokenizer|TokenizerFast|Backend)")
_SHARDS_OF_RANKS = re.compile(r"shard-\d{5}-model-")
# A count of parts is built one by one; more than this and more than there are tensors is none.
MOST_PARTS = 1000
MOST_PARTS_READ = 10_000
MOST_LABELS = 100_000
MOST_IN_ANY_LIST = 1_000_000
MOST_OF_ANY_KIND = 10**12  # bases of rotary positions go that far
_PARTS = re.compile(r"layer|block|depth|expert|stage|group|attention_types")

REMEDY = "Save the model again with save_pretrained in an environment you trust, without it."
RESTORE = "Restore the directory that save_pretrained wrote."


@dataclass(frozen=True)
class Weights:
    """What the files of a directory hold: how many tensors, and how many numbers in all of them."""

    num_tensors: int
    num_elements: int


def checked_directory(directory: Path) -> Weights:
    """Find that a directory holds plain weights and settings and nothing else. Raises: ModelError naming the file."""
    check_settings(directory)
    if (directory / ADAPTER_CONFIG).exists():
        raise ModelError(
            f"{directory / ADAPTER_CONFIG}: an adapter stands beside the weights, and it is not clear which are meant.",
            remedy="Move the adapter into a directory of its own, or remove it.",
        )
    weights = _measured(directory)
    for where, value in entries_of(settings_of(directory / CONFIG)):
        _refuse_more_than(directory / CONFIG, where, value, weights)
    return weights


_OF_LABELS = frozenset({"label2id", "id2label"})


def check_settings(directory: Path) -> None:
    """Find that the settings beside a model or a tokenizer want no code and no other place. Raises: ModelError."""
    refuse_other_places(directory)
    if (directory / CUSTOM_GENERATE).exists():
        raise ModelError(
            f"{directory / CUSTOM_GENERATE}: a way to generate of its own is code, and is not opened.",
            remedy="Remove that folder.",
        )
    for path in sorted({*directory.glob("*config*.json"), *directory.glob("special_tokens_map.json")}):
        if path.name not in _READ_BY_THE_LIBRARY and isinstance(_json_of(path), list):
            continue  # of another program: sentence-transformers lists there what it learnt from
        for where, value in entries_of(settings_of(path)):
            _refuse_wish(path, where, value)
            if path.name == CONFIG:
                _refuse_outsized(path, where, value)
    for name in VOCABULARIES:
        _refuse_large(directory / name, LARGEST_VOCABULARY)


def settings_of(path: Path) -> Mapping[str, Any]:
    """Read a file of settings, a JSON object. Raises: ModelError."""
    settings = _json_of(path)
    if not isinstance(settings, dict):
        raise ModelError(f"{path} holds {type(settings).__name__}, but must hold a JSON object.", remedy=RESTORE)
    return settings


def _json_of(path: Path) -> Any:
    try:
        return json.loads(read_plain(path, LARGEST_JSON))
    except FileNotFoundError as error:
        raise ModelError(f"model directory {path.parent} has no {path.name}.", remedy=RESTORE) from error
    except json.JSONDecodeError as error:
        raise ModelError(f"{path} cannot be opened: it is not JSON ({error}).", remedy=RESTORE) from error
    except (OSError, ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else _reason(error)
        raise ModelError(f"{path} cannot be opened: {reason.rstrip('.')}.", remedy=RESTORE) from error


def _reason(error: Exception) -> str:
    return ((isinstance(error, OSError) and error.strerror) or str(error))[:200]


def refuse_other_places(directory: Path) -> None:
    """Refuse links that leave the directory, and what is neither a file nor a folder. Raises: ModelError.

    A snapshot in the cache of the hub is made of links to its own blobs.
    """
    home = directory.resolve()
    blobs = home.parent.parent / "blobs" if home.parent.name == "snapshots" else home
    for path in (*directory.iterdir(), *directory.glob("chat_template*/*")):
        target = path.resolve()
        if not (target.is_file() or target.is_dir()):
            raise ModelError(f"{path} is neither a file nor a folder, or leads nowhere.", remedy="Remove it.")
        if not (target.is_relative_to(home) or target.is_relative_to(blobs)):
            raise ModelError(
                f"{path} is a link that leaves its model directory, and is not followed.",
                remedy="Put a copy of what it names in its place.",
            )


def _refuse_large(path: Path, limit: int) -> None:
    if path.is_file() and path.stat().st_size > limit:
        size = path.stat().st_size / MIB
        raise ModelError(f"{path} has {size:,.0f} MiB, but {limit // MIB} at most are read.", remedy=RESTORE)


def entries_of(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the place and value of everything inside, such as `text_config.hidden_size`; in a list, that of the list."""
    open_ends: list[tuple[str, Any]] = list(settings.items())
    while open_ends:
        where, value = open_ends.pop()
        yield where, value
        if isinstance(value, dict):
            open_ends += [(f"{where}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list | tuple):
            open_ends += [(where, inner) for inner in value]


def _refuse_wish(path: Path, where: str, value: Any) -> None:
    """Refuse a setting that makes the library do more than read this directory."""
    key = where.rpartition(".")[2]
    if not value or _OF_LABELS.intersection(where.split(".")):  # a label may be called anything
        return
    if key in _WANTS_CODE:
        raise ModelError(f"{path} {_WANTS_CODE[key]} ({where}), which is not opened.", remedy=REMEDY)
    if key.endswith(("attn_implementation", "experts_implementation")):
        wrong = [one for one in _leaves(value) if one not in _IMPLEMENTATIONS]
        if wrong:
            raise ModelError(
                f"{path} wants {wrong[0]!r} ({where}), but only {' and '.join(_IMPLEMENTATIONS)} are taken.",
                remedy="Remove that line.",
            )
    if key == "tokenizer_class" and not (isinstance(value, str) and _TOKENIZER_CLASS.fullmatch(value)):
        raise ModelError(f"{path}: {where} {str(value)[:80]!r} is no tokenizer.", remedy=RESTORE)
    if key.endswith(("_file", "_files")) and key not in _DEAD_NAMES:
        for name in _leaves(value):
            if isinstance(name, str) and not is_own_name(name):
                raise ModelError(f"{path}: {where} names {name[:80]!r}, outside the directory.", remedy=REMEDY)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (inner for _, inner in entries_of(value) if not isinstance(inner, dict | list) and inner is not None)
    elif isinstance(value, list):
        yield from (inner for inner in value if inner is not None)
    elif value is not None:
        yield value


def opens_in_transformers(names: Collection[str]) -> bool:
    """Tell by its files whether the library opens a model: those of Athanor's own making have no tokenizer of it."""
    return "tokenizer_config.json" in names or "tokenizer.json" in names


def is_own_name(name: str) -> bool:
    """Tell whether a name means a file of the same directory."""
    return bool(name) and Path(name).name == name and "\\" not in name and name != ".."


def _measured(directory: Path) -> Weights:
    """Count what the headers of the weights declare; safetensors compares them with the sizes of the files."""
    shapes: list[tuple[int, ...]] = []
    for path in weight_files(directory):
        try:
            with safe_open(path, framework="pt") as file:
                shapes += [tuple(file.get_slice(name).get_shape()) for name in file.keys()]  # noqa: SIM118 no mapping
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{path} is damaged: {error}.", remedy=RESTORE) from error
    return Weights(len(shapes), sum(map(prod, shapes)))


def weight_files(directory: Path) -> list[Path]:
    """Name the files that hold the weights. Raises: ModelError for weights that lie elsewhere or are no safetensors."""
    for path in directory.glob("shard-*"):
        if _SHARDS_OF_RANKS.match(path.name):
            raise ModelError(f"{path} is a part of a distributed checkpoint.", remedy="Save the model as a whole.")
    if (directory / WEIGHTS).is_file():
        return [directory / WEIGHTS]
    if not (directory / WEIGHTS_INDEX).is_file():
        raise ModelError(
            f"model directory {directory} has no .safetensors file called {WEIGHTS}; other formats may carry code and"
            " are not opened.",
            remedy="Open and save it again with save_pretrained in an environment you trust.",
        )
    index = settings_of(directory / WEIGHTS_INDEX)
    named, about = index.get("weight_map"), index.get("metadata", {})
    if not isinstance(named, dict) or not isinstance(about, dict) or not named:
        raise ModelError(f"{directory / WEIGHTS_INDEX} must map tensors to files in `weight_map`.", remedy=RESTORE)
    for name in named.values():
        if not (isinstance(name, str) and is_own_name(name) and name.endswith(".safetensors")):
            raise ModelError(
                f"{directory / WEIGHTS_INDEX} names {str(name)[:80]!r}, which is no .safetensors file beside it.",
                remedy=RESTORE,
            )
    files = [directory / name for name in sorted(set(named.values()))]
    for path in files:
        if not path.is_file():
            raise ModelError(f"{path} is missing, but {WEIGHTS_INDEX} names it.", remedy=RESTORE)
    return files


def _refuse_outsized(path: Path, where: str, value: Any) -> None:
    """Refuse counts that nobody has: reading such a config alone makes lists of their length."""
    key = where.rpartition(".")[2]
    numbers = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, int)]
    limit = MOST_IN_ANY_LIST if isinstance(value, list) else MOST_OF_ANY_KIND
    if _counts_parts(key):
        limit = MOST_PARTS_READ
    elif "label" in key:
        limit = MOST_LABELS
    for number in numbers:
        if abs(number) > limit:
            raise ModelError(
                f"{path}: {where} is {_shown(number)}, but {limit:,} at most are taken.",
                remedy=RESTORE,
            )


def _refuse_more_than(path: Path, where: str, value: Any, weights: Weights) -> None:
    """Refuse more parts or a greater width than the files can have: the library would build them one by one."""
    if not isinstance(value, int):
        return
    key = where.rpartition(".")[2]
    limit = None
    if _counts_parts(key):
        limit = max(MOST_PARTS, weights.num_tensors)
    elif key.endswith("_size") or "dim" in key or key.startswith("d_"):
        limit = max(MOST_LABELS, weights.num_elements)
    if limit is not None and abs(value) > limit:
        raise ModelError(
            f"{path}: {where} is {_shown(value)}, but the files hold {weights.num_tensors} tensors with"
            f" {weights.num_elements:,} numbers.",
            remedy=RESTORE,
        )


def _counts_parts(key: str) -> bool:
    return _PARTS.search(key) is not None and not key.endswith("_size")


def _shown(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**18 else "a huge number"

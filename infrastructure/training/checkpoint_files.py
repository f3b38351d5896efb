"""One checkpoint on disk: tensors in safetensors, the rest in JSON, and a manifest that vouches for every byte.

Where several ranks hold a state together, each writes and reads what it holds, all at the same time: rank 1 of 4 keeps
its rows of the model in `model-00002-of-00004.safetensors`. The rows of a tensor follow each other in the order of the
files; what all ranks have alike is in the first one. A reader, alone or one of any number, asks for the rows it wants.

`torch.distributed.checkpoint` can write safetensors as well (`HuggingFaceStorageWriter`). It is not used here: it
makes the bytes of a whole file in memory before it writes the first, it tells a tensor by its name over all files, so
that a plain checkpoint, whose model and optimizer are apart, cannot be read with it, and its errors hide which disk
refused and why. All it would replace is `save_file` and `get_slice`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from domain.exceptions import CheckpointError
from domain.retention import CheckpointMetadata
from infrastructure.disk_errors import disk_errors
from infrastructure.files import staged_directory, sync
from infrastructure.manifest import (
    MANIFEST,
    DamageError,
    Files,
    described,
    first_fault,
    read_manifest,
    require_digests,
    write_manifest,
)
from infrastructure.parallel.ranks import ALONE, Ranks
from infrastructure.plain_files import read_plain
from infrastructure.spread_tensors import is_spread, spread_like
from infrastructure.training.tensor_tree import join_tree, split_tree

STATE_FILE = "state.json"
# The second has parts in several files, which a program of before would take for missing.
PLAIN, SPREAD = 1, 2
PARTS = ("model", "optimizer", "scheduler", "scaler", "extra")
# Of a file that is read whole before anybody knows what it is.
LARGEST_STATE = 1 << 28
# These two have a tensor file even when it is empty, so that a reader knows where to look.
_ALWAYS_ON_FILE = ("model", "optimizer")


class _Facts(BaseModel):
    """What a manifest holds beside the files."""

    model_config = ConfigDict(strict=True, extra="forbid")

    format_version: int
    metadata: CheckpointMetadata


@dataclass(frozen=True)
class CheckpointContent:
    """A state made ready for disk: tensors by file, everything else as JSON text.

    `ranks` are those that hold it together; of the tensors each has those that it will write.
    """

    tensors: Mapping[str, Mapping[str, Tensor]]
    state: str
    ranks: Ranks = ALONE

    @classmethod
    def of(cls, parts: Mapping[str, Any], copied: bool = False, ranks: Ranks = ALONE) -> "CheckpointContent":
        """Take apart the nested state of each part, None for one that is not there. Raises: CheckpointError.

        Tensors share the memory of the state unless they are `copied`.
        """
        structures, tensors = {}, {}
        for part, tree in parts.items():
            structures[part], named = split_tree(tree, copied, ranks.rank if ranks.size > 1 else None)
            if named or (ranks.is_first and part in _ALWAYS_ON_FILE and tree is not None):
                tensors[_file_of(part, ranks)] = named
        return cls(tensors, json.dumps(structures, allow_nan=False) + "\n", ranks)

    @property
    def num_bytes(self) -> int:
        """About what this rank will write."""
        tensors = sum(tensor.nbytes for named in self.tensors.values() for tensor in named.values())
        return tensors + len(self.state)


@dataclass(frozen=True)
class Reading:
    """Who reads a checkpoint, and what for.

    `ranks` read it at the same time, and find it whole or damaged together. `held` gives, by part and name, the tensor
    that one on file is for; of one that is spread over ranks, only the rows of this rank are read.
    """

    ranks: Ranks = ALONE
    held: Callable[[str, str], Tensor | None] = lambda part, name: None


BY_ONE = Reading()


def write_checkpoint(directory: Path, content: CheckpointContent, metadata: CheckpointMetadata) -> CheckpointMetadata:
    """Write a checkpoint whole or not at all; gives `metadata` with the size of its files.

    Called by all ranks that hold the content. Raises, in all: OSError of the first one whose disk refuses.
    """
    ranks = content.ranks
    with ExitStack() as stack:
        with ranks.sharing(OSError):
            own = stack.enter_context(staged_directory(directory)) if ranks.is_first else None
        staging = ranks.of_first(own)
        assert staging is not None, "the first one has it"
        with ranks.sharing(OSError):
            written = _write_own(staging, content)
        files = {name: file for each in ranks.gathered(written) for name, file in each.items()}
        metadata = replace(metadata, size_bytes=sum(file.size_bytes for file in files.values()))
        with ranks.sharing(OSError):
            if ranks.is_first:
                version = PLAIN if ranks.size == 1 else SPREAD
                write_manifest(staging, files, format_version=version, metadata=asdict(metadata))
            stack.close()  # by which it is put in place
    return metadata


def _write_own(staging: Path, content: CheckpointContent) -> Files:
    """Write what this rank has of a checkpoint."""
    for name, tensors in content.tensors.items():
        with disk_errors():
            save_file(dict(tensors), staging / name)
        # safetensors writes through a private temporary file; a team reads what the umask lets it read.
        (staging / name).chmod(staging.stat().st_mode & 0o666)
    names = list(content.tensors)
    if content.ranks.is_first:
        (staging / STATE_FILE).write_text(content.state, encoding="ascii")
        names.append(STATE_FILE)
    else:
        # The first one asks its system to keep all files, and another node's system keeps what was written there.
        for name in names:
            sync(staging / name)
    return {name: described(staging / name) for name in sorted(names)}


def read_metadata(directory: Path) -> CheckpointMetadata:
    """Read what the manifest tells; sizes and names of the files are compared with it, their bytes are not read.

    Raises: CheckpointError that says what is damaged.
    """
    return _read_manifest(directory)[0]


def verify_checkpoint(directory: Path, ranks: Ranks = ALONE) -> tuple[CheckpointMetadata, Files]:
    """Compare every byte with the manifest; gives the metadata and the files by name. Ranks share out the files.

    Raises: CheckpointError.
    """
    with ranks.sharing(CheckpointError):
        metadata, files = _read_manifest(directory)
        # In the order of names, so that where as many ranks wrote it each reads first what it will take up.
        own = {name: files[name] for name in sorted(files)[ranks.rank :: ranks.size]}
        try:
            require_digests(directory, own)
        except DamageError as error:
            raise _damaged(directory, str(error)) from error
    return metadata, files


def read_checkpoint(directory: Path, reading: Reading = BY_ONE) -> tuple[CheckpointMetadata, dict[str, Any]]:
    """Read the metadata and the parts, every byte verified before use; tensors are on the CPU and own their memory.

    Those that are spread over ranks in the run come spread as they are there, on its devices.
    Raises: CheckpointError that says what is damaged, in all ranks that read.
    """
    metadata, files = verify_checkpoint(directory, reading.ranks)
    with reading.ranks.sharing(CheckpointError):
        try:
            structures = json.loads(read_plain(directory / STATE_FILE, LARGEST_STATE), parse_constant=_no_constant)
            if not isinstance(structures, dict) or structures.keys() != set(PARTS):
                raise ValueError(f"{STATE_FILE} does not hold {', '.join(PARTS)}")
            parts = {
                part: join_tree(structure, _load_tensors(directory, part, files, reading))
                for part, structure in structures.items()
            }
        except (OSError, SafetensorError, ValueError, RecursionError, CheckpointError) as error:
            raise _damaged(directory, f"it cannot be read ({error})") from error
    return metadata, parts


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _file_of(part: str, ranks: Ranks) -> str:
    number = f"-{ranks.rank + 1:05d}-of-{ranks.size:05d}" if ranks.size > 1 else ""
    return f"{part}{number}.safetensors"


def _load_tensors(directory: Path, part: str, files: Files, reading: Reading) -> dict[str, Tensor]:
    with ExitStack() as stack:
        holders: dict[str, list[Any]] = defaultdict(list)  # the files that have rows of a tensor, in their order
        for name in sorted(filter(re.compile(rf"{part}(-\d+-of-\d+)?\.safetensors").fullmatch, files)):
            file = stack.enter_context(safe_open(directory / name, "pt"))
            for tensor in file.keys():  # noqa: SIM118  # it is no mapping
                holders[tensor].append(file)
        return {name: _taken_up(name, holding, reading.held(part, name)) for name, holding in holders.items()}


def _taken_up(name: str, files: Sequence[Any], held: Tensor | None) -> Tensor:
    """Read a tensor [R, ...], of one that is spread over ranks the rows of this one.

    Copied out of the memory map: an optimizer may go on using it after the file is deleted, and its space would not be
    free before it is.
    """
    shapes = [file.get_slice(name).get_shape() for file in files]
    if not shapes[0]:
        tensor: Tensor = files[0].get_tensor(name)
        return tensor.clone()
    num_rows = sum(shape[0] for shape in shapes)

    def rows(start: int, stop: int) -> Tensor:
        found, first = [], 0
        for file, (count, *_) in zip(files, shapes, strict=True):
            found.append(file.get_slice(name)[min(max(start - first, 0), count) : min(max(stop - first, 0), count)])
            first += count
        return torch.cat(found)

    if held is not None and is_spread(held) and list(held.shape) == [num_rows, *shapes[0][1:]]:
        return spread_like(held, rows)
    return rows(0, num_rows)


def _read_manifest(directory: Path) -> tuple[CheckpointMetadata, Files]:
    try:
        facts, files = read_manifest(directory)
        known = _Facts.model_validate_json(json.dumps(facts, allow_nan=False))
    except DamageError as error:
        raise _damaged(directory, str(error)) from error
    except ValidationError as error:
        raise _damaged(directory, f"{MANIFEST} cannot be used ({first_fault(error)})") from error
    if known.format_version not in (PLAIN, SPREAD):
        raise _damaged(directory, f"its format version is {known.format_version}, not {PLAIN} or {SPREAD}")
    if known.metadata.name != directory.name:
        raise _damaged(directory, f"its manifest is that of {known.metadata.name}")
    return known.metadata, files


def _damaged(directory: Path, fault: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {directory.name} is damaged: {fault}.", remedy="Use another checkpoint, or delete this one."
    )

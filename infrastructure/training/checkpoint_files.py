"""One checkpoint on disk: tensors in safetensors, the rest in JSON, and a manifest that vouches for every byte."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from domain.exceptions import CheckpointError
from domain.retention import CheckpointMetadata
from infrastructure.disk_errors import disk_errors
from infrastructure.files import staged_directory
from infrastructure.manifest import (
    MANIFEST,
    DamageError,
    Files,
    first_fault,
    listed,
    read_manifest,
    require_digests,
    write_manifest,
)
from infrastructure.plain_files import read_plain
from infrastructure.training.tensor_tree import join_tree, split_tree

STATE_FILE = "state.json"
FORMAT_VERSION = 1
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
    """A state made ready for disk: tensors by file, everything else as JSON text."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    state: str

    @classmethod
    def of(cls, parts: Mapping[str, Any], copied: bool = False) -> "CheckpointContent":
        """Take apart the nested state of each part, None for one that is not there. Raises: CheckpointError.

        Tensors share the memory of the state unless they are `copied`.
        """
        structures, tensors = {}, {}
        for part, tree in parts.items():
            structures[part], named = split_tree(tree, copied)
            if named or (part in _ALWAYS_ON_FILE and tree is not None):
                tensors[f"{part}.safetensors"] = named
        return cls(tensors, json.dumps(structures, allow_nan=False) + "\n")

    @property
    def num_bytes(self) -> int:
        """About what it takes on disk."""
        tensors = sum(tensor.nbytes for named in self.tensors.values() for tensor in named.values())
        return tensors + len(self.state)


def write_checkpoint(directory: Path, content: CheckpointContent, metadata: CheckpointMetadata) -> CheckpointMetadata:
    """Write a checkpoint whole or not at all; gives `metadata` with the size of its files. Raises: OSError."""
    with staged_directory(directory) as staging:
        state = staging / STATE_FILE
        state.write_text(content.state, encoding="ascii")
        for name, tensors in content.tensors.items():
            with disk_errors():
                save_file(dict(tensors), staging / name)
            # safetensors writes through a private temporary file; a team reads what the umask lets it read.
            (staging / name).chmod(state.stat().st_mode & 0o777)
        files = listed(staging)
        metadata = replace(metadata, size_bytes=sum(file.size_bytes for file in files.values()))
        write_manifest(staging, files, format_version=FORMAT_VERSION, metadata=asdict(metadata))
    return metadata


def read_metadata(directory: Path) -> CheckpointMetadata:
    """Read what the manifest tells; sizes and names of the files are compared with it, their bytes are not read.

    Raises: CheckpointError that says what is damaged.
    """
    return _read_manifest(directory)[0]


def verify_checkpoint(directory: Path) -> tuple[CheckpointMetadata, Files]:
    """Compare every byte with the manifest; gives the metadata and the files by name. Raises: CheckpointError."""
    metadata, files = _read_manifest(directory)
    try:
        require_digests(directory, files)
    except DamageError as error:
        raise _damaged(directory, str(error)) from error
    return metadata, files


def read_checkpoint(directory: Path) -> tuple[CheckpointMetadata, dict[str, Any]]:
    """Read the metadata and the parts, every byte verified before use; tensors are on the CPU and own their memory.

    Raises: CheckpointError that says what is damaged.
    """
    metadata, files = verify_checkpoint(directory)
    try:
        structures = json.loads(read_plain(directory / STATE_FILE, LARGEST_STATE), parse_constant=_no_constant)
        if not isinstance(structures, dict) or structures.keys() != set(PARTS):
            raise ValueError(f"{STATE_FILE} does not hold {', '.join(PARTS)}")
        parts = {
            part: join_tree(structure, _load_tensors(directory / f"{part}.safetensors", files))
            for part, structure in structures.items()
        }
    except (OSError, SafetensorError, ValueError, RecursionError, CheckpointError) as error:
        raise _damaged(directory, f"it cannot be read ({error})") from error
    return metadata, parts


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _load_tensors(path: Path, files: Files) -> dict[str, Tensor]:
    if path.name not in files:
        return {}
    # Copied out of the memory map: an optimizer may go on using these tensors after the file is deleted, and its
    # space would not be free before they are.
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def _read_manifest(directory: Path) -> tuple[CheckpointMetadata, Files]:
    try:
        facts, files = read_manifest(directory)
        known = _Facts.model_validate_json(json.dumps(facts, allow_nan=False))
    except DamageError as error:
        raise _damaged(directory, str(error)) from error
    except ValidationError as error:
        raise _damaged(directory, f"{MANIFEST} cannot be used ({first_fault(error)})") from error
    if known.format_version != FORMAT_VERSION:
        raise _damaged(directory, f"its format version is {known.format_version}, not {FORMAT_VERSION}")
    if known.metadata.name != directory.name:
        raise _damaged(directory, f"its manifest is that of {known.metadata.name}")
    return known.metadata, files


def _damaged(directory: Path, fault: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {directory.name} is damaged: {fault}.", remedy="Use another checkpoint, or delete this one."
    )

"""One checkpoint on disk: tensors in safetensors, the rest in JSON, and a manifest that vouches for every byte."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from domain.exceptions import CheckpointError
from domain.retention import CheckpointMetadata
from infrastructure.disk_errors import disk_errors
from infrastructure.files import sha256_of, staged_directory
from infrastructure.training.tensor_tree import join_tree, split_tree

MANIFEST_FILE = "manifest.json"
STATE_FILE = "state.json"
FORMAT_VERSION = 1
# These two have a tensor file even when it is empty, so that a reader knows where to look.
_ALWAYS_ON_FILE = ("model", "optimizer")


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
        written = sorted(staging.iterdir())
        files = {file.name: {"size_bytes": file.stat().st_size, "sha256": sha256_of(file)} for file in written}
        metadata = replace(metadata, size_bytes=sum(file.stat().st_size for file in written))
        body = {"format_version": FORMAT_VERSION, "metadata": asdict(metadata), "files": files}
        (staging / MANIFEST_FILE).write_text(_sealed(body), encoding="ascii")
    return metadata


def read_metadata(directory: Path) -> CheckpointMetadata:
    """Read what the manifest tells; sizes and names of the files are compared with it, their bytes are not read.

    Raises: CheckpointError that says what is damaged.
    """
    return _read_manifest(directory)[0]


def verify_checkpoint(directory: Path) -> tuple[CheckpointMetadata, Mapping[str, Any]]:
    """Compare every byte with the manifest; gives the metadata and the files by name. Raises: CheckpointError."""
    metadata, files = _read_manifest(directory)
    try:
        for name, facts in files.items():
            if sha256_of(directory / name) != facts["sha256"]:
                raise _damaged(directory, f"{name} does not have the SHA-256 that was written")
    except OSError as error:
        raise _damaged(directory, f"it cannot be read ({error})") from error
    return metadata, files


def read_checkpoint(directory: Path) -> tuple[CheckpointMetadata, dict[str, Any]]:
    """Read the metadata and the parts, every byte verified before use; tensors are on the CPU and own their memory.

    Raises: CheckpointError that says what is damaged.
    """
    metadata, files = verify_checkpoint(directory)
    try:
        structures = json.loads((directory / STATE_FILE).read_text(encoding="ascii"))
        parts = {
            part: join_tree(structure, _load_tensors(directory / f"{part}.safetensors", files))
            for part, structure in structures.items()
        }
    except (OSError, SafetensorError, ValueError) as error:
        raise _damaged(directory, f"it cannot be read ({error})") from error
    return metadata, parts


def _load_tensors(path: Path, files: Mapping[str, Any]) -> dict[str, Tensor]:
    if path.name not in files:
        return {}
    # Copied out of the memory map: an optimizer may go on using these tensors after the file is deleted, and its
    # space would not be free before they are.
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def _sealed(body: Mapping[str, Any]) -> str:
    """Render a manifest with the SHA-256 of all else in it, so that it vouches for its own bytes too."""
    digest = hashlib.sha256(json.dumps(body, allow_nan=False).encode("ascii")).hexdigest()
    return json.dumps({**body, "sha256": digest}, indent=1, allow_nan=False) + "\n"


def _read_manifest(directory: Path) -> tuple[CheckpointMetadata, dict[str, Any]]:
    try:
        text = (directory / MANIFEST_FILE).read_bytes().decode("ascii")
        body = json.loads(text)
        del body["sha256"]
        if text != _sealed(body):
            raise ValueError("its SHA-256 differs")
        if body["format_version"] != FORMAT_VERSION:
            raise ValueError(f"its format version is {body['format_version']}, this program reads {FORMAT_VERSION}")
        metadata, files = CheckpointMetadata(**body["metadata"]), body["files"]
    except FileNotFoundError as error:
        raise _damaged(directory, f"{MANIFEST_FILE} is missing") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(directory, f"{MANIFEST_FILE} cannot be used ({error})") from error
    if metadata.name != directory.name:
        raise _damaged(directory, f"its manifest is that of {metadata.name}")
    _check_files(directory, files)
    return metadata, files


def _check_files(directory: Path, files: Mapping[str, Any]) -> None:
    try:
        found = {path.name: path.stat().st_size for path in directory.iterdir() if path.name != MANIFEST_FILE}
    except OSError as error:
        raise _damaged(directory, f"its files cannot be listed ({error})") from error
    for name in sorted(files.keys() - found.keys()):
        raise _damaged(directory, f"{name} is missing")
    for name in sorted(found.keys() - files.keys()):
        raise _damaged(directory, f"{name} does not belong there")
    for name, facts in files.items():
        if found[name] != facts["size_bytes"]:
            raise _damaged(directory, f"{name} has {found[name]} bytes, but {facts['size_bytes']} were written")


def _damaged(directory: Path, fault: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {directory.name} is damaged: {fault}.", remedy="Use another checkpoint, or delete this one."
    )

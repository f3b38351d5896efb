"""One checkpoint on disk: tensors in safetensors, the rest in JSON, and a manifest that vouches for every byte."""

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from domain.exceptions import CheckpointError
from domain.retention import CheckpointMetadata
from infrastructure.disk_errors import disk_errors
from infrastructure.files import sha256_of, staged_directory
from infrastructure.plain_files import read_plain
from infrastructure.training.tensor_tree import join_tree, split_tree

MANIFEST_FILE = "manifest.json"
STATE_FILE = "state.json"
FORMAT_VERSION = 1
PARTS = ("model", "optimizer", "scheduler", "scaler", "extra")
# Of a file that is read whole before anybody knows what it is.
LARGEST_MANIFEST, LARGEST_STATE = 1 << 20, 1 << 28
# These two have a tensor file even when it is empty, so that a reader knows where to look.
_ALWAYS_ON_FILE = ("model", "optimizer")


class _File(BaseModel):
    """What a manifest says of a file."""

    model_config = ConfigDict(strict=True, extra="forbid")

    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class _Manifest(BaseModel):
    """What a manifest holds beside its own digest."""

    model_config = ConfigDict(strict=True, extra="forbid")

    format_version: int
    metadata: CheckpointMetadata
    files: dict[Annotated[str, Field(pattern=r"^\w+\.(safetensors|json)$")], _File]


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


def verify_checkpoint(directory: Path) -> tuple[CheckpointMetadata, Mapping[str, _File]]:
    """Compare every byte with the manifest; gives the metadata and the files by name. Raises: CheckpointError."""
    metadata, files = _read_manifest(directory)
    try:
        for name, facts in files.items():
            if sha256_of(directory / name) != facts.sha256:
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


def _read_manifest(directory: Path) -> tuple[CheckpointMetadata, Mapping[str, _File]]:
    try:
        text = read_plain(directory / MANIFEST_FILE, LARGEST_MANIFEST)
        body = json.loads(text)
        del body["sha256"]
        if text != _sealed(body):
            raise ValueError("its SHA-256 differs")
        if body["format_version"] != FORMAT_VERSION:
            raise ValueError(f"its format version is {body['format_version']}, this program reads {FORMAT_VERSION}")
        manifest = _Manifest.model_validate_json(json.dumps(body))
    except FileNotFoundError as error:
        raise _damaged(directory, f"{MANIFEST_FILE} is missing") from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise _damaged(directory, f"{MANIFEST_FILE} cannot be used ({place}: {fault['msg'].lower()})") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(directory, f"{MANIFEST_FILE} cannot be used ({error})") from error
    if manifest.metadata.name != directory.name:
        raise _damaged(directory, f"its manifest is that of {manifest.metadata.name}")
    _check_files(directory, manifest.files)
    return manifest.metadata, manifest.files


def _check_files(directory: Path, files: Mapping[str, _File]) -> None:
    try:
        found = {path.name: path.lstat() for path in directory.iterdir() if path.name != MANIFEST_FILE}
    except OSError as error:
        raise _damaged(directory, f"its files cannot be listed ({error})") from error
    for name in sorted(files.keys() - found.keys()):
        raise _damaged(directory, f"{name} is missing")
    for name in sorted(found.keys() - files.keys()):
        raise _damaged(directory, f"{name} does not belong there")
    for name, facts in files.items():
        if not stat.S_ISREG(found[name].st_mode):
            raise _damaged(directory, f"{name} is a link, a device or a directory and no file")
        if found[name].st_size != facts.size_bytes:
            raise _damaged(directory, f"{name} has {found[name].st_size} bytes, but {facts.size_bytes} were written")


def _damaged(directory: Path, fault: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {directory.name} is damaged: {fault}.", remedy="Use another checkpoint, or delete this one."
    )

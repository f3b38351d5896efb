"""A manifest vouches for every byte of the files beside it, and by a digest of itself for its own."""

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from infrastructure.files import sha256_of
from infrastructure.plain_files import read_plain

MANIFEST = "manifest.json"
# Of 10,000 ranks that write three files each it has 5 MB.
LARGEST_MANIFEST = 1 << 23


class DamageError(Exception):
    """Files are not as their manifest says; tells what differs."""


class ListedFile(BaseModel):
    """What a manifest says of a file."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


# A name and not a path: nothing outside the directory is ever looked at.
Files = dict[Annotated[str, Field(pattern=r"^[^/\\\x00]+$")], ListedFile]
_FILES = TypeAdapter(Files)


def listed(directory: Path) -> Files:
    """Describe the files of a directory that is complete but for its manifest. Raises: OSError."""
    return {path.name: described(path) for path in sorted(directory.iterdir())}


def described(path: Path) -> ListedFile:
    """Give what a manifest says of a file. Raises: OSError."""
    return ListedFile(size_bytes=path.stat().st_size, sha256=sha256_of(path))


def write_manifest(directory: Path, files: Files, **facts: Any) -> None:
    """Write the manifest, the last file of a directory. Raises: OSError."""
    body = {**facts, "files": {name: file.model_dump() for name, file in files.items()}}
    (directory / MANIFEST).write_text(_sealed(body), encoding="ascii")


def read_manifest(directory: Path) -> tuple[dict[str, Any], Files]:
    """Read the facts and the files that a manifest lists, and compare names and sizes with what is there.

    Raises: DamageError.
    """
    try:
        text = read_plain(directory / MANIFEST, LARGEST_MANIFEST)
        facts = dict(json.loads(text))
        del facts["sha256"]
        if text != _sealed(facts):
            raise ValueError("its SHA-256 differs")
        files = _FILES.validate_python(facts.pop("files"))
    except FileNotFoundError as error:
        raise DamageError(f"{MANIFEST} is missing") from error
    except ValidationError as error:
        raise DamageError(f"{MANIFEST} cannot be used ({first_fault(error)})") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamageError(f"{MANIFEST} cannot be used ({error})") from error
    _compare(directory, files)
    return facts, files


def require_digests(directory: Path, files: Mapping[str, ListedFile]) -> None:
    """Compare every byte with the manifest. Raises: DamageError."""
    try:
        for name, file in files.items():
            if sha256_of(directory / name) != file.sha256:
                raise DamageError(f"{name} does not have the SHA-256 that was written")
    except OSError as error:
        raise DamageError(f"it cannot be read ({error})") from error


def first_fault(error: ValidationError) -> str:
    """Say in a few words where the first fault of some values is, and what it is."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].lower()}"


def _compare(directory: Path, files: Mapping[str, ListedFile]) -> None:
    try:
        found = {path.name: path.lstat() for path in directory.iterdir() if path.name != MANIFEST}
    except OSError as error:
        raise DamageError(f"its files cannot be listed ({error})") from error
    for name in sorted(files.keys() - found.keys()):
        raise DamageError(f"{name} is missing")
    for name in sorted(found.keys() - files.keys()):
        raise DamageError(f"{name} does not belong there")
    for name, file in files.items():
        if not stat.S_ISREG(found[name].st_mode):
            raise DamageError(f"{name} is a link, a device or a directory and no file")
        if found[name].st_size != file.size_bytes:
            raise DamageError(f"{name} has {found[name].st_size} bytes, but {file.size_bytes} were written")


def _sealed(body: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(body, allow_nan=False).encode("ascii")).hexdigest()
    return json.dumps({**body, "sha256": digest}, indent=1, allow_nan=False) + "\n"

"""Caches of the hub, written by hand in the layout of the huggingface_hub library."""

import os
from pathlib import Path


def snapshot(
    root: Path,
    name: str,
    files: dict[str, bytes] | Path,
    commit: str = "abc1234",
    ref: str | None = "main",
    kind: str = "models",
) -> Path:
    """Add a commit of a model or of another kind: links to blobs, and the revision `ref` that means it.

    Gives its directory.
    """
    folder = root / f"{kind}--{name.replace('/', '--')}"
    directory, blobs, refs = folder / "snapshots" / commit, folder / "blobs", folder / "refs"
    for place in (directory, blobs, refs):
        place.mkdir(parents=True, exist_ok=True)
    contents = {file.name: file.read_bytes() for file in files.iterdir()} if isinstance(files, Path) else files
    for own, content in contents.items():
        blob = blobs / f"{commit}-{own.replace('/', '-')}"
        blob.write_bytes(content)
        (directory / own).parent.mkdir(parents=True, exist_ok=True)
        (directory / own).symlink_to(os.path.relpath(blob, (directory / own).parent))
    if ref is not None:
        (refs / ref).parent.mkdir(parents=True, exist_ok=True)
        (refs / ref).write_text(commit)
    return directory


def without_blob(directory: Path, name: str) -> None:
    """Let a file of a snapshot be a link to a blob that is not there, as a download that was broken off leaves it."""
    (directory / name).resolve().unlink()

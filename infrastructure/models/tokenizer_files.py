"""A tokenizer on disk: always the same bytes for the same tokenizer, and kept beside a run under a manifest."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.exceptions import ModelError
from domain.strict_json import strict_json
from infrastructure.disk_errors import disk_errors
from infrastructure.files import staged_directory
from infrastructure.manifest import DamageError, listed, read_manifest, require_digests, write_manifest
from infrastructure.model_files.model_directory import settings_of
from infrastructure.models.pretrained import open_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZER_CONFIG = "tokenizer_config.json"
# What the library writes of how a tokenizer was opened, not of what it does.
_OF_THE_OPENING = (
    "is_local",
    "local_files_only",
    "name_or_path",
    "_commit_hash",
    "tokenizer_file",
    "special_tokens_map_file",
    "trust_remote_code",
)


def save_tokenizer(tokenizer: "PreTrainedTokenizerBase", directory: Path) -> None:
    """Write a tokenizer so that one that was opened again gives the same bytes. Raises: OSError of the disk.

    How rows are cut and filled up is said anew at each call, so what the last call said is not part of it.
    """
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    with disk_errors():
        tokenizer.save_pretrained(directory)
    path = directory / TOKENIZER_CONFIG
    settings = {name: value for name, value in settings_of(path).items() if name not in _OF_THE_OPENING}
    path.write_text(strict_json(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def has_tokenizer(directory: Path) -> bool:
    """Tell whether a tokenizer was saved in a directory."""
    return (directory / TOKENIZER_CONFIG).is_file()


def keep_tokenizer(tokenizer: "PreTrainedTokenizerBase | None", target: Path) -> None:
    """Keep the tokenizer of a run from its first moment, with the digests of its files. Raises: OSError."""
    if tokenizer is None or target.exists():
        return
    with staged_directory(target) as staging:
        save_tokenizer(tokenizer, staging)
        write_manifest(staging, listed(staging))


def open_kept_tokenizer(directory: Path) -> "PreTrainedTokenizerBase":
    """Open the tokenizer that a run began with, every byte verified. Raises: ModelError naming the damaged file."""
    try:
        _, files = read_manifest(directory)
        require_digests(directory, files)
        return open_tokenizer(directory)
    except (ModelError, DamageError) as error:
        fault = error.problem if isinstance(error, ModelError) else f"{directory}/{error}."
        raise ModelError(
            f"the tokenizer that this run began with is damaged: {fault}",
            remedy=f"Restore {directory}, or remove it: the run then learns its tokenizer anew from the same data.",
        ) from error

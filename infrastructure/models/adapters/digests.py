"""The model that an adapter stands beside: where it is, and by what it is known."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.exceptions import ModelError
from domain.run_layout import CARD
from domain.strict_json import strict_json
from infrastructure.files import sha256_of
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, RESTORE, settings_of, weight_files

# What a card says of the base, and what `adapter_config.json` calls it.
BASE, BASE_NAME = "base", "base_model_name_or_path"


@dataclass(frozen=True)
class Base:
    """What adapters were trained beside: a directory or hub id, and the SHA-256 of its weights."""

    name: str
    sha256: str


def require_base(adapter: Path, base: Path) -> None:
    """Want an adapter of ours to be as it was written, beside the base that it was trained beside.

    Those of others do not say which it was. Raises: ModelError.
    """
    if not (adapter / CARD).is_file():
        return
    about = settings_of(adapter / CARD).get(BASE)
    about = about if isinstance(about, dict) else {}
    place = adapter / ADAPTER_CONFIG
    if digest_of_settings(settings_of(place)) != about.get("settings"):
        raise ModelError(f"{place} is not what the training wrote.", remedy=RESTORE)
    if digest_of_weights(base) != about.get("sha256"):
        raise ModelError(
            f"{base} is not the base that the adapter {adapter} was trained beside: its weights have another SHA-256.",
            remedy=f"Restore it, or write in {place} as {BASE_NAME} where that base is.",
        )


def digest_of_settings(settings: Mapping[str, Any]) -> str:
    """Give the SHA-256 of an adapter's settings; where its base is found may change."""
    known = {name: value for name, value in settings.items() if name not in (BASE_NAME, "revision")}
    return hashlib.sha256(strict_json(known, sort_keys=True).encode()).hexdigest()


def digest_of_weights(directory: Path) -> str:
    """Give the SHA-256 of the weights of a directory: of the file, or of the digests of several. Raises: ModelError."""
    try:
        digests = [(path.name, sha256_of(path)) for path in weight_files(directory)]
    except OSError as error:
        raise ModelError(f"{directory} cannot be read: {error.strerror or error}.", remedy="Restore it.") from error
    if len(digests) == 1:
        return digests[0][1]
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in digests).encode()).hexdigest()

"""What a directory holds: a model of its own, or an adapter of one that lies elsewhere."""

import os
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from domain.exceptions import ModelError
from domain.showing import shown
from infrastructure.hub_access import hub_cache
from infrastructure.model_files.model_directory import ADAPTER_CONFIG, check_settings
from infrastructure.models.adapters.digests import BASE_NAME, require_base
from infrastructure.models.adapters.settings import AdapterSettings, adapter_settings, is_adapter
from infrastructure.models.hub_cache import look_up
from infrastructure.models.tokenizer_files import has_tokenizer


@dataclass(frozen=True)
class Source:
    """A directory, the one that its weights begin with, and what the adapter says that stands beside these, if any."""

    directory: Path
    base: Path
    adapter: AdapterSettings | None = None

    @property
    def tokenizer(self) -> Path:
        """The directory of the tokenizer: an adapter may have one of its own."""
        return self.directory if self.adapter is None or has_tokenizer(self.directory) else self.base


def source_of(directory: Path) -> Source:
    """Look at a directory. The base of an adapter is looked for on this machine, and nothing is fetched.

    Raises: ModelError, for an adapter also where the package is missing that opens it.
    """
    if not is_adapter(directory):
        return Source(directory, directory)
    if util.find_spec("peft") is None:
        raise ModelError(
            f"{directory} is an adapter, but this Python has no peft, which opens it.",
            remedy="Run: pip install 'athanor[adapters]'.",
        )
    check_settings(directory)
    settings = adapter_settings(directory)
    base = _base_directory(settings, directory)
    require_base(directory, base)
    return Source(directory, base, settings)


def _base_directory(settings: AdapterSettings, adapter: Path) -> Path:
    name = settings.base
    if os.path.isdir(name):
        return Path(name)
    found = look_up(hub_cache()[0], name, settings.revision)
    if found is not None and found.is_whole:
        return found.directory
    raise ModelError(
        f"{adapter} is an adapter of {shown(name)}, which is not on this machine.",
        remedy="Bring that directory here (of a hub id: `hf download NAME`), or write where it is into"
        f" {adapter / ADAPTER_CONFIG} as {BASE_NAME}.",
    )

"""Findings that are known, as a file that stands beside the code: sorted, an entry a line, so that it merges."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.exceptions import ConfigurationError, DatasetError
from domain.known_findings import KnownFinding
from domain.showing import shown
from domain.strict_json import strict_json
from infrastructure.files import write_whole
from infrastructure.plain_files import read_plain

FORMAT = 1
LARGEST = 64 << 20
REMEDY = "Give a file that --write-baseline wrote, or write it anew."


class BaselineFiles:
    """Reads and writes them."""

    def read(self, path: str) -> Sequence[KnownFinding]:
        """Read a baseline. Raises: DatasetError naming the place of what is wrong."""
        try:
            told = json.loads(read_plain(Path(path), LARGEST))
        except FileNotFoundError as error:
            raise DatasetError(
                f"baseline {path} does not exist.", remedy="Write it first with --write-baseline."
            ) from error
        except json.JSONDecodeError as error:
            raise DatasetError(
                f"{path}:{error.lineno}: the baseline is not JSON: {error.msg}.", remedy=REMEDY
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or "it is no UTF-8 text, or nested too deeply"
            raise DatasetError(f"baseline {path} cannot be read: {reason}.", remedy=REMEDY) from error
        if not isinstance(told, dict) or not isinstance(told.get("findings"), list):
            raise DatasetError(f"{path} is no baseline: it has no list of findings.", remedy=REMEDY)
        if told.get("format") != FORMAT:
            raise DatasetError(f"{path} has format {shown(told.get('format'))}, and {FORMAT} is known.", remedy=REMEDY)
        return [_entry(path, number, entry) for number, entry in enumerate(told["findings"], 1)]

    def write(self, path: str, known: Sequence[KnownFinding]) -> None:
        """Write a baseline, whole or not at all. Raises: ConfigurationError when the disk refuses."""
        entries = [strict_json({"path": entry.path, "fingerprint": entry.fingerprint}) for entry in sorted(known)]
        lines = ",\n".join(f"    {entry}" for entry in entries)
        listed = f"[\n{lines}\n  ]" if entries else "[]"
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(Path(path), f'{{\n  "format": {FORMAT},\n  "findings": {listed}\n}}\n')
        except OSError as error:
            raise ConfigurationError(
                f"baseline {path} cannot be written: {error.strerror or error}.",
                remedy="Make room or choose another place.",
            ) from error


def _entry(path: str, number: int, entry: Any) -> KnownFinding:
    place, fingerprint = (entry.get("path"), entry.get("fingerprint")) if isinstance(entry, Mapping) else (None, None)
    if not isinstance(place, str) or not isinstance(fingerprint, str):
        raise DatasetError(
            f"{path}: finding {number:,} of the baseline has no path and fingerprint as text.", remedy=REMEDY
        )
    return KnownFinding(place, fingerprint)

"""Data sets as tests build them."""

import gzip
import json
from pathlib import Path
from typing import Any

from application.use_cases.build_dataset import BuildDatasetRequest, BuildDatasetResponse
from infrastructure.data_container import DataContainer


def built(output: Path, *sources: object, **options: Any) -> BuildDatasetResponse:
    """Build rows of sources; nothing is near a copy unless it is one, for functions of tests are all alike."""
    request = BuildDatasetRequest.checked(
        sources=tuple(map(str, sources)), output=str(output), **{"near_duplicates": 1.0, **options}
    )
    return DataContainer().build_dataset().execute(request)


def rows_of(output: Path) -> list[dict[str, Any]]:
    """Read rows of JSON lines."""
    content = output.read_bytes()
    text = gzip.decompress(content) if output.suffix == ".gz" else content
    return [json.loads(line) for line in text.decode("utf-8").split("\n")[:-1]]

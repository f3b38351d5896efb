"""Labelled rows made of source code."""

from os import PathLike, fspath
from typing import Any

from application.use_cases.build_dataset import BuildDatasetRequest, BuildDatasetResponse
from infrastructure.data_container import DataContainer

Place = str | PathLike[str]


def build_dataset(*sources: Place, output: Place, **options: Any) -> BuildDatasetResponse:
    """Build labelled rows from the functions of directories and git repositories, of which nothing is run.

    `options` are the other fields of `BuildDatasetRequest`, such as `fixes=True`.

    Raises: ConfigurationError, DatasetError, with nothing written.
    """
    request = BuildDatasetRequest.checked(sources=tuple(map(fspath, sources)), output=fspath(output), **options)
    return DataContainer().build_dataset().execute(request)

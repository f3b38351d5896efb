"""Who imports Athanor before torch has segments of GPU memory that grow, unless something else was said."""

import importlib
import os

import pytest

import infrastructure

NAME = "PYTORCH_CUDA_ALLOC_CONF"


@pytest.mark.skipif("sys.platform != 'linux'")
@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, "expandable_segments:True"),
        ({NAME: "max_split_size_mb:64"}, "max_split_size_mb:64"),
        ({"PYTORCH_ALLOC_CONF": "backend:cudaMallocAsync"}, None),
    ],
)
def test_segments_grow_unless_something_else_was_said(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], found: str | None
) -> None:
    for name in (NAME, "PYTORCH_ALLOC_CONF"):
        monkeypatch.setenv(name, "")  # so that it is put back as it was
        monkeypatch.delenv(name)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    importlib.reload(infrastructure)
    assert os.environ.get(NAME) == found

"""A damaged entry of the data cache never trains another model without a word."""

from pathlib import Path

import numpy as np
import pytest

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.support import tiny


def train(tmp_path: Path, name: str) -> tuple[tuple[str, ...], bytes]:
    """Train two steps; gives the warnings of the summary and the bytes of the model."""
    request = TrainModelRequest(
        task="text_classification",
        dataset_path=str(tiny.file_of_rows(tmp_path / "rows.json", 32)),
        model_name="encoder-tiny",
        vocab_size=400,
        max_length=16,
        max_steps=2,
        device="cpu",
        output_dir=str(tmp_path / name),
    )
    response = Container().train_model().execute(request)
    assert response.success, response.errors
    return response.warnings, (tmp_path / name / "model" / "model.safetensors").read_bytes()


def test_tokens_and_rows_that_were_changed_on_disk_are_made_anew_and_the_summary_and_the_log_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATHANOR_CACHE", str(tmp_path / "cache"))
    quiet, reference = train(tmp_path, "first")
    assert not [warning for warning in quiet if "cache" in warning]
    for path in (tmp_path / "cache").glob("tokens-*/tokens.bin"):
        np.fromfile(path, dtype=np.int32)[::-1].tofile(path)  # as many, in another order
    for path in (tmp_path / "cache").glob("rows-*/labels.npy"):
        path.write_bytes(path.read_bytes()[:-4] + bytes(4))  # the last row is loud, 1
    warnings, again = train(tmp_path, "second")
    assert again == reference
    log = (tmp_path / "second" / "log.jsonl").read_text()
    for name in ("tokens.bin", "labels.npy"):
        assert [warning for warning in warnings if f"{name} does not have the SHA-256" in warning]
        assert f"{name} does not have the SHA-256" in log

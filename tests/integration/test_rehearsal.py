"""What is written at the end is written before the first step, and what cannot be written is said then."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from domain.exceptions import ConfigurationError, ModelError, TrainingError
from infrastructure.container import Container
from infrastructure.model_files.card import card_text
from infrastructure.models import bundle as bundles
from infrastructure.models.bundle import ModelBundle
from tests.fakes.ports import FakeMonitor
from tests.support import tiny, tiny_text


def bundle(**card: Any) -> ModelBundle:
    tokens = tiny.tokenizer()
    return ModelBundle(tiny.model(tokens), tokens, {"task": "text_classification", **card})


def test_a_rehearsal_leaves_nothing_behind(tmp_path: Path) -> None:
    card = bundle(labels=["a"]).rehearse(tmp_path / "model")
    assert card["labels"] == ["a"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("card", "place"),
    [
        ({"labels": ["fine", "\ud83d"]}, "labels"),
        ({"data": {"path": "rows-\udcff.json"}}, "data.path"),
        ({"data": {"path": Path("rows.json")}}, "data.path"),
        ({"counts": {"\udc80": 3}}, "counts.\\\\udc80"),
    ],
)
def test_a_value_that_no_file_can_hold_is_named_before_the_training(
    card: dict[str, Any], place: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=place) as caught:
        bundle(**card).rehearse(tmp_path / "model")
    assert caught.value.remedy
    str(caught.value).encode("utf-8")
    assert list(tmp_path.iterdir()) == []


def test_a_setting_of_generation_that_the_library_refuses_to_write_is_said_before_the_training(tmp_path: Path) -> None:
    made = tiny_text.ready("language_modeling", tmp_path / "data")
    made.model.generation_config.temperature = 0.5  # without do_sample, which the library finds out when it saves
    with pytest.raises(ModelError, match="could not be written"):
        made.bundle.rehearse(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_run_whose_end_cannot_be_written_never_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(card: Any) -> str:
        return card_text({**card, "path": "\udcff"})

    monkeypatch.setattr(bundles, "card_text", refuse)
    monitor = FakeMonitor()
    response = Container().train_model().execute(tiny.request(tmp_path, "run"), monitor)
    assert (response.success, response.exit_code) == (False, 2)
    assert "is not valid Unicode" in response.errors[0]
    assert not (tmp_path / "run").exists()


def test_a_card_holds_no_nan(tmp_path: Path) -> None:
    bundle(labels=["a"]).save(tmp_path / "model", {"metrics": {"loss": float("nan"), "all": [float("inf"), 1.0]}})

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    card = json.loads((tmp_path / "model" / "athanor.json").read_text(), parse_constant=refuse)
    assert card["metrics"] == {"loss": None, "all": [None, 1.0]}


LIBRARIES: list[tuple[str, Exception]] = [
    ("PreTrainedModel.save_pretrained", SafetensorError("I/O error: No space left on device (os error 28)")),
    ("PreTrainedTokenizerBase.save_pretrained", Exception("No space left on device (os error 28)")),
    ("PreTrainedTokenizerBase.save_pretrained", Exception("Input/output error (os error 5)")),
    ("PreTrainedModel.save_pretrained", PermissionError(errno.EACCES, "Permission denied")),
]


@pytest.mark.parametrize(("method", "error"), LIBRARIES, ids=[f"{name}: {error}" for name, error in LIBRARIES])
def test_a_disk_that_refuses_the_export_is_a_sentence_and_leaves_the_old_model(
    method: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bundle(labels=["a"])
    made.save(tmp_path / "model", {"step": 1})
    before = {file.name: file.read_bytes() for file in (tmp_path / "model").iterdir()}

    def refuse(self: Any, directory: Any, **_: Any) -> None:
        (Path(directory) / "half").write_text("written")
        raise error

    owner, name = method.split(".")
    monkeypatch.setattr(type(made.model if owner == "PreTrainedModel" else made.tokenizer), name, refuse)
    with pytest.raises(TrainingError, match=r"could not be written.*Make room") as caught:
        made.save(tmp_path / "model", {"step": 2})
    assert caught.value.exit_code == 1
    assert {file.name: file.read_bytes() for file in (tmp_path / "model").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_disk_that_refuses_the_tokenizer_of_a_run_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(tokenizer: Any, directory: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("infrastructure.models.tokenizer_files.save_tokenizer", refuse)
    response = Container().train_model().execute(tiny.request(tmp_path, "run"))
    assert not response.success
    assert "No space left" in response.errors[0]

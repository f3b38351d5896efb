"""What is frozen stays to the bit, is in no checkpoint, and comes again from where the model comes from."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from application.training_request import TrainModelRequest
from infrastructure.container import Container
from tests.fakes.ports import StopsAt
from tests.support import tiny, tiny_text
from tests.support.resuming import bytes_of, killed_and_resumed, metrics_of, stopped_and_resumed

FROZEN: dict[str, Any] = {"freeze": 1, "layer_decay": 0.8, "average_decay": 0.9}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model that somebody else has trained, dropout and all."""
    directory = tmp_path_factory.mktemp("base") / "base"
    tokens = tiny.tokenizer()
    tiny.model(tokens, dropout=0.2).save_pretrained(directory)
    tokens.save_pretrained(directory)
    return directory


def request(tmp: Path, base: Path | str, **changes: Any) -> TrainModelRequest:
    """Tune it for sixteen steps."""
    settings: dict[str, Any] = {"max_steps": 16, "precision": "fp32", "max_length": 64, **FROZEN}
    return tiny.request(tmp, "run").changed(**{**settings, "model_name": str(base), "vocab_size": None, **changes})


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp = tmp_path_factory.mktemp("whole")
    response = Container().train_model().execute(request(tmp, base, keep_checkpoints=True))
    assert response.success, response.errors
    return tmp / "run"


def test_frozen_weights_are_those_of_the_base_to_the_bit_and_the_others_are_not(base: Path, whole: Path) -> None:
    before, after = (load_file(place / "model.safetensors") for place in (base, whole / "model"))
    equal = {name for name, tensor in before.items() if torch.equal(tensor, after[name])}
    assert equal == {name for name in before if name.startswith(("model.embeddings.", "model.layers.0."))}


def test_a_checkpoint_holds_what_is_trained_and_nothing_else(whole: Path) -> None:
    newest = sorted((whole / "checkpoints").glob("step-*"))[-1]
    held = load_file(newest / "model.safetensors")
    assert held
    assert not [name for name in held if name.startswith(("model.embeddings.", "model.layers.0."))]
    everything = load_file(whole / "model" / "model.safetensors")
    assert {*held} == {name for name in everything if not name.startswith(("model.embeddings.", "model.layers.0."))}


def test_a_run_killed_in_mid_epoch_ends_with_the_same_bytes(base: Path, whole: Path, tmp_path: Path) -> None:
    killed_and_resumed(request(tmp_path, base), "step-00000005")
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
    assert metrics_of(tmp_path / "run") == metrics_of(whole)


def test_a_frozen_preset_comes_again_from_its_seed(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    undisturbed = Container().train_model().execute(request(tmp_path / "one", "encoder-tiny", vocab_size=400))
    assert undisturbed.success, undisturbed.errors
    stopped_and_resumed(request(tmp_path / "other", "encoder-tiny", vocab_size=400), 7)
    assert bytes_of(tmp_path / "other" / "run") == bytes_of(tmp_path / "one" / "run")


@pytest.mark.parametrize("task", ["language_modeling", "sequence_to_sequence"])
def test_writers_with_a_frozen_table_for_reading_and_writing_are_resumed_to_the_byte(task: str, tmp_path: Path) -> None:
    """Muon, an average, and a table that stands in the model twice or three times."""
    runs = {}
    for name in ("whole", "cut"):
        runs[name] = tiny_text.request(
            task, tmp_path, max_steps=6, eval_steps=3, save_steps=2, batch_size=4, freeze=1, layer_decay=0.8,
            output_dir=str(tmp_path / name),
        )  # fmt: skip
    response = Container().train_model().execute(runs["whole"])
    assert response.success, response.errors
    assert any("its table of embeddings, and is frozen" in warning for warning in response.warnings)
    stopped_and_resumed(runs["cut"], 5)
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


@pytest.mark.parametrize("accept_changes", [False, True], ids=["asked", "accepted"])
def test_a_resume_over_another_base_is_refused(base: Path, tmp_path: Path, accept_changes: bool) -> None:
    own = Path(shutil.copytree(base, tmp_path / "own"))
    Container().train_model().execute(request(tmp_path, own), StopsAt(1))
    state = load_file(own / "model.safetensors")
    state["model.layers.0.mlp.Wo.weight"][0, 0] += 1e-3
    save_file(state, own / "model.safetensors", metadata={"format": "pt"})
    response = Container().resume_training().execute(str(tmp_path / "run"), accept_changes=accept_changes)
    assert (response.success, response.exit_code) == (False, 2)
    (told,) = response.errors
    assert "beside other frozen weights: the frozen weights changed. Restore the model" in told


def test_what_is_frozen_cannot_change_in_mid_run(base: Path, tmp_path: Path) -> None:
    Container().train_model().execute(request(tmp_path, base), StopsAt(1))
    run_file = tmp_path / "run" / "run.yaml"
    run_file.write_text(run_file.read_text().replace("freeze: 1", "freeze: none"))
    response = Container().resume_training().execute(str(tmp_path / "run"), accept_changes=True)
    assert (response.success, response.exit_code) == (False, 2)
    assert "freeze was 1 and is 'none'; the frozen weights changed" in response.errors[0]

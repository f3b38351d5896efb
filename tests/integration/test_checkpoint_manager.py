import json
import math
import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from domain.exceptions import CheckpointError, ConfigurationError
from infrastructure import manifest
from infrastructure.files import staged_directory
from infrastructure.staging import name_aside
from infrastructure.training.checkpoint_manager import CheckpointManager, open_foreign_weights, unwrapped_names


class Fixed:
    """Has a given state, as a scaler or a wrapper might."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        self._state = dict(state)

    def state_dict(self) -> dict[str, Any]:
        return self._state


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight


class Residual(nn.Module):
    """Calls a part of its own `module`, which makes it no wrapper of ours."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.scale = nn.Parameter(torch.ones(1))


class Compiled(nn.Module):
    """Names its inside as `torch.compile` does, which takes seconds to import."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self._orig_mod = inside


def trained() -> tuple[nn.Module, torch.optim.Optimizer, Any]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=3)
    for _ in range(2):
        train_once(model, optimizer, scheduler)
    return model, optimizer, scheduler


def train_once(model: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Any) -> None:
    optimizer.zero_grad()
    model(torch.arange(6.0).reshape(2, 3)).sum().backward()
    optimizer.step()
    scheduler.step()


def weights(value: float) -> Fixed:
    return Fixed({"w": torch.tensor([value])})


def save(manager: CheckpointManager, step: int, metric: float | None = None) -> str:
    return manager.save_checkpoint(model=weights(step), step=step, metric_value=metric).name


def steps(manager: CheckpointManager) -> list[int]:
    return [metadata.step for metadata in manager.list_checkpoints()]


def flip(path: Path, position: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_training_goes_on_bit_for_bit_from_a_loaded_checkpoint(tmp_path: Path) -> None:
    model, optimizer, scheduler = trained()
    manager = CheckpointManager(tmp_path)
    manager.save_checkpoint(
        model=model, optimizer=optimizer, scheduler=scheduler, epoch=5, step=1000, metric_value=0.35
    )
    train_once(model, optimizer, scheduler)

    other, other_optimizer, other_scheduler = trained()
    checkpoint = CheckpointManager(tmp_path).load_latest_checkpoint()
    assert checkpoint is not None
    other.load_state_dict(checkpoint["model_state_dict"])
    other_optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
    other_scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
    train_once(other, other_optimizer, other_scheduler)

    assert (checkpoint["epoch"], checkpoint["step"], checkpoint["metric_value"]) == (5, 1000, 0.35)
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))
    assert other_scheduler.get_last_lr() == scheduler.get_last_lr()


def test_what_was_not_saved_is_none(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    manager.save_checkpoint(step=3)
    checkpoint = manager.load_latest_checkpoint()
    assert checkpoint is not None
    parts = [checkpoint[f"{part}_state_dict"] for part in ("model", "optimizer", "scheduler", "scaler")]
    assert [*parts, checkpoint["extra"], checkpoint["metric_value"]] == [None] * 6


def test_extra_state_of_any_nesting_comes_back(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(3)
    extra = {
        "progress": {"best": math.inf, "history": (1, 2.5), 7: "seven"},
        "python": random.Random(1).getstate(),
        "torch": generator.get_state(),
    }
    scaler = Fixed({"scale": 65536.0, "_growth_tracker": 4})
    CheckpointManager(tmp_path).save_checkpoint(scaler=scaler, extra=extra)
    checkpoint = CheckpointManager(tmp_path).load_latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint["extra"]["progress"] == extra["progress"]
    assert checkpoint["extra"]["python"] == extra["python"]
    assert torch.equal(checkpoint["extra"]["torch"], generator.get_state())
    assert checkpoint["scaler_state_dict"] == scaler.state_dict()


def test_the_directory_holds_plain_tensors_json_and_a_manifest(tmp_path: Path) -> None:
    model, optimizer, _ = trained()
    CheckpointManager(tmp_path).save_checkpoint(model=model, optimizer=optimizer, step=1000)
    directory = tmp_path / "step-00001000"
    assert {path.name for path in directory.iterdir()} == {
        "model.safetensors",
        "optimizer.safetensors",
        "state.json",
        "manifest.json",
    }
    assert load_file(directory / "model.safetensors").keys() == model.state_dict().keys()
    manifest = json.loads((directory / "manifest.json").read_text())
    sizes = {name: facts["size_bytes"] for name, facts in manifest["files"].items()}
    assert sizes == {p.name: p.stat().st_size for p in directory.iterdir() if p.name != "manifest.json"}
    assert manifest["metadata"]["size_bytes"] == sum(sizes.values())


def test_a_checkpoint_of_a_model_alone_has_no_optimizer_file(tmp_path: Path) -> None:
    save(CheckpointManager(tmp_path), 1)
    assert not (tmp_path / "step-00000001" / "optimizer.safetensors").exists()


def test_files_are_as_readable_as_the_umask_says(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        save(CheckpointManager(tmp_path), 1)
    finally:
        os.umask(old)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "step-00000001").iterdir()} == {0o640}


def test_tied_weights_are_stored_once_and_loaded_into_both_places(tmp_path: Path) -> None:
    model, other = Tied(), Tied()
    manager = CheckpointManager(tmp_path)
    manager.save_checkpoint(model=model)
    checkpoint = manager.load_latest_checkpoint()
    assert checkpoint is not None
    other.load_state_dict(checkpoint["model_state_dict"])
    assert len(load_file(tmp_path / "step-00000000" / "model.safetensors")) == 1
    assert torch.equal(other.head.weight, model.embedding.weight)


def test_loaded_tensors_outlive_their_file_and_do_not_write_to_it(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    name = save(manager, 3)
    checkpoint = manager.load_checkpoint(name)
    assert checkpoint is not None
    checkpoint["model_state_dict"]["w"].add_(1)
    assert manager.load_checkpoint(name)["model_state_dict"]["w"].item() == 3  # type: ignore[index]
    maps = Path("/proc/self/maps")
    assert not maps.exists() or name not in maps.read_text()


@pytest.mark.parametrize(
    ("wrapped", "plain"),
    [
        ("module.a.weight", "a.weight"),
        ("_orig_mod.a.weight", "a.weight"),
        ("module._orig_mod.module.a.weight", "a.weight"),
        ("encoder._orig_mod.layer.0.weight", "encoder.layer.0.weight"),
        ("encoder.module.weight", "encoder.weight"),
        ("submodule.weight", "submodule.weight"),
        ("a.module", "a.module"),
        ("weight", "weight"),
    ],
)
def test_names_carry_no_wrapper(wrapped: str, plain: str) -> None:
    assert unwrapped_names({wrapped: 1}) == {plain: 1}


def test_two_entries_that_would_have_one_name_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"'a\.weight'"):
        unwrapped_names({"a.weight": 1, "module.a.weight": 2})


def test_a_wrapped_and_compiled_model_is_saved_under_the_names_of_the_model_inside(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1)))
    inside = model.state_dict().keys()
    model[1] = nn.DataParallel(model[1])
    model[0] = Compiled(model[0])
    manager = CheckpointManager(tmp_path)
    manager.save_checkpoint(model=nn.DataParallel(Compiled(model)))
    checkpoint = manager.load_latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint["model_state_dict"].keys() == inside


def test_a_part_that_its_author_called_module_keeps_its_name(tmp_path: Path) -> None:
    model = Residual(nn.Sequential(Residual(nn.Linear(2, 2))))
    manager = CheckpointManager(tmp_path)
    manager.save_checkpoint(model=nn.DataParallel(model))
    checkpoint = manager.load_latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint["model_state_dict"].keys() == model.state_dict().keys()


def test_a_state_that_cannot_be_saved_leaves_nothing(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    with pytest.raises(CheckpointError, match="state at callback is of type"):
        manager.save_checkpoint(step=1, extra={"callback": print})
    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_has_nothing_to_load(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path / "new")
    assert manager.load_best_checkpoint() is None
    assert manager.load_latest_checkpoint() is None
    assert manager.load_checkpoint("step-00000001") is None
    assert manager.get_best_checkpoint_info() is None
    assert manager.get_latest_checkpoint_info() is None
    assert manager.list_checkpoints() == []


@pytest.mark.parametrize(("mode", "best"), [("min", 20), ("max", 30)])
def test_best_follows_the_mode_and_never_a_score_that_is_not_finite(tmp_path: Path, mode: str, best: int) -> None:
    manager = CheckpointManager(tmp_path, max_checkpoints=9, mode=mode)
    for step, metric in [(10, 0.5), (20, 0.2), (30, 0.9), (40, math.nan), (50, -math.inf), (60, math.inf), (70, None)]:
        save(manager, step, metric)
    info, loaded = manager.get_best_checkpoint_info(), manager.load_best_checkpoint()
    latest = manager.get_latest_checkpoint_info()
    assert info is not None
    assert loaded is not None
    assert latest is not None
    assert (info.step, loaded["step"], latest.step) == (best, best, 70)


def test_scores_of_another_metric_are_not_ranked_with_ours(tmp_path: Path) -> None:
    save(CheckpointManager(tmp_path, metric_name="eval_loss"), 1, 0.01)
    manager = CheckpointManager(tmp_path, metric_name="macro_f1", mode="max")
    assert manager.get_best_checkpoint_info() is None
    save(manager, 2, 0.005)
    info = manager.get_best_checkpoint_info()
    assert info is not None
    assert info.step == 2


def test_retention_keeps_the_best_and_the_newest(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path, max_checkpoints=3)
    for step, metric in enumerate([0.9, 0.1, 0.8, 0.7, 0.6, 0.5]):
        save(manager, step, metric)
    assert steps(manager) == [1, 4, 5]
    assert {path.name for path in tmp_path.iterdir()} == {"step-00000001", "step-00000004", "step-00000005"}


def test_one_checkpoint_allowed_still_keeps_best_and_newest(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path, max_checkpoints=1)
    for step, metric in enumerate([0.1, 0.9, 0.8]):
        save(manager, step, metric)
    assert steps(manager) == [0, 2]


def test_what_was_just_saved_stays_even_when_later_steps_exist(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path, max_checkpoints=2)
    for step in (100, 200, 5):
        save(manager, step)
    assert 5 in steps(manager)


def test_checkpoints_are_listed_by_step_beyond_eight_digits(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path, max_checkpoints=9)
    for step in (123_456_789, 2, 99_999_999):
        save(manager, step)
    assert steps(manager) == [2, 99_999_999, 123_456_789]


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    manager.save_checkpoint(model=weights(1.0), optimizer=weights(1.0), step=7, metric_value=0.5)
    manager.save_checkpoint(model=weights(2.0), step=7)
    checkpoint = manager.load_latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint["model_state_dict"]["w"].item() == 2.0
    assert (checkpoint["optimizer_state_dict"], checkpoint["metric_value"]) == (None, None)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000007"]


def test_a_damaged_newest_is_named_and_passed_over_for_the_one_before(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    for step in (1, 2, 3):
        save(manager, step)
    flip(tmp_path / "step-00000003" / "model.safetensors")
    checkpoint = manager.load_latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint["step"] == 2
    (message,) = manager.damaged
    assert "step-00000003 is damaged: model.safetensors" in message
    assert steps(manager) == [1, 2]


def test_a_damaged_best_is_passed_over_for_the_next_best(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    for step, metric in [(1, 0.3), (2, 0.1), (3, 0.2)]:
        save(manager, step, metric)
    flip(tmp_path / "step-00000002" / "state.json", 5)
    checkpoint = manager.load_best_checkpoint()
    assert checkpoint is not None
    assert checkpoint["step"] == 3


def test_when_every_checkpoint_is_damaged_none_is_loaded_and_all_are_named(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    for step in (1, 2):
        flip(tmp_path / save(manager, step) / "model.safetensors")
    assert manager.load_latest_checkpoint() is None
    assert len(manager.damaged) == 2


def test_loading_a_damaged_one_by_name_says_what_is_wrong(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    name = save(manager, 1)
    flip(tmp_path / name / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors does not have the SHA-256"):
        manager.load_checkpoint(name)


def test_a_damaged_checkpoint_takes_no_place_in_retention_and_heals_when_saved_again(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path, max_checkpoints=2)
    save(manager, 1)
    save(manager, 2)
    flip(tmp_path / "step-00000002" / "model.safetensors")
    manager.load_latest_checkpoint()
    assert manager.save_checkpoint(model=weights(2.0), step=2).step == 2
    assert (steps(manager), manager.damaged) == ([1, 2], [])
    assert manager.load_checkpoint("step-00000002") is not None


def test_a_copy_under_another_name_is_no_checkpoint(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    (tmp_path / save(manager, 1)).rename(tmp_path / "step-00000009")
    assert manager.load_latest_checkpoint() is None
    assert "its manifest is that of step-00000001" in manager.damaged[0]


def test_listing_reads_no_tensor_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = CheckpointManager(tmp_path, max_checkpoints=30)
    for step in range(6):
        save(manager, step, 1.0)
    hashed: list[Path] = []
    monkeypatch.setattr(manifest, "sha256_of", hashed.append)
    reopened = CheckpointManager(tmp_path)
    assert len(reopened.list_checkpoints()) == 6
    assert reopened.get_best_checkpoint_info() == manager.get_best_checkpoint_info()
    assert not hashed


def test_a_checkpoint_can_be_deleted_once(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    name = save(manager, 1, 0.5)
    assert manager.delete_checkpoint(name)
    assert not manager.delete_checkpoint(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "../step-00000001",
        "step-00000001/../../x",
        "/etc",
        "",
        ".",
        "..",
        "step-1",
        "step-00000001\n",
        "step-\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0661",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    manager = CheckpointManager(tmp_path / "checkpoints")
    save(CheckpointManager(tmp_path), 1)
    with pytest.raises(CheckpointError, match="is not the name of a checkpoint"):
        manager.load_checkpoint(name)
    with pytest.raises(CheckpointError, match="is not the name of a checkpoint"):
        manager.delete_checkpoint(name)
    assert (tmp_path / "step-00000001").is_dir()


def test_other_files_in_the_directory_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "step-final").mkdir()
    manager = CheckpointManager(tmp_path, max_checkpoints=1)
    save(manager, 1)
    save(manager, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "step-final", "step-00000002"}


def test_what_killed_writers_left_is_removed_and_a_half_replaced_checkpoint_comes_back(tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path)
    save(manager, 1)
    save(manager, 2)
    (tmp_path / "step-00000002").rename(name_aside(tmp_path / "step-00000002", "replaced"))
    for leftover in (name_aside(tmp_path / "step-00000002"), name_aside(tmp_path / "step-00000009", "deleted")):
        leftover.mkdir()
        (leftover / "model.safetensors").write_bytes(b"half")
    name_aside(tmp_path / "step-00000001", "replaced").mkdir()
    reopened = CheckpointManager(tmp_path)
    assert steps(reopened) == [1, 2]
    assert {path.name for path in tmp_path.iterdir()} == {"step-00000001", "step-00000002"}


def test_a_state_that_somebody_is_writing_is_left_alone(tmp_path: Path) -> None:
    with staged_directory(tmp_path / "step-00000003") as foreign:
        CheckpointManager(tmp_path)
        assert foreign.is_dir()


@pytest.mark.parametrize("settings", [{"mode": "best"}, {"max_checkpoints": 0}, {"keep_best": 0}], ids=str)
def test_a_setting_that_makes_no_sense_is_refused(tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        CheckpointManager(tmp_path, **settings)


def test_a_negative_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="step is -1"):
        CheckpointManager(tmp_path).save_checkpoint(step=-1)


def test_a_directory_that_cannot_be_made_is_a_checkpoint_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot hold checkpoints"):
        CheckpointManager(tmp_path / "file")


@pytest.mark.parametrize("ending", [".pt", ".pth", ".bin", ".safetensors"])
def test_plain_weights_of_another_program_are_opened(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"weights{ending}"
    tensors = {"w": torch.arange(3.0)}
    if ending == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    assert torch.equal(open_foreign_weights(path)["w"], tensors["w"])


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, fuse: Path) -> None:
        self._fuse = fuse

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self._fuse),)


@pytest.mark.parametrize("variable", ["", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"])
@pytest.mark.parametrize("new_format", [True, False])
def test_code_in_foreign_weights_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, new_format: bool
) -> None:
    if variable:
        monkeypatch.setenv(variable, "1")
    path, fuse = tmp_path / "bomb.pt", tmp_path / "exploded"
    torch.save({"w": Bomb(fuse)}, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(CheckpointError, match="is refused"):
        open_foreign_weights(path)
    assert not fuse.exists()
    torch.load(path, weights_only=False)
    assert fuse.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.pt", b"nonsense", "is refused"),
        ("w.bin", b"", "is refused"),
        ("w.safetensors", b"nonsense", "is damaged"),
        ("w.ckpt", b"", "has the ending"),
    ],
)
def test_a_foreign_file_that_is_no_weights_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        open_foreign_weights(tmp_path / name)


def test_a_foreign_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    for name in ("w.pt", "w.safetensors"):
        with pytest.raises(CheckpointError, match="does not exist"):
            open_foreign_weights(tmp_path / name)


def test_a_foreign_file_without_names_is_refused(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "w.pt")
    with pytest.raises(CheckpointError, match="holds a list"):
        open_foreign_weights(tmp_path / "w.pt")

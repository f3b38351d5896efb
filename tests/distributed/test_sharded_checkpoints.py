"""What ranks hold together is one checkpoint: written by all, read by any number of them, whole or absent."""

import errno
import os
import shutil
import signal
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from domain.exceptions import CheckpointError
from infrastructure.parallel.ranks import ALONE, Ranks, ranks_of_this_process
from infrastructure.parallel.strategy import Parallel
from infrastructure.training import CheckpointManager, checkpoint_files
from infrastructure.training.applied_steps import AppliedSteps
from infrastructure.training.background_saver import BackgroundSaver
from infrastructure.training.checkpoint_manager import CheckpointNotSavedError
from infrastructure.training.following import FollowedCheckpoints
from infrastructure.training.session import Session
from infrastructure.training.taking_up import reading_of
from infrastructure.training.tensor_tree import split_tree
from infrastructure.training.weight_average import WeightAverage
from tests.support.forked import start_function
from tests.support.ranks import ended, environments, in_ranks
from tests.support.tiny_module import flip

CPU = torch.device("cpu")
WHOLE = "whole.safetensors"

SECONDS_OF_SILENCE = 5.0


class Net(nn.Module):
    """Weights of 6, 3 and 1 rows: of four ranks the last have fewer, or none. The first stands in two places."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(3, 6), nn.Linear(6, 3), nn.Linear(3, 1)
        self.again = nn.Linear(3, 6)
        self.again.weight = self.first.weight
        self.register_buffer("seen", torch.arange(3.0))

    def forward(self, inputs: Tensor) -> Tensor:
        out: Tensor = self.last(self.second(self.first(inputs) * self.again(inputs)) * self.seen)
        return out


def session(ranks: Ranks, num_steps: int) -> Session:
    """Train some steps, where there are several ranks with weights that they hold together."""
    model: nn.Module = Net()
    if ranks.size > 1:
        fully_shard(model, mesh=init_device_mesh("cpu", (ranks.size,)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    average = WeightAverage(model, 0.9)
    for step in range(num_steps):
        optimizer.zero_grad()
        model(torch.linspace(-1, 1, 12).reshape(4, 3)).square().sum().backward()
        optimizer.step()
        average.update(model, AppliedSteps(step))
    parallel = Parallel(ranks)
    parallel.shards = ranks.size > 1
    nothing: Any = None
    return Session(model, model, parallel, nothing, optimizer, nothing, average, CPU, 1.0, 0)


def save(manager: CheckpointManager, one: Session, step: int) -> None:
    assert one.average is not None
    ranks = one.parallel.ranks if one.parallel.shards else ALONE
    extra = {"average": one.average.state_dict(), "word": "here"}
    manager.save_checkpoint(
        model=one.trained, optimizer=one.optimizer, step=step, metric_value=1.0 / step, extra=extra, ranks=ranks
    )


def tensors_of(one: Session) -> dict[str, Tensor]:
    """Name all tensors of a session, whole."""
    assert one.average is not None
    named = {f"model {name}": tensor for name, tensor in one.model.state_dict().items()}
    named |= {f"average {name}": tensor for name, tensor in one.average.state_dict().items()}
    for number, moments in one.optimizer.state_dict()["state"].items():
        named |= {f"moment {number} {name}": tensor for name, tensor in moments.items()}
    return {name: whole(tensor).detach().clone() for name, tensor in named.items()}


def whole(tensor: Tensor) -> Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def is_same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(tensor, right[name]) for name, tensor in left.items())


def load(one: Session, checkpoint: dict[str, Any]) -> dict[str, Tensor]:
    assert one.average is not None
    one.trained.load_state_dict(checkpoint["model_state_dict"])
    one.optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
    one.average.load_state_dict(checkpoint["extra"]["average"])
    return tensors_of(one)


# What the ranks do


def train_and_save(directory: str) -> list[str]:
    """Save two steps, and what all of it was as one file; gives what this rank opened to write."""
    ranks = ranks_of_this_process()
    manager, one = CheckpointManager(directory), session(ranks, 2)
    save(manager, one, 1)
    one = session(ranks, 3)
    save(manager, one, 2)
    tensors = tensors_of(one)
    if ranks.is_first:
        save_file(tensors, Path(directory) / WHOLE)
    return manager.damaged


def take_up(directory: str, save_as: int = 0) -> dict[str, Any]:
    """Load the newest into a session that is elsewhere; tell whether it is what was saved, and what was read."""
    ranks = ranks_of_this_process()
    manager, one = CheckpointManager(directory), session(ranks, 1)
    checkpoint = manager.load_latest_checkpoint(reading_of(one))
    assert checkpoint is not None
    weight = checkpoint["model_state_dict"]["first.weight"]
    loaded = load(one, checkpoint)
    if save_as:
        save(manager, one, save_as)
    moments = checkpoint["optimizer_state_dict"]["state"]
    return {
        "step": checkpoint["step"],
        "same": is_same(loaded, load_file(Path(directory) / WHOLE)),
        "rows": len(weight.to_local()) if isinstance(weight, DTensor) else len(weight),
        "spread": all(isinstance(moments[n]["exp_avg"], DTensor) for n in moments),
        "tied": checkpoint["model_state_dict"]["again.weight"] is weight,
        "damaged": manager.damaged,
    }


def save_beside(directory: str) -> bool:
    """Change the weights, and ask each other, while threads write; tell whether what was is what is there."""
    ranks = ranks_of_this_process()
    manager, one, writers = CheckpointManager(directory), session(ranks, 1), ranks.beside()
    saver, real, may_write = BackgroundSaver(manager), manager.write, Event()
    manager.write = lambda prepared: (may_write.wait(), real(prepared))[1]  # type: ignore[method-assign]
    assert one.average is not None
    before, average = tensors_of(one), {"average": one.average.state_dict()}
    saver.save(model=one.trained, optimizer=one.optimizer, step=1, extra=average, ranks=writers)
    with torch.no_grad():
        for weight in one.model.parameters():
            weight.zero_()
    may_write.set()
    while not ranks.any(saver.is_done):
        pass
    saver.wait()
    saver.close()
    checkpoint = manager.load_latest_checkpoint(reading_of(one))
    assert checkpoint is not None
    return is_same(load(one, checkpoint), before)


def refused(directory: str, refusing: int, number: int) -> dict[str, Any]:
    """Save where the disk of one rank refuses; gives the sentence, or an empty one."""
    ranks = ranks_of_this_process()
    manager, one = CheckpointManager(directory), session(ranks, 1)
    save(manager, one, 1)
    if ranks.rank == refusing:
        refuse_writes(number)
    told = ""
    try:
        save(manager, one, 2)
    except CheckpointNotSavedError as error:
        told = error.problem
    checkpoint = manager.load_latest_checkpoint(reading_of(one))
    return {"told": told, "newest": checkpoint and checkpoint["step"], "free": manager.free_bytes > 0}


def refuse_writes(number: int) -> None:
    """Let the disk be full so many times."""
    left = [number]

    def write(tensors: Any, path: Path) -> None:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save_file(tensors, path)

    setattr(checkpoint_files, "save_file", write)  # noqa: B010  # in this process, which ends with the test


def killed(directory: str, rank: int, place: str) -> None:
    """Save a state, and be killed in the middle of the next."""
    ranks = ranks_of_this_process(SECONDS_OF_SILENCE)
    manager, one = CheckpointManager(directory), session(ranks, 1)
    save(manager, one, 1)
    if ranks.rank == rank:
        setattr(checkpoint_files, place, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    save(manager, one, 2)


def by_columns() -> str:
    """Save what is spread otherwise than by rows; gives the sentence."""
    ranks = ranks_of_this_process()
    tensor = distribute_tensor(torch.ones(2, 2), init_device_mesh("cpu", (2,)), [Shard(1)])
    with pytest.raises(CheckpointError) as found:
        split_tree({"weight": tensor}, rank=ranks.rank)
    with pytest.raises(CheckpointError, match="special tensor"):
        split_tree({"weight": tensor})
    return found.value.problem


# What is so of them


@pytest.fixture(scope="module")
def of_four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("four")
    assert in_ranks(4, train_and_save, place / "answers", directory=str(place / "states")) == [[]] * 4
    return place / "states"


@pytest.fixture
def states(of_four: Path, tmp_path: Path) -> Path:
    """Copy them, to be changed."""
    return Path(shutil.copytree(of_four, tmp_path / "states"))


def test_each_rank_writes_its_rows_into_files_of_its_own(of_four: Path) -> None:
    assert {path.name for path in (of_four / "step-00000002").iterdir()} == {
        *(f"{part}-0000{n}-of-00004.safetensors" for part in ("model", "optimizer", "extra") for n in (1, 2, 3, 4)),
        "state.json",
        "manifest.json",
    } - {f"{part}-00004-of-00004.safetensors" for part in ("model", "optimizer", "extra")}  # of no weight has it a row
    first, second = (load_file(of_four / "step-00000002" / f"model-0000{n}-of-00004.safetensors") for n in (1, 2))
    assert (len(first["first.weight"]), len(second["first.weight"])) == (2, 2)
    assert "seen" in first
    assert "seen" not in second
    assert "again.weight" not in first


def test_a_process_alone_opens_it_whole(of_four: Path) -> None:
    one = session(ALONE, 1)
    for reading in ((), (reading_of(one),)):
        checkpoint = CheckpointManager(of_four).load_checkpoint("step-00000002", *reading)
        assert checkpoint is not None
        assert is_same(load(one, checkpoint), load_file(of_four / WHOLE))
        assert checkpoint["extra"]["word"] == "here"


def test_two_ranks_take_up_what_four_wrote_and_four_what_two_wrote(states: Path, tmp_path: Path) -> None:
    two = in_ranks(2, take_up, tmp_path / "two", directory=str(states), save_as=3)
    taken_up = {"step": 2, "same": True, "rows": 3, "spread": True, "tied": True, "damaged": []}
    assert two == [taken_up, taken_up]
    assert (states / "step-00000003" / "model-00002-of-00002.safetensors").exists()
    four = in_ranks(4, take_up, tmp_path / "four", directory=str(states))
    assert [(each["step"], each["same"], each["rows"]) for each in four] == [(3, True, n) for n in (2, 2, 2, 0)]


def test_ranks_take_up_what_a_process_wrote_alone(states: Path, tmp_path: Path) -> None:
    one, manager = session(ALONE, 1), CheckpointManager(states)
    checkpoint = manager.load_latest_checkpoint()
    assert checkpoint is not None
    load(one, checkpoint)
    save(manager, one, 5)
    assert (states / "step-00000005" / "model.safetensors").exists()
    two = in_ranks(2, take_up, tmp_path / "two", directory=str(states))
    assert [(each["step"], each["same"], each["rows"], each["spread"]) for each in two] == [(5, True, 3, True)] * 2


@pytest.mark.parametrize("name", ["optimizer-00003-of-00004.safetensors", "state.json"])
def test_a_damaged_file_of_one_rank_is_named_by_all_and_the_state_before_it_taken(
    states: Path, tmp_path: Path, name: str
) -> None:
    flip(states / "step-00000002" / name)
    for each in in_ranks(2, take_up, tmp_path, directory=str(states)):
        assert each["step"] == 1
        assert len(each["damaged"]) == 1
        assert f"step-00000002 is damaged: {name} does not have the SHA-256" in each["damaged"][0]


def test_a_file_of_one_rank_that_is_gone_is_named(states: Path) -> None:
    (states / "step-00000002" / "model-00002-of-00004.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00004\.safetensors is missing"):
        CheckpointManager(states).load_checkpoint("step-00000002")


def test_threads_of_all_write_what_was_while_the_training_goes_on(tmp_path: Path) -> None:
    assert in_ranks(2, save_beside, tmp_path / "answers", directory=str(tmp_path / "states")) == [True, True]


def test_what_is_spread_otherwise_than_by_rows_is_refused(tmp_path: Path) -> None:
    told = "the state at weight is of torch.float32 and spread as (Shard(dim=1),), which no checkpoint can hold."
    assert in_ranks(2, by_columns, tmp_path) == [told, told]


def test_a_rank_that_is_not_the_first_removes_none(states: Path) -> None:
    followed = FollowedCheckpoints(states, max_checkpoints=1)
    followed.discard()
    save(followed, session(ALONE, 1), 3)
    assert [one.step for one in CheckpointManager(states).list_checkpoints()] == [1, 2, 3]


def test_a_disk_that_refuses_one_rank_refuses_all_and_older_states_stay(tmp_path: Path) -> None:
    answers = in_ranks(4, refused, tmp_path / "answers", directory=str(tmp_path / "states"), refusing=2, number=9)
    assert [each["newest"] for each in answers] == [1] * 4
    assert len({each["told"] for each in answers}) == 1
    assert "step-00000002 cannot be written" in answers[0]["told"]
    assert "No space left" in answers[0]["told"]
    assert os.listdir(tmp_path / "states") == ["step-00000001"]


def test_room_is_made_by_the_first_one_and_the_state_written_again(tmp_path: Path) -> None:
    answers = in_ranks(2, refused, tmp_path / "answers", directory=str(tmp_path / "states"), refusing=1, number=1)
    assert [(each["told"], each["newest"]) for each in answers] == [("", 2)] * 2


@pytest.mark.parametrize(("rank", "place"), [(1, "described"), (0, "write_manifest")])
def test_after_a_kill_of_one_rank_the_state_is_absent_and_the_others_end(tmp_path: Path, rank: int, place: str) -> None:
    given = {"directory": str(tmp_path / "states"), "rank": rank, "place": place}
    ranks = [
        start_function(killed, given, tmp_path / f"answers {number}", environment)
        for number, environment in enumerate(environments(2))
    ]
    codes = ended(ranks)
    assert codes[rank] == -signal.SIGKILL
    assert codes[1 - rank] == 1
    assert "LostRanksError" in ranks[1 - rank].stderr
    assert [one.name for one in CheckpointManager(tmp_path / "states").list_checkpoints()] == ["step-00000001"]
    assert os.listdir(tmp_path / "states") == ["step-00000001"]  # what was left over is gone

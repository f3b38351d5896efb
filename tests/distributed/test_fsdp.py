"""FSDP2: ranks that hold a model together learn what one process learns, and leave what it leaves."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from domain.config import TrainingConfig
from domain.events import StepCompleted
from domain.exceptions import ConfigurationError, TrainingError
from infrastructure.files import sha256_of
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.layers import blocks_of
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.parallel.ranks import ranks_of_this_process
from infrastructure.spread_tensors import put_together
from infrastructure.tasks.registry import TaskModels, kind_of
from infrastructure.training.session import Session, open_session
from infrastructure.training.step import MicroBatch, StepBatch, train_step
from tests.fakes.ports import FakeMonitor
from tests.support import tiny_module, tiny_text
from tests.support.once import once
from tests.support.ranks import athanor_in_ranks, in_ranks
from tests.support.tiny_architectures import model_of

if TYPE_CHECKING:
    from infrastructure.tasks.adapter import TaskAdapter

CPU = torch.device("cpu")


class Half(nn.Module):
    """Uses the first of two layers alone; the third weight has one row, of which only one rank has any."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.used, self.unused, self.last = nn.Linear(3, 5), nn.Linear(3, 5), nn.Linear(5, 1)

    def forward(self, rows: Tensor) -> Tensor:
        out: Tensor = self.last(self.used(rows))
        return out


class Counting(Half):
    """Keeps the mean of what it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.level: Tensor
        self.register_buffer("level", torch.zeros(3))

    def forward(self, rows: Tensor) -> Tensor:
        self.level += rows.detach().mean(0)
        return super().forward(rows)


class Squares:
    """Learns nothing in particular, from [B, 3]."""

    def loss_sum(self, model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return (model(batch["rows"]) - 1.0).square().sum()


def stepped(model: nn.Module, parallel: str, **settings: Any) -> Session:
    """Train four steps of four rows, of which this rank has its share."""
    ranks = ranks_of_this_process()
    config = TrainingConfig(device="cpu", precision="fp32", weight_decay=0.5, learning_rate=0.01, **settings)
    task: Any = Squares()
    session = open_session(model, task, config, parallel=choose_parallel(parallel))
    rows = torch.linspace(-1, 1, 12).reshape(4, 3)
    own = rows[ranks.rank :: ranks.size]
    micro_batches = [MicroBatch({"rows": row[None]}, number) for number, row in enumerate(own)]
    for step in range(4):
        train_step(session, StepBatch(step, micro_batches, 4, 4, 4, ()), 0.01, step)
    return session


def everything(directory: str) -> dict[str, Any]:
    """Do in one start of the ranks what the tests below look at."""
    out = Path(directory)
    save(out / f"{ranks_of_this_process().size}")
    return {
        "optimizers": {name: trained_with(name) for name in ("adamw", "adam", "sgd", "rmsprop", "muon")},
        "held": held(out),
        "seen": stepped(Counting(), "fsdp" if ranks_of_this_process().size > 1 else "auto")
        .model.get_buffer("level")
        .tolist(),
        "written": [written("fsdp", precision, checks) for precision in ("fp32", "bf16") for checks in (False, True)],
        "runs": [resumed(out / place) for place in ("undisturbed", "stopped")],
    }


def trained_with(optimizer: str) -> list[float]:
    """Give the weights behind some steps, one after the other."""
    ranks = ranks_of_this_process()
    session = stepped(Half(), "fsdp" if ranks.size > 1 else "single", optimizer=optimizer, average_decay=0.9)
    assert session.average is not None
    session.average.settle_in(session.trained)
    whole = put_together(session.model.state_dict(), keep=True)
    return [number for tensor in whole.values() for number in tensor.flatten().tolist()]


def save(directory: Path) -> None:
    """Write a model with a table that stands in it twice."""
    ranks = ranks_of_this_process()
    bundle = ModelBundle(model_of("gpt2"))
    for one in () if ranks.is_first else bundle.model.parameters():
        nn.init.zeros_(one)  # all begin with the weights of the first
    weights = None
    if ranks.size > 1:
        choose_parallel("fsdp").entered(bundle.model, CPU)
        weights = put_together(bundle.model.state_dict(), ranks.is_first)
    if ranks.is_first:
        bundle.save(directory, {}, weights)


def held(directory: Path) -> list[float]:
    """Tell which share of its numbers a rank has of a model before and behind its division."""
    ranks = ranks_of_this_process()
    data = directory / f"data-{ranks.rank}-of-{ranks.size}"
    data.mkdir(parents=True)
    request = tiny_text.request("language_modeling", data, parallel="auto" if ranks.size == 1 else "fsdp").resolved()
    run: Any = SimpleNamespace(path=str(directory / "run"))
    bundle = TaskModels().build(request, kind_of(request.task).load(request), run)
    before = sum(one.numel() for one in bundle.model.parameters() if not one.is_meta) / bundle.num_parameters
    choose_parallel(request.parallel).entered(bundle.model, CPU)
    own = [one.to_local() if isinstance(one, DTensor) else one for one in bundle.model.parameters()]
    return [before, sum(one.numel() for one in own) / bundle.num_parameters]


class Scores:
    """Wants the scores of a model that writes to be small, from token numbers [B, L]."""

    def loss_sum(self, model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        scores: Tensor = model(**batch).logits
        return scores.float().square().sum()


def written(parallel: str, precision: str, is_checkpointed: bool) -> list[float]:
    """Give the losses and norms of three steps of a model with blocks."""
    ranks = ranks_of_this_process()
    model, task = model_of("gpt2", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0), cast("TaskAdapter", Scores())
    if is_checkpointed:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    config = TrainingConfig(device="cpu", precision=precision)
    session = open_session(model, task, config, parallel=choose_parallel(parallel) if ranks.size > 1 else None)
    rows = (torch.arange(24) % 60 + 3).reshape(4, 1, 6)
    own = [MicroBatch({"input_ids": row}, number) for number, row in enumerate(rows[ranks.rank :: ranks.size])]
    steps = [train_step(session, StepBatch(step, own, 24, 4, 24, ()), 0.01, step) for step in range(3)]
    return [number for step in steps for number in (step.loss, step.grad_norm)]


class Stopping(FakeMonitor):
    """Wants a run to stop behind its eighth step."""

    def stop_requested(self) -> str:
        return "signal" if any(isinstance(event, StepCompleted) and event.step == 8 for event in self.events) else ""


def resumed(directory: Path) -> list[str]:
    """Train sixteen steps, in one go or with a stop between them; gives the digests of the model that is left.

    A process alone goes on from where two ranks had stopped.
    """
    ranks = ranks_of_this_process()
    settings: dict[str, Any] = {"parallel": "auto" if ranks.size == 1 else "fsdp", "average_decay": 0.9}
    settings |= {"logging_steps": 1, "eval_steps": 4}
    if ranks.size == 1:
        directory = directory.with_name(f"{directory.name} before")
    elif directory.name == "stopped":
        tiny_module.trainer(tiny_module.Net(), directory, monitor=Stopping(), **settings).train()
        ranks.wait_for_all()
        if ranks.is_first:
            shutil.copytree(directory, directory.with_name("stopped before"))
    result = tiny_module.trainer(tiny_module.Net(), directory, **settings).train()
    ranks.wait_for_all()
    assert result.stop_reason == "completed"
    return sorted(f"{path.name} {sha256_of(path)}" for path in Path(result.model_path).glob("*.safetensors"))


def without_memory() -> list[str]:
    """Let memory run out in rank 1 alone, in the middle of a pass; gives what each rank ends with."""
    ranks = ranks_of_this_process()

    class Full(Half):
        def forward(self, rows: Tensor) -> Tensor:
            if ranks.rank == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(rows)

    try:
        stepped(Full(), "fsdp")
    except TrainingError as error:
        ranks.says_failed(str(error), error.exit_code)
        return [type(error).__name__, str(error)]
    return []


def single_number() -> str:
    model = Half()
    model.scale = nn.Parameter(torch.ones(()))
    try:
        choose_parallel("fsdp").entered(model, CPU)
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, list[Any]]]:
    def of_both(out: Path) -> list[Any]:
        return [in_ranks(size, everything, out / f"of-{size}", directory=str(out)) for size in (2, 1)]

    (two, one), out = once(tmp_path_factory, "fsdp", of_both)
    return out, {2: two, 1: one}


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "rmsprop", "muon"])
def test_optimizers_leave_what_they_leave_in_one_process(done: Any, optimizer: str) -> None:
    alone, first, second = (each["optimizers"][optimizer] for size in (1, 2) for each in done[1][size])
    assert first == second
    assert first == pytest.approx(alone, abs=3e-3 if optimizer == "muon" else 1e-6)


def test_a_weight_that_no_rank_uses_does_not_decay(done: Any) -> None:
    unused = [number for one in Half().unused.parameters() for number in one.flatten().tolist()]
    learnt = done[1][2][0]["optimizers"]["adamw"]
    assert learnt[20:40] == unused


def test_the_model_that_is_left_is_to_the_byte_that_of_one_process(done: Any) -> None:
    out, _ = done
    alone, together = (sorted((out / size).iterdir()) for size in ("1", "2"))
    assert [path.name for path in alone] == [path.name for path in together]
    assert {path.name: path.read_bytes() for path in alone} == {path.name: path.read_bytes() for path in together}
    assert load_file(out / "2" / "model.safetensors")


def test_only_the_first_rank_ever_has_a_whole_model(done: Any) -> None:
    first, second = (each["held"] for each in done[1][2])
    assert [first[0], second[0]] == [1.0, 0.0]
    assert first[1] == pytest.approx(0.5, abs=0.02)
    assert second[1] == pytest.approx(0.5, abs=0.02)


def test_blocks_learn_the_same_in_bf16_too_and_where_activations_are_computed_twice(done: Any) -> None:
    alone, first, second = (each["written"] for size in (1, 2) for each in done[1][size])
    assert first == second
    for found, expected in zip(first, alone, strict=True):
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_run_goes_on_to_the_same_bytes_and_in_one_process_to_the_same_model(done: Any) -> None:
    out, found = done
    for undisturbed, stopped in (each["runs"] for each in found[2]):
        assert undisturbed == stopped
    alone, together, went_on = (
        load_file(out / name / "model" / "model.safetensors")
        for name in ("undisturbed before", "undisturbed", "stopped before")
    )
    for name, expected in alone.items():
        assert torch.allclose(together[name], expected, rtol=0, atol=1e-6)
        assert torch.allclose(went_on[name], expected, rtol=0, atol=1e-6)


def test_what_the_first_rank_has_counted_is_kept_by_all(done: Any) -> None:
    first, second = (each["seen"] for each in done[1][2])
    assert first == second != [0.0, 0.0, 0.0]


def test_blocks_are_the_layers_that_share_nothing() -> None:
    assert [type(block).__name__ for block in blocks_of(model_of("gpt2"))] == ["GPT2Block"] * 3
    assert blocks_of(Half()) == []


def test_memory_that_runs_out_in_one_rank_ends_all_in_a_sentence(tmp_path: Path) -> None:
    first, second = in_ranks(2, without_memory, tmp_path)
    assert second[0] == "TrainingError"
    assert second[1].startswith("memory ran out in rank 1, in the middle of a pass")
    assert first[0] == "LostRanksError"


def test_a_weight_without_rows_is_refused(tmp_path: Path) -> None:
    assert all("weight model.scale is a single number" in said for said in in_ranks(2, single_number, tmp_path))


def test_what_fsdp_cannot_do_is_refused_before_data_are_read(tmp_path: Path) -> None:
    damaged = tmp_path / "rows.json"
    damaged.write_text("[", encoding="ascii")
    words = ["train", "--task", "text_classification", "--dataset", damaged, "--output", tmp_path / "run"]
    settings = ("parallel=fsdp", "precision=fp16", "adapter=lora", "batch_size=auto", "time_budget=1h")
    given = [word for setting in settings for word in ("--set", setting)]
    answers = athanor_in_ranks(2, [*words, *given], tmp_path / "answers")
    assert [answer.exit_code for answer in answers] == [2, 2]
    said = [line for answer in answers for line in answer.stderr.splitlines() if line.startswith("error: ")]
    assert said == [
        "error: adapter lora cannot be trained with parallel fsdp. Use parallel ddp.",
        "error: precision fp16 cannot be had with parallel fsdp. Use bf16, or fp32.",
        "error: batch_size auto cannot be measured with parallel fsdp. Give a number.",
        "error: time_budget plans no steps with parallel fsdp. Give max_steps, which it then ends early.",
    ]

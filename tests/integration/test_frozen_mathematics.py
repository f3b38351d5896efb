"""Steps of a model of which a part is frozen give the same result however they are cut, and whatever is watched."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from infrastructure.models.bundle import ModelBundle
from infrastructure.models.freezing import freeze, frozen_base
from infrastructure.tasks.labels.adapter import SequenceClassification
from infrastructure.training import AdvancedTrainer, CheckpointManager, DatasetLoader
from infrastructure.training.applied_steps import AppliedSteps
from infrastructure.training.trained_part import TrainedPart
from infrastructure.training.weight_average import WeightAverage
from tests.support import tiny
from tests.support.mathematics import batch_of, gradients, relative_difference

FROZEN = ["embeddings", 1, "all_but_head"]


@pytest.fixture(scope="module")
def tokens() -> Any:
    return tiny.tokenizer()


@pytest.fixture(scope="module")
def dataset(tokens: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    rows = tiny.file_of_rows(tmp_path_factory.mktemp("rows") / "rows.json")
    return DatasetLoader(rows, tokens, max_length=64).load()


def task_of(dataset: Any) -> SequenceClassification:
    return SequenceClassification(dataset.label_names, pad_token_id=dataset.pad_token_id)


@pytest.mark.parametrize("what", FROZEN)
@pytest.mark.parametrize("micro", [4, 3, 1], ids=["4x2", "ragged 3+3+2", "1x8"])
def test_micro_batches_do_not_change_the_gradient(dataset: Any, tokens: Any, what: Any, micro: int) -> None:
    task, model = task_of(dataset), tiny.model(tokens)
    freeze(model, what)
    whole = gradients(model, task, batch_of(dataset, task, 8))
    cut = gradients(model, task, batch_of(dataset, task, micro))
    assert relative_difference(cut, whole) < 1e-6


@pytest.mark.parametrize("what", FROZEN)
def test_the_gradient_is_the_part_of_the_whole_that_is_trained(dataset: Any, tokens: Any, what: Any) -> None:
    """An independent reference: a model that is trained whole computes the same and more."""
    task, model, other = task_of(dataset), tiny.model(tokens), tiny.model(tokens)
    freeze(model, what)
    trained = [parameter.requires_grad for parameter in model.parameters()]
    whole = gradients(other, task, batch_of(dataset, task, 8))
    expected = [gradient for gradient, is_trained in zip(whole, trained, strict=True) if is_trained]
    assert 0 < len(expected) < len(whole)
    assert relative_difference(gradients(model, task, batch_of(dataset, task, 8)), expected) < 1e-6


def test_an_evaluation_changes_no_weight_that_is_trained(dataset: Any, tokens: Any, tmp_path: Path) -> None:
    ends = []
    for name, evaluation, eval_steps in (("often", dataset, 2), ("never", None, None)):
        model = tiny.model(tokens, dropout=0.2)
        freeze(model, 1)
        AdvancedTrainer(
            ModelBundle(model, base=frozen_base(model)), dataset, evaluation, tmp_path / name, num_epochs=2,
            batch_size=8, learning_rate=1e-3, eval_steps=eval_steps, early_stopping_patience=0, max_checkpoints=50,
            metric_name="eval_loss", precision="fp32", layer_decay=0.8, average_decay=0.9,
        ).train()  # fmt: skip
        last = sorted((tmp_path / name / "checkpoints").glob("step-*"))[-1]
        ends.append((last.name, (last / "model.safetensors").read_bytes(), (last / "extra.safetensors").read_bytes()))
    assert ends[0] == ends[1]


def test_the_average_of_a_part_is_that_of_the_whole(tokens: Any) -> None:
    model = tiny.model(tokens)
    freeze(model, 1)
    whole, part = WeightAverage(model, 0.5), WeightAverage(TrainedPart(model, frozen_base(model)), 0.5)
    for step in range(1, 4):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(float(parameter.requires_grad))
        whole.update(model, AppliedSteps(step - 1))
        part.update(model, AppliedSteps(step - 1))
    averaged = {}
    for name, average in (("whole", whole), ("part", part)):
        with average.standing_in(model):
            averaged[name] = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    assert {*part.state_dict()} < {*whole.state_dict()}
    assert all(torch.equal(averaged["part"][key], tensor) for key, tensor in averaged["whole"].items())


class Watched(nn.Module):
    """Moves weights without a gradient behind those that have one, as a teacher follows its pupil."""

    def __init__(self) -> None:
        super().__init__()
        self.pupil, self.teacher = nn.Linear(1, 1), nn.Linear(1, 1)
        self.teacher.requires_grad_(False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.teacher.weight.data.lerp_(self.pupil.weight.data, 0.5)
        answer: torch.Tensor = self.pupil(inputs)
        return answer


def test_states_of_a_users_own_model_hold_what_is_frozen_too(tmp_path: Path) -> None:
    """Nobody but its author can say that it could be had again, or that it does not change."""
    model = Watched()
    rows = [(torch.tensor([float(x)]), torch.tensor([2.0 * x])) for x in range(8)]
    AdvancedTrainer(
        model, rows, output_dir=tmp_path, loss_function=nn.functional.mse_loss, num_epochs=1, batch_size=4,
        precision="fp32", learning_rate=1e-2,
    ).train()  # fmt: skip
    state = CheckpointManager(tmp_path / "checkpoints").load_latest_checkpoint()
    assert state is not None
    assert state["model_state_dict"].keys() == model.state_dict().keys()
    Watched().load_state_dict(state["model_state_dict"])

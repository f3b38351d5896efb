"""What ends an evaluation with averaged weights is told, whatever state it leaves the model in."""

import pytest
import torch
from torch import nn

from domain.exceptions import TrainingError
from infrastructure.training.weight_average import WeightAverage


def test_weights_that_cannot_be_put_back_do_not_hide_why() -> None:
    model = nn.Linear(2, 1)
    average = WeightAverage(model, 0.9)
    with pytest.raises(TrainingError, match="rank 1 is lost"), average.standing_in(model):
        model.weight = nn.Parameter(torch.zeros(3, 5))  # as a pass of fsdp leaves them that was broken off
        raise TrainingError("rank 1 is lost.")


def test_behind_an_error_a_model_has_its_own_weights_again() -> None:
    model = nn.Linear(2, 1)
    own = model.weight.detach().clone()
    average = WeightAverage(model, 0.9)
    average.load_state_dict({name: torch.zeros_like(one) for name, one in model.named_parameters()})
    with pytest.raises(TrainingError), average.standing_in(model):
        raise TrainingError("there is no memory.")
    assert torch.equal(model.weight, own)

"""What ends an evaluation with averaged weights is told, whatever state it leaves the model in."""

from typing import Any

import pytest
import torch
from torch import nn

from domain.exceptions import TrainingError
from infrastructure.training.weight_average import WeightAverage


def end_an_evaluation(model: Any, weight: Any) -> None:
    """Leave a model with some weight when its evaluation with averaged weights, zeros, ends."""
    average = WeightAverage(model, 0.9)
    average.load_state_dict({name: torch.zeros_like(one) for name, one in model.named_parameters()})
    with average.standing_in(model):
        model.weight = weight
        raise TrainingError("rank 1 is lost.")


def test_weights_that_cannot_be_put_back_do_not_hide_why() -> None:
    # As a pass of fsdp leaves them that was broken off: of another kind.
    with pytest.raises(TrainingError, match="rank 1 is lost"):
        end_an_evaluation(nn.Linear(2, 1), nn.Parameter(torch.zeros(3, 5)))


def test_behind_an_error_a_model_has_its_own_weights_again() -> None:
    model = nn.Linear(2, 1)
    own = model.weight.detach().clone()
    with pytest.raises(TrainingError):
        end_an_evaluation(model, model.weight)
    assert torch.equal(model.weight, own)

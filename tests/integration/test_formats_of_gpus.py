"""Number formats that GPUs alone have, and sums in one order: chosen, refused, and left as they were found."""

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError, TrainingError
from infrastructure.models import fp8
from infrastructure.models.fp8 import require_fp8, use_fp8_products
from infrastructure.training import precision
from infrastructure.training.machine import summing_in_one_order
from infrastructure.training.precision import Precision, choose_precision

GPU, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.mark.parametrize(
    ("speeds", "chosen"),
    [
        ({"fp32": 1.0, "tf32": 8.0, "bf16": 16.0}, "bf16"),
        ({"fp32": 1.0, "tf32": 8.0, "bf16": 9.0}, "tf32"),
        ({"fp32": 1.0, "tf32": 1.1, "bf16": 1.4}, "bf16"),
        ({"fp32": 1.0, "tf32": 1.1, "bf16": 1.2}, "fp32"),
    ],
)
def test_a_format_must_be_faster_than_the_one_that_rounds_less(
    speeds: Mapping[str, float], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(precision, "probe", lambda device, names: {name: speeds[name] for name in names})
    assert choose_precision("auto", True, GPU) == chosen


def test_products_are_rounded_to_tf32_inside_the_block_alone() -> None:
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    with Precision("tf32", CPU).autocast():
        assert products.fp32_precision == "tf32"
    with Precision("fp32", CPU).products():
        assert products.fp32_precision == before
    assert products.fp32_precision == before
    assert torch.equal(_product("tf32"), _product("fp32"))  # on a CPU it says nothing


def _product(name: str) -> torch.Tensor:
    factor = torch.linspace(0, 1, 9).reshape(3, 3)
    with Precision(name, CPU).autocast():
        return factor @ factor


class TestFp8:
    def test_is_refused_where_no_gpu_has_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigurationError, match="Hopper or later, and cpu is none"):
            choose_precision("fp8", True, CPU)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 9))
        with pytest.raises(ConfigurationError, match=r"compute capability 9\.0"):
            require_fp8(GPU)

    def test_names_the_package_that_it_needs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
        monkeypatch.setattr(fp8, "find_spec", lambda name: None)
        with pytest.raises(ConfigurationError, match=r"needs the package torchao"):
            Precision("fp8", GPU)

    def test_is_refused_beside_an_adapter(self) -> None:
        with pytest.raises(ConfigurationError, match="no whole matrix is trained"):
            TrainModelRequest(task="text_classification", precision="fp8", adapter="lora", model_name="x/y").resolved()

    def test_changes_products_and_neither_weights_nor_names(self) -> None:
        pytest.importorskip("torchao")
        model = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 3))
        rows = torch.randn(16, 32)
        names, first, expected = list(model.state_dict()), model[0].weight, model(rows)
        for _ in range(2):  # as a training does that is measured first
            use_fp8_products(model, emulated=True)
        assert list(model.state_dict()) == names
        assert model[0].weight is first
        assert type(model[0]) is not nn.Linear
        assert type(model[2]) is nn.Linear  # a side of 3 is none that the kernels take
        found = model(rows)
        assert 0 < float((found - expected).detach().norm() / expected.detach().norm()) < 0.1
        with pytest.raises(ConfigurationError, match="no linear layer whose sides"):
            use_fp8_products(nn.Linear(3, 5))


class TestOneOrder:
    @pytest.mark.parametrize(("wanted", "device"), [(True, GPU), (False, GPU), (True, CPU)])
    def test_is_asked_of_a_gpu_inside_the_block_alone(self, wanted: bool, device: torch.device) -> None:
        with summing_in_one_order(wanted, device):
            assert torch.are_deterministic_algorithms_enabled() is (wanted and device is GPU)
        assert not torch.are_deterministic_algorithms_enabled()

    def test_that_an_operation_has_not_is_told_in_a_sentence(self) -> None:
        told = "put_ does not have a deterministic implementation, but you set ..."
        sentence = "and put_ sums on cuda in no certain order"
        with pytest.raises(TrainingError, match=sentence), summing_in_one_order(True, GPU):
            raise RuntimeError(told)
        with pytest.raises(RuntimeError, match="something else"), summing_in_one_order(True, GPU):
            raise RuntimeError("something else")
        assert not torch.are_deterministic_algorithms_enabled()

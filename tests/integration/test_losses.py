from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from domain.exceptions import ConfigurationError
from infrastructure.tasks.writing import token_losses as chunked
from infrastructure.tasks.writing.token_losses import token_losses
from infrastructure.training.losses import ClassificationLoss, CombinedQuantileLoss, LanguageModelingLoss, PinballLoss

TOKENS, WIDTH, VOCABULARY = 37, 8, 50
ONE_ROW, FIVE_ROWS, ALL_ROWS = 4 * VOCABULARY, 5 * 4 * VOCABULARY, 2**20


def problem(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """hidden [N, D], weight [V, D], bias [V], targets [N] with a few to ignore."""
    generator = torch.Generator().manual_seed(7)
    shapes = ((TOKENS, WIDTH), (VOCABULARY, WIDTH), (VOCABULARY,))
    hidden, weight, bias = (torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes)
    targets = torch.randint(VOCABULARY, (TOKENS,), generator=generator)
    targets[::6] = -100
    return hidden, weight, bias, targets


def scores_of(hidden: Tensor, weight: Tensor, bias: Tensor | None, softcap: float | None) -> Tensor:
    scores = functional.linear(hidden, weight, bias)
    return scores if softcap is None else softcap * torch.tanh(scores / softcap)


def gradients_of(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss / 29.0, inputs)


def assert_relatively_equal(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    assert ((actual - expected).norm() / expected.norm()).item() < tolerance


def linear_cross_entropy_sum(hidden: Tensor, weight: Tensor, targets: Tensor, **options: Any) -> Tensor:
    """Leave out the rows without a target, as those do who collate."""
    (rows,) = (targets != -100).nonzero(as_tuple=True)
    return chunked.linear_cross_entropy_sum(hidden[rows], weight, targets[rows], **options)


class TestLinearCrossEntropy:
    @pytest.mark.parametrize("chunk_bytes", [ONE_ROW, FIVE_ROWS, ALL_ROWS])
    @pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"softcap": 2.0}, {"bias": None}])
    def test_it_is_the_cross_entropy_of_torch(self, options: dict[str, Any], chunk_bytes: int) -> None:
        hidden, weight, bias, targets = problem()
        inputs = [hidden, weight, bias] if "bias" not in options else [hidden, weight]
        options = {"bias": bias, **options}
        scores = scores_of(hidden, weight, options["bias"], options.get("softcap"))
        smoothing = options.get("label_smoothing", 0.0)
        expected = functional.cross_entropy(scores, targets, label_smoothing=smoothing, reduction="sum")
        actual = linear_cross_entropy_sum(hidden, weight, targets, chunk_bytes=chunk_bytes, **options)
        assert actual.item() == pytest.approx(expected.item(), rel=1e-6)
        for ours, theirs in zip(gradients_of(actual, *inputs), gradients_of(expected, *inputs), strict=True):
            assert_relatively_equal(ours, theirs, 1e-6)

    def test_its_gradients_are_those_of_finite_differences(self) -> None:
        hidden, weight, bias, targets = problem(torch.float64)

        def loss(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return linear_cross_entropy_sum(
                hidden, weight, targets, bias=bias, softcap=3.0, label_smoothing=0.2, chunk_bytes=FIVE_ROWS
            )

        assert torch.autograd.gradcheck(loss, (hidden, weight, bias), fast_mode=True)

    @pytest.mark.parametrize("chunk_bytes", [FIVE_ROWS, ALL_ROWS])
    def test_under_autocast_it_is_as_near_to_fp32_as_torch_is(self, chunk_bytes: int) -> None:
        hidden, weight, _, targets = problem()
        exact = functional.cross_entropy(hidden @ weight.T, targets, reduction="sum")
        with torch.autocast("cpu", torch.bfloat16):
            plain = functional.cross_entropy(functional.linear(hidden, weight).float(), targets, reduction="sum")
            ours = linear_cross_entropy_sum(hidden, weight, targets, chunk_bytes=chunk_bytes)
        assert ours.dtype == torch.float32
        assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
        for mine, theirs, true in zip(
            *(gradients_of(loss, hidden, weight) for loss in (ours, plain, exact)), strict=True
        ):
            assert mine.dtype == torch.float32
            assert_relatively_equal(mine, theirs, 1e-2)
            assert (mine - true).norm() < 1.5 * (theirs - true).norm()

    def test_a_weight_tied_to_an_embedding_gets_both_gradients(self) -> None:
        _, weight, _, targets = problem()
        ids = torch.arange(TOKENS) % VOCABULARY
        losses = (
            functional.cross_entropy(functional.embedding(ids, weight) @ weight.T, targets, reduction="sum"),
            linear_cross_entropy_sum(functional.embedding(ids, weight), weight, targets, chunk_bytes=FIVE_ROWS),
        )
        expected, actual = (gradients_of(loss, weight)[0] for loss in losses)
        assert_relatively_equal(actual, expected, 1e-6)

    def test_it_needs_no_gradient_to_tell_the_loss(self) -> None:
        hidden, weight, bias, targets = problem()
        options: dict[str, Any] = {"bias": bias, "softcap": 2.0, "label_smoothing": 0.1, "chunk_bytes": FIVE_ROWS}
        expected = linear_cross_entropy_sum(hidden, weight, targets, **options)
        with torch.inference_mode():
            actual = linear_cross_entropy_sum(hidden, weight, targets, **options)
        assert not actual.requires_grad
        assert actual.item() == pytest.approx(expected.item(), rel=1e-6)

    def test_a_frozen_weight_changes_no_other_gradient(self) -> None:
        hidden, weight, _, targets = problem()
        expected, actual = (
            gradients_of(linear_cross_entropy_sum(hidden, each, targets, chunk_bytes=FIVE_ROWS), hidden)[0]
            for each in (weight, weight.detach())
        )
        assert torch.equal(actual, expected)

    def test_targets_to_ignore_alone_give_zero(self) -> None:
        hidden, weight, _, targets = problem()
        loss = linear_cross_entropy_sum(hidden, weight, torch.full_like(targets, -100))
        loss.backward()
        assert loss.item() == 0.0
        assert hidden.grad is not None
        assert hidden.grad.abs().sum() == 0.0

    def test_the_scores_of_all_tokens_are_never_held_at_once(self) -> None:
        largest = 0

        class Watch(torch.utils._python_dispatch.TorchDispatchMode):
            def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                nonlocal largest
                result = function(*args, **(kwargs or {}))
                sizes = [t.numel() for t in (result if isinstance(result, tuple) else (result,)) if torch.is_tensor(t)]
                largest = max([largest, *sizes])
                return result

        hidden, weight, _, targets = problem()
        with Watch():
            linear_cross_entropy_sum(hidden, weight, targets, chunk_bytes=FIVE_ROWS).backward()
        assert largest <= max(5 * VOCABULARY, VOCABULARY * WIDTH) < TOKENS * VOCABULARY

    @pytest.mark.parametrize("chunk_bytes", [ONE_ROW, FIVE_ROWS, ALL_ROWS])
    def test_each_token_has_its_loss(self, chunk_bytes: int) -> None:
        hidden, weight, bias, targets = problem()
        expected = functional.cross_entropy(scores_of(hidden, weight, bias, 2.0), targets, reduction="none")
        actual = token_losses(hidden, weight, targets, bias=bias, softcap=2.0, chunk_bytes=chunk_bytes)
        assert not actual.requires_grad
        torch.testing.assert_close(actual, expected.detach(), rtol=1e-6, atol=1e-6)


def labelled() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits, labels = torch.randn(3, 5, 7, generator=generator), torch.randint(7, (3, 5), generator=generator)
    labels[0, 1], labels[0, 2], labels[2, :] = -100, -1, -1
    return logits, labels


class TestLanguageModelingLoss:
    @pytest.mark.parametrize("reduction", ["mean", "sum"])
    def test_it_is_the_cross_entropy_of_what_is_not_ignored(self, reduction: str) -> None:
        logits, labels = labelled()
        counted = labels >= 0
        expected = functional.cross_entropy(logits[counted], labels[counted], label_smoothing=0.1, reduction=reduction)
        torch.testing.assert_close(LanguageModelingLoss(0.1, reduction)(logits, labels), expected)

    def test_without_reduction_each_sample_has_its_mean(self) -> None:
        logits, labels = labelled()
        expected = [functional.cross_entropy(logits[0, [0, 3, 4]], labels[0, [0, 3, 4]])]
        expected += [functional.cross_entropy(logits[1], labels[1]), torch.tensor(0.0)]
        torch.testing.assert_close(LanguageModelingLoss(reduction="none")(logits, labels), torch.stack(expected))

    @pytest.mark.parametrize("ignored", [-1, -100])
    def test_labels_to_ignore_alone_cost_nothing_and_push_nowhere(self, ignored: int) -> None:
        logits = torch.randn(2, 3, 4, requires_grad=True)
        loss = LanguageModelingLoss(0.1)(logits, torch.full((2, 3), ignored))
        loss.backward()
        assert loss.item() == 0.0
        assert logits.grad is not None
        assert logits.grad.abs().sum() == 0.0


class TestClassificationLoss:
    def test_it_is_the_weighted_cross_entropy_of_torch(self) -> None:
        logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, -100, 0])
        expected = nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1)(logits, labels)
        torch.testing.assert_close(ClassificationLoss([1.0, 2.0, 0.5], 0.1)(logits, labels), expected)

    def test_a_row_that_weighs_twice_counts_as_two(self) -> None:
        logits, labels = torch.randn(3, 2), torch.tensor([0, 0, 1])
        twice = torch.cat([logits, logits[2:]]), torch.tensor([0, 0, 1, 1])
        torch.testing.assert_close(ClassificationLoss([1.0, 2.0])(logits, labels), ClassificationLoss()(*twice))


QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def forecasts() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(9)
    forecast, target = torch.randn(4, 3, 5, generator=generator), torch.randn(4, 3, generator=generator)
    target[1, 0] = target[2, 2] = torch.nan
    return forecast, target


def pinball_in_numpy(forecast: Tensor, target: Tensor) -> np.ndarray:
    """[B, H, Q] by the definition, NaN where the target is."""
    short = target.numpy()[..., None].astype(float) - forecast.numpy()
    return np.where(short >= 0, np.array(QUANTILES) * short, (np.array(QUANTILES) - 1) * short)


class TestPinballLoss:
    def test_its_means_are_those_of_the_definition(self) -> None:
        forecast, target = forecasts()
        losses, expected = PinballLoss(QUANTILES), pinball_in_numpy(forecast, target)
        parts = losses.breakdown(forecast, target)
        assert losses(forecast, target).item() == pytest.approx(np.nanmean(expected), rel=1e-6)
        np.testing.assert_allclose(parts["per_quantile"], np.nanmean(expected, axis=(0, 1)), rtol=1e-5)
        np.testing.assert_allclose(parts["per_horizon"], np.nanmean(expected, axis=(0, 2)), rtol=1e-5)

    def test_its_least_loss_lies_at_the_quantile_of_the_data(self) -> None:
        target = torch.linspace(0.0, 1.0, 1001)[:, None]
        loss = PinballLoss([0.2, 0.9])
        for shift, sign in ((0.02, 1.0), (-0.02, -1.0)):
            forecast = torch.tensor([[[0.2 + shift, 0.9 + shift]]], requires_grad=True)
            loss(forecast.expand(1001, 1, 2), target).backward()
            assert forecast.grad is not None
            assert (forecast.grad.sign() == sign).all()

    def test_a_missing_target_pushes_nowhere(self) -> None:
        forecast, target = forecasts()
        forecast.requires_grad_()
        PinballLoss(QUANTILES)(forecast, target).backward()
        assert forecast.grad is not None
        assert (forecast.grad.abs().sum(-1) == 0).equal(target.isnan())

    def test_missing_targets_alone_cost_nothing(self) -> None:
        assert PinballLoss(QUANTILES)(torch.randn(2, 3, 5), torch.full((2, 3), torch.nan)).item() == 0.0


class TestCombinedQuantileLoss:
    def test_its_parts_add_up_to_the_total(self) -> None:
        forecast, target = forecasts()
        observed = ~target.isnan().numpy()
        falls = np.maximum(-np.diff(forecast.numpy(), axis=-1), 0).sum(-1)[observed].mean()
        width = (forecast[..., -1] - forecast[..., 0]).numpy()[observed].mean()
        parts = CombinedQuantileLoss(QUANTILES, sharpness_weight=0.3, crossing_weight=2.0)(forecast, target)
        assert parts["crossing"].item() == pytest.approx(falls, rel=1e-5)
        assert parts["sharpness"].item() == pytest.approx(width, rel=1e-5)
        expected = np.nanmean(pinball_in_numpy(forecast, target)) + 2.0 * falls + 0.3 * width
        assert parts["total"].item() == pytest.approx(expected, rel=1e-5)

    def test_quantiles_in_order_do_not_cross_and_a_weight_of_zero_asks_nothing(self) -> None:
        forecast, target = forecasts()
        parts = CombinedQuantileLoss(QUANTILES)(forecast.sort(-1).values, target)
        assert set(parts) == {"total", "pinball", "crossing"}
        assert parts["crossing"].item() == 0.0
        assert torch.equal(parts["total"], parts["pinball"])

    def test_its_metrics_count_what_was_observed(self) -> None:
        target = torch.tensor([[0.05, 0.5], [0.95, torch.nan], [0.8, 0.3]])
        forecast = torch.tensor(QUANTILES).expand(3, 2, 5)
        metrics = CombinedQuantileLoss(QUANTILES, horizons=[1, 24]).get_metrics(forecast, target)
        assert metrics["coverage_q10"] == pytest.approx(1 / 5)
        assert metrics["coverage_q90"] == pytest.approx(4 / 5)
        assert metrics["picp_80"] == pytest.approx(3 / 5)
        assert metrics["picp_50"] == pytest.approx(2 / 5)
        assert metrics["interval_80_mean"] == pytest.approx(0.8)
        assert metrics["interval_50_mean"] == pytest.approx(0.5)
        expected = np.nanmean(pinball_in_numpy(forecast, target), axis=(0, 2))
        assert [metrics["loss_1"], metrics["loss_24"]] == pytest.approx(expected, rel=1e-5)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "reduction": (lambda: LanguageModelingLoss(reduction="max"), "reduction 'max' is not known"),
    "smoothing": (lambda: ClassificationLoss(label_smoothing=1.0), "label_smoothing is 1.0"),
    "weight": (lambda: ClassificationLoss([1.0, 0.0]), "a weight must be above 0"),
    "order": (lambda: PinballLoss([0.5, 0.1]), "must ascend"),
    "range": (lambda: PinballLoss([0.5, 1.0]), "must ascend"),
    "none": (lambda: PinballLoss([]), "must ascend"),
    "crossing": (lambda: CombinedQuantileLoss([0.5], crossing_weight=-1.0), "neither may be below 0"),
    "labels": (lambda: LanguageModelingLoss()(torch.zeros(2, 3, 4), torch.zeros(2, 4, dtype=torch.long)), "shape"),
    "forecast": (lambda: PinballLoss([0.5])(torch.zeros(2, 3, 2), torch.zeros(2, 3)), r"\[2, 3, 1\]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_in_words(case: str) -> None:
    act, words = WRONG[case]
    with pytest.raises(ConfigurationError, match=words):
        act()

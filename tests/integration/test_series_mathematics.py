"""However windows are cut into batches: the same gradients, the same scores, the same calibration."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from domain.exceptions import ConfigurationError
from infrastructure.data.feed import Feed
from infrastructure.models.forecaster import Forecaster, ForecasterConfig
from infrastructure.parallel.strategy import Forward
from infrastructure.tasks.adapter import TaskAdapter, lengths_of
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.series.direction_adapter import DirectionClassification
from infrastructure.tasks.series.quantile_adapter import QuantileForecast
from infrastructure.tasks.series.scoring.calibration import Calibration, Drift
from infrastructure.tasks.series.scoring.following import followed
from infrastructure.tasks.series.scoring.readers import Fitting, Scores
from infrastructure.training import AdvancedTrainer, DatasetLoader
from infrastructure.training.evaluation import evaluate
from infrastructure.training.precision import Precision
from tests.support import tiny_series
from tests.support.mathematics import CPU, STEP, assert_cut_alike, batch_of, gradients, relative_difference
from tests.support.tiny_series import CONTEXT, PARTS, SERIES_TASKS, SETTINGS, Ready, rough

FP32 = Precision("fp32", CPU)
PENALTIES = {"sharpness_weight": 0.1, "crossing_weight": 1.0}
WEIGHTS = {"class_weights": {"down": 2.0, "flat": 0.3, "up": 1.0}, "label_smoothing": 0.1}
CASES = [
    ("quantile_forecasting", {}), ("quantile_forecasting", PENALTIES), ("market_direction", {}),
    ("market_direction", WEIGHTS),
]  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ready]:
    known: dict[str, Ready] = {}

    def of(task: str, settings: Mapping[str, Any] | None = None) -> Ready:
        name = json.dumps([task, settings or {}])
        if name not in known:
            known[name] = tiny_series.ready(task, tmp_path_factory.mktemp("made"), **(settings or {}))
            known[name].model.config.dropout = 0.0
            for module in known[name].model.modules():
                if isinstance(module, torch.nn.Dropout):
                    module.p = 0.0  # masks are drawn for each micro-batch
        return known[name]

    return of


@pytest.mark.parametrize(("task", "settings"), CASES, ids=str)
@pytest.mark.parametrize("micro", [4, 3, 1], ids=["4x2", "ragged 3+3+2", "1x8"])
@pytest.mark.parametrize("last", [False, True], ids=["full step", "last, short step"])
def test_micro_batches_do_not_change_the_gradient(
    made: Any, task: str, settings: dict[str, Any], micro: int, last: bool
) -> None:
    series = made(task, settings)
    assert_cut_alike(series.prepared, series.model, micro, last)


def test_gradient_checkpointing_gives_the_same_gradient_and_keeps_less(tmp_path: Path) -> None:
    found, kept = [], []
    for checkpointing in (False, True):
        series = tiny_series.ready("quantile_forecasting", tmp_path, gradient_checkpointing=checkpointing)
        batch, held = batch_of(series.prepared.train, series.prepared.adapter, 8), set[tuple[int, int]]()

        def keep(tensor: torch.Tensor, held: set[tuple[int, int]] = held) -> torch.Tensor:
            held.add((tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes()))
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            series.prepared.adapter.loss_sum(series.model.train(), batch.micro_batches[0].batch)
        kept.append(sum(size for _, size in held))
        found.append(gradients(series.model, series.prepared.adapter, batch))
    assert relative_difference(*found) < 1e-6
    assert kept[1] < 0.7 * kept[0]


def test_the_gradient_is_that_of_the_mean_over_observed_points(made: Any) -> None:
    """An independent reference: the pinball loss as it is defined, a point and a level at a time."""
    series = made("quantile_forecasting")
    train, model, levels = series.prepared.train, series.model, series.request.quantiles
    losses, missing = [], 0
    for row in Feed(lengths_of(train), 8, seed=1).at(STEP, 8).all_rows:
        window = {name: torch.from_numpy(a) for name, a in train.cut(train.anchors[row : row + 1]).items()}
        target = window.pop("target")
        forecast = model(**window)["forecast"]
        for place in np.ndindex(*target.shape):
            if target[place].isnan():
                missing += 1
                continue
            errors = [target[place] - forecast[place][index] for index in range(len(levels))]
            costs = [error * q if error > 0 else error * (q - 1) for error, q in zip(errors, levels, strict=True)]
            losses.append(torch.stack(costs).mean())
    assert missing  # or the test would not say what it says
    expected = torch.autograd.grad(torch.stack(losses).mean(), list(model.parameters()), allow_unused=True)
    found = gradients(model, series.prepared.adapter, batch_of(train, series.prepared.adapter, 8))
    assert relative_difference(found, [gradient for gradient in expected if gradient is not None]) < 1e-6


def test_the_gradient_of_directions_is_torchs_own(made: Any) -> None:
    series = made("market_direction", WEIGHTS)
    train, model = series.prepared.train, series.model
    anchors = train.anchors[Feed(lengths_of(train), 8, seed=1).at(STEP, 8).all_rows]
    window = {name: torch.from_numpy(array) for name, array in train.cut(anchors).items()}
    labels = window.pop("labels")
    weights = torch.tensor(list(WEIGHTS["class_weights"].values()))  # type: ignore[attr-defined]
    logits = torch.cat([model(**{n: t[i : i + 1] for n, t in window.items()})["logits"] for i in range(len(anchors))])
    mean = torch.nn.functional.cross_entropy(logits, labels, weight=weights, label_smoothing=0.1)
    expected = torch.autograd.grad(mean, list(model.parameters()), allow_unused=True)
    found = gradients(model, series.prepared.adapter, batch_of(train, series.prepared.adapter, 8))
    assert relative_difference(found, [gradient for gradient in expected if gradient is not None]) < 1e-6


def flat(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Give every number of some metrics, those in lists and mappings too."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Calibration):
            value = {"factors": value.factors}
        if isinstance(value, Mapping):
            found |= {f"{name} {inner}": number for inner, number in flat(value).items()}
        elif isinstance(value, list | tuple):
            found |= {f"{name} {inner}": number for inner, number in flat(dict(enumerate(value))).items()}  # type: ignore[arg-type]
        elif isinstance(value, int | float):
            found[str(name)] = float(value)
    return found


def readings(series: Ready) -> list[TaskAdapter]:
    """Give every way in which a run reads its windows."""
    if series.task == "market_direction":
        return [series.prepared.adapter]
    recipe, levels = series.data.recipe, series.request.quantiles
    calibration = Calibration(levels, (1.5, 1.2, 0.8, 1.0, 0.9, 1.1, 2.0))
    drifting = replace(calibration, drift=Drift((1.0, 2.0)))
    makers: list[Callable[[], Any]] = [
        lambda: Scores(recipe, levels, None), lambda: Scores(recipe, levels, calibration),
        lambda: Fitting(levels, recipe.horizons, 1),
        lambda: followed(Scores(recipe, levels, drifting), drifting),
    ]  # fmt: skip
    return [QuantileForecast(levels, recipe.horizons, maker) for maker in makers]


@pytest.mark.parametrize("task", SERIES_TASKS)
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_scores_and_calibration_do_not_depend_on_the_batch_size(made: Any, task: str, batch_size: int) -> None:
    series = made(task)
    for adapter in readings(series):
        reference = flat(evaluate(Forward(series.model), adapter, series.test, 16, FP32, CPU))
        found = flat(evaluate(Forward(series.model), adapter, series.test, batch_size, FP32, CPU))
        assert len(reference) > 5
        assert found == pytest.approx(reference, rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("task", SERIES_TASKS)
def test_the_loss_of_an_evaluation_is_the_mean_over_all_its_targets(made: Any, task: str) -> None:
    series = made(task)
    found = evaluate(Forward(series.model), series.prepared.adapter, series.test, 4, FP32, CPU)
    cut = series.test.cut(series.test.anchors)
    answer = tiny_series.answer_of(series.model, cut)
    if task == "market_direction":
        expected = torch.nn.functional.cross_entropy(answer, torch.from_numpy(cut["labels"])).item()
    else:
        short = torch.from_numpy(cut["target"])[..., None] - answer
        levels = torch.tensor(series.request.quantiles)
        expected = torch.where(short > 0, levels * short, (levels - 1) * short).nanmean().item()
        assert found["num_points"] == int(np.isfinite(cut["target"]).sum())
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


# In the hands of a library user


def loader(task: str, directory: Path, **fields: Any) -> DatasetLoader:
    path = tiny_series.table_file(directory / "bars.csv", tiny_series.bars())
    return DatasetLoader(path, None, task=task, context_length=CONTEXT, **SETTINGS[task], **fields)


def model_for(task: str, windows: Any) -> Forecaster:
    shape: dict[str, Any] = {
        "num_inputs": windows.series.values.shape[1],
        "num_calendar": windows.series.calendar.shape[1],
    }
    head: dict[str, Any] = {"num_targets": 0, "num_classes": 3, "horizons": windows.horizons}
    if task == "quantile_forecasting":
        head = {"num_targets": windows.series.num_targets, "horizons": windows.horizons, "quantiles": (0.1, 0.5, 0.9)}
    model = Forecaster(
        ForecasterConfig(context_length=CONTEXT, patch_length=8, hidden_size=16, num_heads=2, **shape, **head)
    )
    rough(model)
    return model


@pytest.mark.parametrize("task", SERIES_TASKS)
def test_the_trainer_finds_the_task_of_a_forecaster_that_the_loader_feeds(task: str, tmp_path: Path) -> None:
    train, held_out = loader(task, tmp_path).get_train_test_split(0.2)
    model = model_for(task, train)
    results = AdvancedTrainer(
        model, train, held_out, tmp_path / "out", max_steps=3, warmup_steps=0, batch_size=4, precision="fp32",
        learning_rate=1e-3, early_stopping_patience=0, metric_name="loss",
    ).train()  # fmt: skip
    adapter: TaskAdapter = DirectionClassification(LabelScoring(("down", "flat", "up")))
    if task == "quantile_forecasting":
        levels, recipe = (0.1, 0.5, 0.9), train.series.recipe
        adapter = QuantileForecast(levels, train.horizons, lambda: Scores(recipe, levels, None))
        assert set(results["final_metrics"]["per_target"]) == {"close", "volume"}
    opened = Forecaster.from_pretrained(results["model_path"])
    expected = flat(evaluate(Forward(opened), adapter, held_out, 4, FP32, CPU))
    found = flat(results["final_metrics"])
    assert {name: found[name] for name in expected if name in found} == pytest.approx(expected, rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("task", SERIES_TASKS)
def test_the_loader_cuts_a_table_in_time(task: str, tmp_path: Path) -> None:
    windows = loader(task, tmp_path)
    train, held_out = windows.get_train_test_split(0.25)
    border = sum(PARTS) * 3 // 4
    assert train.anchors.max() + max(train.horizons) < border <= held_out.anchors.min() + 1
    assert len(windows.load()) > len(train) + len(held_out)


def test_a_forecaster_without_windows_and_text_without_a_tokenizer_are_refused(tmp_path: Path) -> None:
    model = Forecaster(ForecasterConfig())
    with pytest.raises(ConfigurationError, match=r"learns from windows of a table, but the dataset is a list"):
        AdvancedTrainer(model, [{"values": 1}], None, tmp_path)
    with pytest.raises(ConfigurationError, match=r"task text_classification reads text and needs a tokenizer"):
        DatasetLoader(tmp_path / "rows.json")

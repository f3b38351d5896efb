"""Trainings of every kind on one rank or several: what each step did, what was scored, what was left at the end."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from safetensors.torch import save_file
from torch import nn

from domain.events import EvaluationCompleted, StepCompleted
from domain.run_layout import RunLayout
from infrastructure.data.some_rows import SomeRows
from infrastructure.parallel.ranks import ranks_of_this_process
from infrastructure.spread_tensors import held
from infrastructure.tasks.adapter import lengths_of
from infrastructure.tasks.registry import TaskModels, kind_of
from infrastructure.training.advanced_trainer import AdvancedTrainer
from infrastructure.training.checkpoint_manager import CheckpointManager
from tests.fakes.ports import FakeMonitor
from tests.support import flowing, tiny, tiny_panels, tiny_series, tiny_text

STEPS = 5  # an epoch has three or four, of which the last is short: one more goes beyond it
# Not Muon, whose products are in bf16 where a processor has it: that rounds as coarsely for one rank cut another way.
# Four micro-batches of two rows: each of four ranks has one, and the noise in a model is drawn as by one rank alone.
LOOP: Mapping[str, Any] = {
    "batch_size": 2, "gradient_accumulation_steps": 4, "max_steps": STEPS, "eval_steps": 2, "save_steps": STEPS,
    "logging_steps": 1, "precision": "fp32", "average_decay": 0.9, "optimizer": "adamw", "learning_rate": 1e-3,
}  # fmt: skip
# By name: the task, the rows that are learnt from, and settings. The last step of an epoch has as many rows as the
# remainder by 8: fewer than ranks, fewer micro-batches than ranks, or a ragged one.
CASES: Mapping[str, tuple[str, int, Mapping[str, Any]]] = {
    "classification": ("text_classification", 29, {"word_dropout": 0.2, "class_weights": {"calm": 0.3, "loud": 2.0}}),
    "by tokens": (
        "text_classification",
        29,
        {"batch_size": None, "batch_tokens": 30, "word_dropout": 0.2, "linear_start": False},
    ),
    "one row left": ("text_classification", 25, {"label_smoothing": 0.1, "average_decay": 0.0, "linear_start": False}),
    "language modelling": ("language_modeling", 19, {}),
    "code generation, packed": (
        "code_generation",
        29,
        {"packing": True, "max_length": 192, "gradient_checkpointing": True},
    ),
    "seq2seq": ("sequence_to_sequence", 31, {}),
    "seq2seq, packed": ("sequence_to_sequence", 29, {"packing": True, "max_length": 192}),
    # AdamW makes a step of what is rounding where a gradient is next to none, as many are here.
    "masked": (tiny_text.MASKED, 27, {"optimizer": "sgd"}),
    "chats": ("instruction_tuning", 29, {}),
    "flow": ("security_classification", 23, {"mark_weight": 0.5, "word_dropout": 0.1}),
    "quantiles": ("quantile_forecasting", 29, {}),
    "panel": ("quantile_forecasting", 29, {}),
    "directions": ("market_direction", 29, {}),
}


def request_of(case: str, directory: Path) -> Any:
    task, _, settings = CASES[case]
    wanted = {**LOOP, **settings}
    if case == "panel":
        made = tiny_panels.request(directory, **wanted)
    elif case == "flow":
        made = flowing.request(directory, **wanted)
    elif task == "text_classification":
        made = tiny.request(directory, "run").model_copy(update={"epochs": None, **wanted})
        (directory / "rows.json").write_text(json.dumps(_mislabelled(tiny.rows(48))), encoding="utf-8")
    elif task in tiny_series.SERIES_TASKS:
        made = tiny_series.request(task, directory, **wanted)
    else:
        made = tiny_text.request(task, directory, **wanted)
    return made


def _mislabelled(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Give some the other label: what is learnt in a step would be scored perfectly, and the rest of the run idle."""
    return [{**row, "label": rows[number + 1]["label"]} if number % 5 == 0 else row for number, row in enumerate(rows)]


class Watching(FakeMonitor):
    """Sees the weights of a model before each step, on each rank."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model
        self.weights_seen: list[str] = []

    def stop_requested(self) -> str:
        self.weights_seen.append(digest_of(self._model))
        return ""


def trained(names: list[str], directory: str, parallel: str = "auto") -> dict[str, Any]:
    """Train the cases of those names as this rank's part of a run; gives what each did.

    The first rank leaves the weights of the last step, and their average, in `directory`/NAME/weights.safetensors.
    """
    return {name: _trained(name, Path(directory) / name, parallel) for name in names}


def _trained(name: str, directory: Path, parallel: str) -> dict[str, Any]:
    ranks = ranks_of_this_process()
    data = directory / f"data-{ranks.rank}"
    data.mkdir(parents=True)
    wanted = request_of(name, data).resolved().changed(parallel=parallel)
    kind = kind_of(wanted.task, wanted.model_name)
    parts: Any = kind.load(wanted)
    run: Any = SimpleNamespace(path=str(directory / "no tokenizer kept"))
    bundle = TaskModels().build(wanted, parts, run)
    make_small(bundle.model)
    prepared = kind.prepare(wanted, bundle, parts)
    monitor = Watching(bundle.model)
    trainer = AdvancedTrainer(
        bundle,
        SomeRows(prepared.train, lengths_of(prepared.train), CASES[name][1]),
        prepared.evaluation,
        directory,
        task=prepared.adapter,
        config=wanted.training_config(),
        monitor=monitor,
    )
    assert trainer._scoring is not None
    untrained = trainer._scoring.metrics(trainer._fresh())
    result = trainer.train()
    if ranks.is_first:
        _keep_last_weights(directory)
    steps = [event for event in monitor.events if isinstance(event, StepCompleted)]
    return {
        "untrained": numbers(untrained),
        "losses": [event.loss for event in steps],
        "norms": [event.grad_norm for event in steps],
        "scores": [numbers(event.metrics) for event in monitor.events if isinstance(event, EvaluationCompleted)],
        "weights": [*monitor.weights_seen, digest_of(bundle.model)],
        "result": {**asdict(result), "training_time": 0, "throughput": {}},
        "padding_share": result.throughput.get("padding_share", 0.0),
        "num_tokens": result.throughput["tokens_per_second"] / result.throughput["steps_per_second"] * STEPS,
    }


def _keep_last_weights(directory: Path) -> None:
    checkpoint = CheckpointManager(RunLayout(directory).checkpoints).load_latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint["step"] == STEPS
    average = checkpoint["extra"]["average"] or {}
    named = {**checkpoint["model_state_dict"], **{f"average of {name}": tensor for name, tensor in average.items()}}
    save_file({name: tensor.clone() for name, tensor in named.items()}, directory / "weights.safetensors")


def make_small(model: Any) -> None:
    """Leave two layers, which draw dropout."""
    for part in list(model.modules()):
        if isinstance(layers := getattr(part, "layers", None), nn.ModuleList):
            part.layers = layers[:2]
        if isinstance(part, nn.Dropout):
            part.p = 0.1
    model.config.num_hidden_layers = 2


def digest_of(model: nn.Module) -> str:
    """Give what is equal for equal weights, bit by bit."""
    digest = hashlib.sha256()
    for parameter in model.parameters():
        digest.update(held(parameter).detach().numpy().tobytes())
    return digest.hexdigest()


def numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Leave what can be compared."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}

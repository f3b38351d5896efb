"""Every setting of the training loop: its one home, its one default, its one rule."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.exceptions import ConfigurationError
from domain.rules import between, one_of, whole
from domain.schedule import SCHEDULERS, Decay, Plateau
from domain.step_size import ROWS, TOKENS, StepSize, measured_once

OPTIMIZERS = ("adamw", "adam", "sgd", "rmsprop", "muon")
SINGLE = "single"
# How a step is shared out: within one process, or over those that torchrun has started.
OF_ONE_PROCESS = (SINGLE, "data_parallel")
OF_SEVERAL_PROCESSES = ("ddp", "fsdp")
PARALLELS = ("auto", *OF_ONE_PROCESS, *OF_SEVERAL_PROCESSES)
PRECISIONS = ("auto", "fp32", "tf32", "fp16", "bf16", "fp8")
COMPILE = ("auto", "on", "graphs", "off")
ROWS_OF_BATCH = 16
MOST_SECONDS = 10.0 * 365 * 24 * 3600
# Settings of the loop that change no result, with the reason: a run may be resumed with others.
WITHOUT_EFFECT = {
    "device": "where it is computed; the number format, which matters, is a setting of its own",
    "parallel": "the sum over devices is the sum over rows",
    "rank_timeout": "how long processes wait for each other changes nothing of what they compute",
    "compile": "other kernels compute the same, and round elsewhere, as another machine does",
    "deterministic": "the sums are the same, in an order that else may differ",
    "use_mixed_precision": "it has been settled as precision",
    "logging_steps": "what is written down changes nothing",
    "max_checkpoints": "the best and the newest stay in any case",
    "keep_best": "the best stays in any case",
    "time_budget": "the steps that fit it have been settled as max_steps",
}


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of one training.

    One optimizer step sees `gradient_accumulation_steps` batches: of `batch_size` rows, 16 where nothing is said, or of
    rows with about `batch_tokens` tokens. `warmup_steps` None means 6 % of the steps; `eval_steps` None evaluates after
    each epoch; `save_steps` None saves with each evaluation.
    `time_budget` is the seconds after which a run ends with its best state. `rank_timeout` is the seconds after which
    a process of several that does not come to where the others are counts as lost.
    `early_stopping_patience` counts evaluations, 0 turns it off. With `average_decay` above 0 the model that is
    evaluated and kept has an exponential moving average of the weights. Of the checkpoints the best `keep_best` and the
    newest stay, `max_checkpoints` in all.

    `compile` says whether the layers of a model are compiled on a GPU, "auto" where the planned steps are many, and
    "graphs" with CUDA graphs. `deterministic` takes the kernels of a GPU that sum in one order alone.

    `layer_decay` is the factor of the learning rate from each layer of a transformers model to the one below it, 1 for
    none: the head has the full rate, the embeddings have the lowest.

    `eta_min` is the least learning rate after the warm-up. Of the other numbers of a schedule, `t_0` (steps, None for
    three cycles) and `t_mult` belong to "cosine_with_restarts", `gamma` (per step, None for a fall to a hundredth) to
    "exponential", `plateau_factor` and `plateau_patience` (evaluations) to "plateau".

    A step whose loss or gradient is not finite is
    dropped; after `max_bad_steps` in a row the run returns to its last checkpoint at half the learning rate, at most
    `max_rollbacks` times.
    """

    num_epochs: int = 3
    batch_size: int | None = None
    batch_tokens: int | None = None
    learning_rate: float = 1e-4
    use_mixed_precision: bool = True
    precision: str = "auto"
    gradient_accumulation_steps: int = 1
    early_stopping_patience: int = 3
    early_stopping_min_delta: float = 0.0
    warmup_steps: int | None = None
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    scheduler: str = "linear"
    eta_min: float = 0.0
    t_0: int | None = Decay.t_0
    t_mult: int = Decay.t_mult
    gamma: float | None = Decay.gamma
    plateau_factor: float = Decay.plateau_factor
    plateau_patience: int = Plateau.patience
    max_grad_norm: float = 1.0
    layer_decay: float = 1.0
    average_decay: float = 0.0
    gradient_checkpointing: bool = False
    max_steps: int | None = None
    time_budget: float | None = None
    eval_steps: int | None = None
    save_steps: int | None = None
    logging_steps: int = 10
    max_checkpoints: int = 3
    keep_best: int = 1
    metric_name: str = "eval_loss"
    device: str = "auto"
    parallel: str = "auto"
    rank_timeout: float = 600.0
    compile: str = "auto"
    deterministic: bool = False
    seed: int = 42
    max_bad_steps: int = 3
    max_rollbacks: int = 3

    def __post_init__(self) -> None:
        """Raise ConfigurationError with every rule that is broken."""
        if self.batch_size is None and self.batch_tokens is None:
            object.__setattr__(self, "batch_size", ROWS_OF_BATCH)
        faults = list(self._faults())
        if faults:
            raise ConfigurationError.of(faults)

    @property
    def step_size(self) -> StepSize:
        """What one optimizer step sees."""
        if self.batch_tokens is not None:
            return StepSize(self.batch_tokens, self.gradient_accumulation_steps, TOKENS)
        assert self.batch_size is not None, "set when nothing was said"
        return StepSize(self.batch_size, self.gradient_accumulation_steps, ROWS)

    def _faults(self) -> Iterator[str]:
        for name in ("num_epochs", "gradient_accumulation_steps", "logging_steps", "max_checkpoints"):
            yield from whole(name, getattr(self, name), at_least=1)
        for name in ("keep_best", "t_mult", "plateau_patience"):
            yield from whole(name, getattr(self, name), at_least=1)
        for name in ("early_stopping_patience", "seed", "max_bad_steps", "max_rollbacks"):
            yield from whole(name, getattr(self, name), at_least=0)
        for name in ("batch_size", "batch_tokens", "max_steps", "eval_steps", "save_steps", "t_0"):
            if getattr(self, name) is not None:
                yield from whole(name, getattr(self, name), at_least=1)
        yield from measured_once(self.batch_size, self.batch_tokens)
        yield from between("rank_timeout", self.rank_timeout, 0.0, MOST_SECONDS, above=True)
        if self.time_budget is not None:
            yield from between("time_budget", self.time_budget, 0.0, MOST_SECONDS, above=True)
        if self.warmup_steps is not None:
            yield from whole("warmup_steps", self.warmup_steps, at_least=0)
        yield from between("learning_rate", self.learning_rate, 0.0, 10.0, above=True)
        yield from between("max_grad_norm", self.max_grad_norm, 0.0, 1e6, above=True)
        yield from between("weight_decay", self.weight_decay, 0.0, 10.0)
        yield from between("early_stopping_min_delta", self.early_stopping_min_delta, 0.0, 1e6)
        if not 0.0 <= self.eta_min <= self.learning_rate:
            yield f"eta_min is {self.eta_min!r}, but must be at least 0 and at most learning_rate. Lower eta_min."
        if self.gamma is not None:
            yield from between("gamma", self.gamma, 0.0, 1.0, above=True)
        if not 0.0 < self.plateau_factor < 1.0:
            yield f"plateau_factor is {self.plateau_factor!r}, but must lie between 0 and 1. Use 0.5 to halve the rate."
        yield from between("layer_decay", self.layer_decay, 0.0, 1.0, above=True)
        if not 0.0 <= self.average_decay < 1.0:
            yield f"average_decay is {self.average_decay!r}, but must be at least 0 and below 1. Use 0 for none."
        yield from one_of("optimizer", self.optimizer, OPTIMIZERS)
        yield from one_of("scheduler", self.scheduler, SCHEDULERS)
        yield from one_of("precision", self.precision, PRECISIONS)
        yield from one_of("parallel", self.parallel, PARALLELS)
        yield from one_of("compile", self.compile, COMPILE)
        if not (self.device in ("auto", "cpu", "cuda", "mps") or _is_numbered_cuda(self.device)):
            yield f"device {self.device!r} is not known. Use auto, cpu, cuda, cuda:N or mps."
        if not self.use_mixed_precision and self.precision not in ("auto", "fp32"):
            yield f"precision {self.precision!r} contradicts use_mixed_precision false. Drop one of the two."


def _is_numbered_cuda(device: str) -> bool:
    return device.startswith("cuda:") and device[5:].isdecimal()

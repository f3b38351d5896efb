"""Settings of the model and of the loop that trains it; the rules of the loop stand in `TrainingConfig`."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from application.groups.setting import Settings, not_empty, setting
from domain.config import COMPILE, OPTIMIZERS, PARALLELS, PRECISIONS, TrainingConfig
from domain.schedule import SCHEDULERS
from domain.task import TASKS, Task, is_preset
from domain.time_budget import EXAMPLE, seconds_of

_LOOP = TrainingConfig()
AUTO = "auto"


def _seconds(value: Any) -> Any:
    """Take a time as it is written for seconds."""
    if not isinstance(value, str):
        return value
    seconds = seconds_of(value)
    if seconds is None:
        raise ValueError(f"a time is written as {EXAMPLE}")
    return seconds


Seconds = Annotated[float | None, BeforeValidator(_seconds)]


class ModelSettings(Settings):
    """What is trained."""

    title: ClassVar[str] = "Model"

    model_name: str | None = setting(
        None,
        "A preset to train from scratch, a local directory, or a hub id: name, owner/name, with @revision if wanted.",
    )
    gradient_checkpointing: bool = setting(
        _LOOP.gradient_checkpointing, "Compute activations a second time: less memory for more time."
    )

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from not_empty("model_name", self.model_name)
        name = self.model_name or ""
        if task.presets and is_preset(name) and name not in task.presets:
            owners = [other.name for other in TASKS.values() if name in other.presets]
            yield (
                f"model {name!r} is no preset of this task ({', '.join(task.presets)}), but of {' and '.join(owners)}."
                " Name one of this task, a local directory or a hub id."
            )


class LoopSettings(Settings):
    """How long a model learns, and how fast."""

    title: ClassVar[str] = "Loop"

    epochs: int | None = setting(None, "How often the training part is gone through.")
    max_steps: int | None = setting(_LOOP.max_steps, "End after so many, whatever epochs says.", unit="steps")
    time_budget: Seconds = setting(
        None,
        f"How long you will wait, such as {EXAMPLE}: so many steps are planned as fit, and the clock ends the run.",
        unit="seconds",
    )
    batch_size: int | Literal["auto"] | None = setting(
        None,
        "Rows that go through the model at once; auto measures how many are fastest and fit into memory, and keeps the "
        "rows of a step. With batch_tokens there is none.",
        unit="rows",
    )
    gradient_accumulation_steps: int = setting(
        _LOOP.gradient_accumulation_steps, "Batches that one optimizer step sees.", unit="batches"
    )
    optimizer: str = setting(_LOOP.optimizer, "What turns gradients into an update.", choices=OPTIMIZERS)
    learning_rate: float | None = setting(None, "The rate at its peak, behind the warm-up.")
    weight_decay: float = setting(
        _LOOP.weight_decay, "Pull of matrices to zero; never of biases, norms and embeddings."
    )
    max_grad_norm: float = setting(_LOOP.max_grad_norm, "A longer gradient is shortened to this norm.")
    average_decay: float | None = setting(
        None, "The model kept is a moving average of the weights with this decay; 0 keeps those of one step."
    )
    warmup_steps: int | None = setting(
        _LOOP.warmup_steps, "How long the learning rate rises; else 6 % of the run.", unit="steps"
    )
    scheduler: str = setting(_LOOP.scheduler, "How the learning rate goes on behind the warm-up.", choices=SCHEDULERS)
    eta_min: float = setting(_LOOP.eta_min, "The least learning rate behind the warm-up.")
    t_0: int | None = setting(
        _LOOP.t_0, "Length of the first cycle of cosine_with_restarts; else three cycles fill the run.", unit="steps"
    )
    t_mult: int = setting(_LOOP.t_mult, "Each of these cycles is so many times as long as the one before.")
    gamma: float | None = setting(
        _LOOP.gamma, "Factor of the exponential scheduler for each step; else it falls to a hundredth."
    )
    plateau_factor: float = setting(_LOOP.plateau_factor, "What the plateau scheduler multiplies the learning rate by.")
    plateau_patience: int = setting(
        _LOOP.plateau_patience, "How long the plateau scheduler waits for a gain.", unit="evaluations"
    )
    max_bad_steps: int = setting(
        _LOOP.max_bad_steps,
        "After so many steps in a row without a finite loss the run goes back to its checkpoint.",
        unit="steps",
    )
    max_rollbacks: int = setting(_LOOP.max_rollbacks, "How often it may go back before it ends.")
    seed: int = setting(
        _LOOP.seed, "Decides the split, the tokenizer's sample, the weights, the order and the dropout."
    )


class SettledLoop(LoopSettings):
    """A loop with everything decided; what a task leaves open is as the loop itself has it."""

    epochs: int = _LOOP.num_epochs
    batch_size: int | None = None
    learning_rate: float = _LOOP.learning_rate
    average_decay: float = _LOOP.average_decay


class KeepingSettings(Settings):
    """What is scored, when the run ends, and what is kept."""

    title: ClassVar[str] = "Scoring and keeping"

    metric_name: str | None = setting(None, "The metric that decides which model is the best.")
    eval_steps: int | None = setting(
        _LOOP.eval_steps, "From one evaluation to the next; else one after each epoch.", unit="steps"
    )
    early_stopping_patience: int = setting(
        _LOOP.early_stopping_patience, "Without a gain for so long the run ends; 0 never ends it.", unit="evaluations"
    )
    early_stopping_min_delta: float = setting(
        _LOOP.early_stopping_min_delta, "A smaller change of the metric is no gain."
    )
    logging_steps: int = setting(_LOOP.logging_steps, "From one line of progress to the next.", unit="steps")
    save_steps: int | None = setting(
        _LOOP.save_steps, "From one checkpoint to the next; else one with each evaluation.", unit="steps"
    )
    max_checkpoints: int = setting(_LOOP.max_checkpoints, "Checkpoints that are kept in all, the best among them.")
    keep_best: int = setting(_LOOP.keep_best, "Of the checkpoints, the best so many stay, and the newest.")
    keep_checkpoints: bool = setting(False, "Keep the checkpoints of a finished run.")

    def faults(self, task: Task) -> Iterator[str]:
        """Say which rules the values break."""
        yield from not_empty("metric_name", self.metric_name)


class SettledKeeping(KeepingSettings):
    """A metric that is chosen."""

    metric_name: str


class MachineSettings(Settings):
    """Where it is computed, and in which numbers."""

    title: ClassVar[str] = "Machine"

    device: str = setting(_LOOP.device, "Where to compute: auto, cpu, cuda, cuda:N or mps.")
    parallel: str = setting(
        _LOOP.parallel,
        "How a step is shared out: single not at all, data_parallel over the GPUs of one process, ddp and fsdp over "
        "the processes of `athanor launch`, fsdp the weights too; auto is ddp where there are several, else single.",
        choices=PARALLELS,
    )
    rank_timeout: float = setting(
        _LOOP.rank_timeout,
        "How long processes of a run wait for one of them until it counts as lost.",
        unit="seconds",
    )
    precision: str = setting(
        _LOOP.precision,
        "Number format of the computation; auto takes what this machine runs faster.",
        choices=PRECISIONS,
    )
    use_mixed_precision: bool = setting(
        _LOOP.use_mixed_precision, "Whether precision auto may choose less than fp32: tf32, bf16 or fp16."
    )
    compile: str = setting(
        _LOOP.compile,
        "Whether the layers of a model are compiled: auto does so on a GPU for a run of many steps, graphs with CUDA "
        "graphs beside, for rows of one length.",
        choices=COMPILE,
    )
    deterministic: bool = setting(
        _LOOP.deterministic,
        "Take only kernels of a GPU that sum in one order: slower, and a run that is resumed ends with the same bytes.",
    )

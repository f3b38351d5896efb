"""Our trainer and `transformers.Trainer` on the same model and rows, timed alike: for benchmarks that compare them."""

import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

BATCH_SIZE = 32
LEARNING_RATE = 1e-3
LOGGING_STEPS = 50


def prepared(**settings: Any) -> tuple[Any, Any]:
    """Give a new model, and rows and task as a training of these settings has them, the same ones each time."""
    from application.training_request import TrainModelRequest
    from infrastructure.tasks.registry import kind_of

    request = TrainModelRequest(**settings).resolved()
    kind = kind_of(request.task, request.model_name)
    dataset = kind.load(request)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = kind.build(request, dataset, Path(scratch) / "tokenizer")
        return bundle, kind.prepare(request, bundle, dataset)


def ours(
    model: Any, rows: Any, task: Any, precision: str, monitor: Any = None, first_step: int = 1, **settings: Any
) -> dict[str, float]:
    """Train one epoch with AdvancedTrainer, timed from a step on; a `monitor` beside the clock is told what happens."""
    from application.monitors import Monitors
    from domain.events import StepCompleted
    from infrastructure.training import AdvancedTrainer

    class Watch:
        steps = 0

        def notify(self, event: Any) -> None:
            if isinstance(event, StepCompleted):
                clock.stop()

        def stop_requested(self) -> str:
            self.steps += 1  # asked before each step
            if self.steps >= first_step:
                clock.start()
            return ""

    clock = Clock()
    defaults = {
        "num_epochs": 1,
        "batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "logging_steps": LOGGING_STEPS,
        "device": "cpu",
    }
    with tempfile.TemporaryDirectory() as directory:
        AdvancedTrainer(
            model,
            rows,
            output_dir=directory,
            task=task,
            precision=precision,
            monitor=Monitors(Watch(), *([monitor] if monitor else [])),
            **{**defaults, **settings},
        ).train()
    return clock.figures()


def theirs(model: Any, rows: Any, collator: Any, precision: str, kind: str = "", **settings: Any) -> dict[str, float]:
    """Train one epoch with transformers.Trainer, or its relative `kind`, and its best flags: bf16, length grouping,
    fused AdamW, nothing saved.
    """
    import transformers

    class Watch(transformers.TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            clock.start()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            clock.stop()

    clock = Clock()
    arguments: Callable[..., Any] = getattr(transformers, f"{kind}TrainingArguments")
    trainer: Callable[..., Any] = getattr(transformers, f"{kind}Trainer")
    defaults = {
        "num_train_epochs": 1,
        "per_device_train_batch_size": BATCH_SIZE,
        "learning_rate": LEARNING_RATE,
        "bf16": precision == "bf16",
        "train_sampling_strategy": "group_by_length",
        "optim": "adamw_torch_fused",
        "warmup_steps": 0.06,
        "use_cpu": True,
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": LOGGING_STEPS,
        "report_to": [],
        "disable_tqdm": True,
    }
    held = [rows[index] for index in range(len(rows))]  # in memory, so that reading costs it nothing
    with tempfile.TemporaryDirectory() as directory:
        told = arguments(output_dir=directory, **{**defaults, **settings})
        trainer(model, told, collator, held, callbacks=[Watch()]).train()
    return clock.figures()


class Clock:
    """Times what lies between the first start and the last stop."""

    def __init__(self) -> None:
        self._started: tuple[float, float] | None = None
        self._ended, self._peak, self._anonymous = (0.0, 0.0), 0.0, 0.0

    def start(self) -> None:
        """Begin, unless it has begun."""
        self._started = self._started or (time.perf_counter(), time.process_time())

    def stop(self) -> None:
        """End here, unless more comes."""
        self._ended = (time.perf_counter(), time.process_time())
        self._peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self._anonymous = anonymous_mib()

    def figures(self) -> dict[str, float]:
        """Give seconds by the clock and of the processor, and memory (MiB): the most until then, and what the process
        had asked for itself at the end, without the pages of mapped files.
        """
        assert self._started is not None, "no step began"
        seconds, processor = (end - start for end, start in zip(self._ended, self._started, strict=True))
        return {
            "seconds": seconds,
            "processor_seconds": processor,
            "peak_mib": self._peak,
            "anonymous_mib": self._anonymous,
        }


def anonymous_mib() -> float:
    """Give the memory that this process has asked for itself; 0 where the kernel does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)


def rates(figures: Mapping[str, float], count: float) -> dict[str, float]:
    """Add how many of `count` went through in a second, and in a second of one processor, where these were timed."""
    names = {"seconds": "per_second", "processor_seconds": "per_processor_second"}
    return {**figures, **{rate: count / figures[timed] for timed, rate in names.items() if timed in figures}}

"""What one process of `ranks.py` does: trains a while, or times single steps, and writes what it found as JSON."""

import ctypes
import gc
import json
import os
import socket
import statistics
import struct
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

VOCABULARY = 8_192
WARM_UP_STEPS = 3
# Where `tcpi_bytes_acked` stands in `struct tcp_info` of include/uapi/linux/tcp.h.
_BYTES_ACKED = 120
ONE_WEIGHT = "one weight"
# Shapes beside those of the presets: as published, and as large as GPT-3 XL in the form of a Llama.
LARGE: Mapping[str, Mapping[str, Any]] = {
    "gpt2-124m": {"model_type": "gpt2"},
    "decoder-1.3b": {
        "model_type": "llama", "vocab_size": 32_000, "hidden_size": 2048, "num_hidden_layers": 24,
        "num_attention_heads": 16, "num_key_value_heads": 16, "intermediate_size": 5504,
    },
}  # fmt: skip


def main() -> None:
    """Do what the one argument says, a JSON object; the first process writes `answer.json` into its `scratch`."""
    arm: dict[str, Any] = json.loads(sys.argv[1])
    sys.path.insert(0, arm["tree"])
    answer = ARMS[arm["does"]](arm)
    if answer is not None:
        Path(arm["scratch"], "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def train(arm: Mapping[str, Any]) -> dict[str, float] | None:
    """Train as `athanor train` does; gives its speed, the agreements of a step, and the share of time they took."""
    from domain.events import StepCompleted

    class Clock:
        """Notes when steps were done."""

        def __init__(self) -> None:
            self.at: dict[int, tuple[float, float, int, float]] = {}

        def notify(self, event: Any) -> None:
            if isinstance(event, StepCompleted):
                self.at[event.step] = (time.perf_counter(), time.process_time(), asked.count, asked.seconds)

        def stop_requested(self) -> str:
            return ""

    asked, clock = Asked(), Clock()
    every = max(1, arm["steps"] // 4)
    trainer = opened(arm, max_steps=5 * every, logging_steps=every, save_steps=10**9, monitor=clock)
    asked.watch(trainer)
    trainer.train()
    if not clock.at:  # another rank is watched
        return None
    first, last = min(clock.at), max(clock.at)  # the first quarter warms up
    took, processor, count, waited = (
        after - before for before, after in zip(clock.at[first], clock.at[last], strict=True)
    )
    return {
        "tokens_per_second": tokens_of(trainer, arm, range(first, last)) / took,
        "step_seconds": took / (last - first),
        "processor_seconds": processor / (last - first),
        "agreements_a_step": count / (last - first),
        "agreement_share": waited / took,
    }


def seam(arm: Mapping[str, Any]) -> dict[str, float]:
    """Take each step twice by turns, through the seam and past it; gives microseconds, and medians of the ratios.

    Those of the processor leave out what other programs take of a busy machine.
    """
    from infrastructure.training.step import batch_at, train_step

    trainer = opened(arm)
    session, dataset, task, rows = trainer._session, trainer._train_dataset, trainer._task, arm["rows"]

    def through(step: int) -> None:
        batch = batch_at(step, trainer._batches.feed, dataset, task, rows, session.seed, session.parallel.ranks)
        train_step(session, batch, 1e-4)

    def past(step: int) -> None:
        step_past_the_seam(session, trainer._batches.feed, dataset, task, rows, step)

    pairs = []
    for step in range(WARM_UP_STEPS + arm["steps"]):
        order = (through, past) if step % 2 else (past, through)
        took = {side: timed(side, step) for side in order}
        pairs.append((*took[through], *took[past]))
    through_cpu, through_clock, past_cpu, past_clock = zip(*pairs[WARM_UP_STEPS:], strict=True)
    ratios = [one / other for one, other in zip(through_cpu, past_cpu, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "microseconds": 1e6 * statistics.median(through_cpu),
        "microseconds_more": 1e6 * (statistics.median(through_cpu) - statistics.median(past_cpu)),
        "ratio": middle,
        "ratio_low_quartile": low,
        "ratio_high_quartile": high,
        "ratio_by_the_clock": statistics.median(a / b for a, b in zip(through_clock, past_clock, strict=True)),
    }


def step_past_the_seam(session: Any, feed: Any, dataset: Any, task: Any, rows_at_once: int, step: int) -> None:
    """Do what a step does, with the task called by itself: neither `Forward`, nor `Parallel`, nor `Ranks`."""
    import torch

    from infrastructure.data.feed import RowNoise, seed_of
    from infrastructure.randomness import draw_from, drawing
    from infrastructure.training.step import Gradient, _backward, update

    rows = feed.at(step, rows_at_once)
    batches = [
        task.collate([dataset[int(row)] for row in part.rows], RowNoise(session.seed, step, part.rows))
        for part in rows.micro_batches
    ]
    num_targets = sum(map(task.count_targets, batches))
    sum(map(task.count_tokens, batches))
    session.model.train()
    loss = torch.zeros((), device=session.device)
    with drawing(session.device):
        for number, batch in enumerate(batches):
            draw_from(seed_of(session.seed, "dropout", step, number), session.device)
            on_device = {name: tensor.to(session.device, non_blocking=True) for name, tensor in batch.items()}
            with session.precision.autocast():
                share = task.loss_sum(session.model, on_device) / num_targets
            loss += _backward(session, share)
    weights = session.model.parameters()
    found = Gradient(loss, torch.nn.utils.get_total_norm([one.grad for one in weights if one.grad is not None]))
    update(session, 1e-4, found)
    torch.stack([found.loss, found.norm]).tolist()


def agreements(arm: Mapping[str, Any]) -> dict[str, float] | None:
    """Ask all ranks many times, when all of them have come; gives the median microseconds of one answer."""
    from infrastructure.parallel.ranks import ranks_of_this_process

    ranks = ranks_of_this_process()
    questions: Mapping[str, Callable[[], object]] = {
        "any": lambda: ranks.any(False),
        "summed_of_two": lambda: ranks.summed(1.0, 2.0),
        "gathered_word": lambda: ranks.gathered("word"),
    }
    found = {}
    for name, question in questions.items():
        took = [timed(question)[1] for _ in range(arm["times"])]
        found[name] = 1e6 * statistics.median(took[arm["times"] // 5 :])
    return found if ranks.is_first else None


def holdings(arm: Mapping[str, Any]) -> list[dict[str, float]] | None:
    """Take steps and a gradient; gives what each rank holds (bytes), its peaks, and what it sends in a step."""
    from torch.distributed.fsdp import FSDPModule

    from infrastructure.training import AdvancedTrainer  # noqa: F401  # what loading it takes is no holding
    from infrastructure.training.step import batch_at, gradient, train_step

    before = settled_bytes()
    trainer = opened(arm)
    session, dataset, task, rows = trainer._session, trainer._train_dataset, trainer._task, arm["rows"]
    ranks, steps = session.parallel.ranks, arm["steps"]
    peak_of_building = status("VmHWM")

    def batch(step: int) -> Any:
        return batch_at(step, trainer._batches.feed, dataset, task, rows, session.seed, ranks)

    train_step(session, batch(0), 1e-4)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the kernel forgets the highest mark so far
    ranks.wait_for_all()
    sent = bytes_sent()
    for step in range(1, 1 + steps):
        train_step(session, batch(step), 1e-4)
    ranks.wait_for_all()
    sent = (bytes_sent() - sent) / steps
    peak_of_steps, between_steps = status("VmHWM"), settled_bytes()
    gradient(session, batch(1 + steps))
    weights = list(session.model.parameters())
    blocks: list[Any] = [part for part in session.model.modules() if isinstance(part, FSDPModule)]
    moments = [value for state in session.optimizer.state.values() for value in state.values()]
    own = {
        "weights": sum(map(local_bytes, weights)),
        "gradients": sum(local_bytes(weight.grad) for weight in weights if weight.grad is not None),
        "optimizer": sum(local_bytes(value) for value in moments if hasattr(value, "numel") and value.numel() > 1),
        "grown_between_steps": between_steps - before,
        "peak_of_steps": peak_of_steps,
        "peak_of_building": peak_of_building,
        "parameters": sum(weight.numel() for weight in weights),
        "parameters_in_blocks": sum(weight.numel() for block in blocks for weight in block.parameters()),
        "sent_a_step": sent,
    }
    found = list(ranks.gathered(own))
    return found if ranks.is_first else None


ARMS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "train": train,
    "seam": seam,
    "agreements": agreements,
    "holdings": holdings,
}


def opened(arm: Mapping[str, Any], **settings: Any) -> Any:
    """Give a trainer of a new model on made-up rows, the same in every process."""
    import torch

    from infrastructure.training import AdvancedTrainer

    torch.manual_seed(0)
    num_rows = arm["rows"] * arm.get("accumulation", 1) * (WARM_UP_STEPS + 2 * arm["steps"])
    work = one_weight(num_rows) if arm["model"] == ONE_WEIGHT else language_model(arm["model"], arm["length"], num_rows)
    return AdvancedTrainer(
        **work,
        output_dir=Path(arm["scratch"]) / "run",
        batch_size=arm["rows"],
        gradient_accumulation_steps=arm.get("accumulation", 1),
        precision=arm["precision"],
        device=arm.get("device", "cpu"),
        **({"parallel": arm["parallel"]} if "parallel" in arm else {}),  # an earlier commit knows no such setting
        **settings,
    )


def one_weight(num_rows: int) -> dict[str, Any]:
    """Give the least that can be trained, so that a step is nothing but what is around the model."""
    import torch

    rows = [(torch.ones(1), torch.ones(1))] * num_rows
    return {"model": torch.nn.Linear(1, 1, bias=False), "train_dataset": rows, "loss_function": torch.nn.MSELoss()}


def language_model(name: str, length: int, num_rows: int) -> dict[str, Any]:
    """Give a model of some shape and rows of a quarter of `length` tokens to all of them."""
    import torch

    from infrastructure.models.factory import DECODER
    from infrastructure.models.pretrained import new_model
    from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling

    model = new_model(DECODER, config_of(name, length))
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(length // 4, length + 1, (num_rows,), generator=draw)
    words = min(model.config.vocab_size, VOCABULARY)
    rows = [{"input_ids": torch.randint(1, words, (int(length),), generator=draw)} for length in lengths]
    return {"model": model, "train_dataset": rows, "task": CausalLanguageModeling(pad_token_id=0)}


def config_of(name: str, length: int) -> Any:
    """Describe a model by its name: a preset, or one of `LARGE`."""
    from transformers import AutoConfig, LlamaConfig

    from infrastructure.models.presets import DECODERS

    if name in LARGE:
        shape = dict(LARGE[name])
        return AutoConfig.for_model(shape.pop("model_type"), **shape, max_position_embeddings=max(length, 1024))
    size = DECODERS[name]
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=size.hidden_size,
        intermediate_size=size.intermediate_size,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        num_key_value_heads=size.num_heads,
        max_position_embeddings=length,
        tie_word_embeddings=True,
        pad_token_id=0,
    )


def tokens_of(trainer: Any, arm: Mapping[str, Any], steps: range) -> int:
    """Count the tokens that are read in some steps: all of a row but the last."""
    rows = [row for step in steps for row in trainer._batches.feed.at(step, arm["rows"]).all_rows]
    return sum(len(trainer._train_dataset[int(row)]["input_ids"]) - 1 for row in rows)


class Asked:
    """Counts what the ranks of a trainer ask each other, and the seconds of it, waiting for the slowest included."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0

    def watch(self, trainer: Any) -> None:
        """Begin to count; a trainer from before there were ranks asks nothing."""
        ranks = getattr(trainer, "_ranks", None)
        if ranks is None:
            return
        ask = ranks._asked

        def asked(question: Callable[[], object]) -> object:
            started = time.perf_counter()
            answer = ask(question)
            self.count, self.seconds = self.count + 1, self.seconds + time.perf_counter() - started
            return answer

        ranks._asked = asked


def local_bytes(tensor: "Tensor") -> int:
    """Count the bytes that this process holds of a tensor, of which it may have a part alone."""
    part: Any = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return int(part.numel() * part.element_size())


def bytes_sent() -> int:
    """Count what the TCP connections that this process has open have sent and others have received."""
    sent = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as connection:
                    facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
                sent += struct.unpack_from("Q", facts, _BYTES_ACKED)[0]
        except OSError:  # closed since, or no TCP
            continue
    return sent


def settled_bytes() -> int:
    """Give freed memory back to the kernel, as training does not, for speed; gives what is resident then."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return status("VmRSS")


def status(name: str) -> int:
    """Give a size that the kernel knows of this process (bytes)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def timed(work: Callable[..., object], *given: object) -> tuple[float, float]:
    """Time some work; gives the seconds of the processor and those by the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    work(*given)
    return time.process_time() - processor, time.perf_counter() - clock


if __name__ == "__main__":
    main()

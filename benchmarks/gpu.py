"""What the engine makes of a GPU: speed, memory, exact resumption, and losses beside those of a CPU.

    python benchmarks/gpu.py [--rounds 5] [--part speed|unpadded|lora|resume|losses] [--quick] [--json]

speed: GPT-2 of 124 million weights, blocks of 1,024 tokens, bf16: tokens per second, and the share of the dense peak of
the GPU that it computes with, by 6 operations a weight and token and those of attention.
unpadded: BERT-base of random weights, rows of 20 to 500 tokens, bf16, by turns with every row padded.
lora: adapters beside a decoder of 1.3 billion random weights, blocks of 1,024 tokens, bf16: memory and speed.
resume: a run that is stopped in its middle and gone on with, deterministic kernels: the largest difference of a weight.
losses: 20 steps in fp32 on the CPU and on the GPU: the largest difference of a loss, relative.

Every side has a process of its own. With --quick models are small, and --device cpu then shows that all of it works.
Without a GPU it says so and ends with 0.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.sides import Figures, Row, Side, benchmark, by_turns  # noqa: E402 the path comes first

LENGTH = 1024
STEPS, QUICK_STEPS, SHOWN_STEPS, LOGGING_STEPS = 40, 2, 20, 5
LEAST_SHARE = 0.5
MOST_DIFFERENCE = 1e-3  # of a loss, relative: kernels of a GPU sum in another order
# Dense operations a second in bf16, as published; of another GPU a large product is timed.
PEAKS: Mapping[str, float] = {
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
}


def main() -> None:
    """Measure what was asked for, where there is a GPU."""
    import torch

    if not torch.cuda.is_available() and not {"cpu", "--side"} & {*sys.argv}:
        print("not measured: this machine has no GPU that torch can use")
        return
    benchmark(__file__, __doc__, rows, measure, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Choose a part."""
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--device", default="cuda", help="cpu, with --quick, to see that it works")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Give the rows of each part."""
    for part in [options.part] if options.part else PARTS:
        yield from PARTS[part](options)


def speed(options: argparse.Namespace) -> Iterator[Row]:
    """Compare what is computed with the peak."""
    turns = by_turns(__file__, {"GPT-2": side_of("writer", options, model="gpt2-124m", rows=16)}, options.rounds)
    shares = tuple(found["GPT-2"]["share_of_peak"] for found in turns.rounds)
    yield Row("GPT-2 124M, 1,024 tokens, bf16", "tokens/s", turns.median("GPT-2", "per_second"))
    facts: dict[str, Any] = {"beside": "dense peak", "theirs": 1.0, "ratios": shares, "least": LEAST_SHARE}
    yield Row("the same: what it computes", "of peak", turns.median("GPT-2", "share_of_peak"), **facts)


def unpadded(options: argparse.Namespace) -> Iterator[Row]:
    """Compare real tokens per second without and with padding."""
    sides = {name: side_of("encoder", options, padded=name == "padded") for name in ("unpadded", "padded")}
    turns = by_turns(__file__, sides, options.rounds)
    yield turns.row("BERT-base, rows of 20 to 500 tokens, bf16", "tokens/s", "unpadded", "padded", "per_second")
    yield turns.row("the same: peak memory", "MiB", "unpadded", "padded", "device_mib")


def lora(options: argparse.Namespace) -> Iterator[Row]:
    """Tell what adapters take."""
    found = by_turns(__file__, {"LoRA": side_of("adapted", options, model="decoder-1.3b", rows=8)}, options.rounds)
    yield Row("LoRA beside a decoder of 1.3 billion weights, bf16", "tokens/s", found.median("LoRA", "per_second"))
    yield Row("the same: peak memory", "MiB", found.median("LoRA", "device_mib"))


def resume(options: argparse.Namespace) -> Iterator[Row]:
    """Compare the weights of a run that was stopped with those of one that was not."""
    [found] = by_turns(__file__, {"resume": side_of("resumed", options)}, 1).rounds
    difference = found["resume"]["difference"]
    note = "bitwise equal" if difference == 0.0 else "not equal"
    yield Row("a run resumed, deterministic kernels", "largest difference", difference, note=note)


def losses(options: argparse.Namespace) -> Iterator[Row]:
    """Compare the losses of the first steps with those on the CPU."""
    sides = {
        name: {**side_of("curve", options), "device": device}
        for name, device in ((options.device, options.device), ("CPU", "cpu"))
    }
    [found] = by_turns(__file__, sides, 1).rounds
    pairs = zip(*(one["losses"] for one in found.values()), strict=True)
    largest = max(abs(one - other) / abs(other) for one, other in pairs)
    facts: dict[str, Any] = {"beside": "allowed", "theirs": MOST_DIFFERENCE, "most": 1.0}
    facts["ratios"] = (largest / MOST_DIFFERENCE,)
    yield Row(
        f"losses of {SHOWN_STEPS} steps beside those of a CPU, fp32", "largest difference, relative", largest, **facts
    )


PARTS: Mapping[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "speed": speed,
    "unpadded": unpadded,
    "lora": lora,
    "resume": resume,
    "losses": losses,
}


def side_of(does: str, options: argparse.Namespace, **more: Any) -> Side:
    """Say what a process does."""
    steps = QUICK_STEPS if options.quick else STEPS
    return {"does": does, "device": options.device, "steps": steps, "is_small": options.quick, **more}


def measure(side: Side) -> Figures:
    """Do what a side says."""
    doing: Mapping[str, Callable[[Side], Figures]] = {
        "writer": writer,
        "encoder": encoder,
        "adapted": adapted,
        "resumed": resumed,
        "curve": curve,
    }
    return doing[side["does"]](side)


def writer(side: Side) -> Figures:
    """Train a language model; gives tokens per second and the share of the peak."""
    work = written_work(side)
    found = trained(side, work, side["rows"])
    weights = sum(weight.numel() for weight in work["model"].parameters())
    shape = work["model"].config
    # As nanoGPT and PaLM count: forward and backward of each weight, and of the products of attention.
    a_token = 6 * weights + 12 * shape.num_hidden_layers * shape.hidden_size * LENGTH
    return {**found, "share_of_peak": a_token * found["per_second"] / peak_of(side["device"])}


def encoder(side: Side) -> Figures:
    """Fine-tune an encoder, with every row padded or as it trains by itself."""
    from benchmarks.bert_sized import NUM_LABELS, ROWS_PER_STEP, model_of, random_rows
    from infrastructure.tasks.labels.adapter import SequenceClassification
    from infrastructure.training import batches

    if side["padded"]:
        vars(batches)["train_without_padding"] = lambda session, dataset: ""
    rows = random_rows(side["steps"] + LOGGING_STEPS)
    task = SequenceClassification([f"label{number}" for number in range(NUM_LABELS)], pad_token_id=0)
    model = model_of(1 if side["is_small"] else 12)
    return trained(side, {"model": model, "rows": rows, "task": task}, ROWS_PER_STEP)


def adapted(side: Side) -> Figures:
    """Train adapters beside frozen weights in bf16."""
    from infrastructure.models.adapters.layers import lora_config, put_in

    work = written_work(side)
    names = [f"{part}_proj" for part in ("q", "k", "v", "o", "gate", "up", "down")]
    layers = [name for name, _ in work["model"].named_modules() if name.rpartition(".")[2] in names]
    put_in(work["model"], lora_config(work["model"], layers, r=16, lora_alpha=32))
    return trained(side, work, side["rows"])


def resumed(side: Side) -> Figures:
    """Train to the end, and to the middle and on from there; gives the largest difference of a weight."""
    from infrastructure.training import AdvancedTrainer

    class Stops:
        """Wants a stop in the middle."""

        def __init__(self) -> None:
            self.left = SHOWN_STEPS // 2

        def notify(self, event: Any) -> None:
            """Nothing is shown."""

        def stop_requested(self) -> str:
            self.left -= 1
            return "measured" if self.left < 0 else ""

    def run(directory: str, monitor: Any) -> Any:
        work = curve_work()
        AdvancedTrainer(
            work["model"], work["rows"], output_dir=directory, task=work["task"], monitor=monitor,
            deterministic=True, **settings_of(side, 8, SHOWN_STEPS),
        ).train()  # fmt: skip
        return work["model"]

    with tempfile.TemporaryDirectory() as scratch:
        whole = run(f"{scratch}/whole", None)
        run(f"{scratch}/cut", Stops())
        cut = run(f"{scratch}/cut", None)
    pairs = zip(whole.parameters(), cut.parameters(), strict=True)
    return {"difference": max(float((one - other).detach().abs().max()) for one, other in pairs)}


def curve(side: Side) -> Figures:
    """Train in fp32; gives the loss of each step."""
    from benchmarks.trainers import ours
    from domain.events import StepCompleted

    class Watch:
        def notify(self, event: Any) -> None:
            if isinstance(event, StepCompleted):
                found.append(event.loss)

        def stop_requested(self) -> str:
            return ""

    found: list[float] = []
    ours(**curve_work(), monitor=Watch(), **settings_of({**side, "precision": "fp32"}, 8, SHOWN_STEPS))
    return {"losses": found}


def curve_work() -> dict[str, Any]:
    """Give a small decoder, the same each time, and rows for it."""
    import torch

    from benchmarks.rank_arms import language_model

    torch.manual_seed(0)
    work = language_model("decoder-tiny", 128, 8 * SHOWN_STEPS)
    return {"model": work["model"], "rows": work["train_dataset"], "task": work["task"]}


def written_work(side: Side) -> dict[str, Any]:
    """Give a language model of random weights, and whole blocks for it to learn from."""
    import torch

    from benchmarks.rank_arms import config_of
    from infrastructure.models.factory import DECODER
    from infrastructure.models.pretrained import new_model
    from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling

    config = config_of(side["model"], LENGTH)
    if side["is_small"]:
        shape = {"num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 2, "vocab_size": 512}
        more = (
            {"intermediate_size": 128, "num_key_value_heads": 2, "head_dim": 32} if config.model_type == "llama" else {}
        )
        for name, value in {**shape, **more}.items():
            setattr(config, name, value)
    torch.manual_seed(0)
    model = new_model(DECODER, config)
    draw = torch.Generator().manual_seed(0)
    blocks = torch.randint(
        1, config.vocab_size, (side["rows"] * (side["steps"] + LOGGING_STEPS), LENGTH + 1), generator=draw
    )
    return {"model": model, "rows": [{"input_ids": block} for block in blocks], "task": CausalLanguageModeling(0)}


def trained(side: Side, work: dict[str, Any], rows_per_step: int) -> dict[str, float]:
    """Train one epoch; gives real tokens per second behind the first five steps, and the peak of the device (MiB)."""
    import torch

    from benchmarks.trainers import ours
    from domain.events import StepCompleted
    from infrastructure.training.device import begin_peak, recent_peak_bytes

    class Watch:
        def notify(self, event: Any) -> None:
            if isinstance(event, StepCompleted):
                rates.append(event.tokens_per_second)

        def stop_requested(self) -> str:
            return ""

    rates: list[float] = []
    device = torch.device(side["device"])
    begin_peak(device)
    ours(**work, monitor=Watch(), **settings_of(side, rows_per_step, side["steps"] + LOGGING_STEPS))
    return {"per_second": statistics.median(rates[1:]), "device_mib": recent_peak_bytes(device) / 2**20}


def settings_of(side: Side, rows_per_step: int, steps: int) -> dict[str, Any]:
    """Give the settings that all trainings share."""
    return {
        "device": side["device"],
        "precision": side.get("precision", "bf16"),
        "batch_size": rows_per_step,
        "max_steps": steps,
        "logging_steps": LOGGING_STEPS if side["does"] != "curve" else 1,
    }


def peak_of(device: str) -> float:
    """Give the dense operations a second of a GPU in bf16."""
    import torch

    from infrastructure.training.precision import probe

    if device != "cpu":
        name = torch.cuda.get_device_name()
        for known, peak in PEAKS.items():
            if known in name:
                return peak
    return 1e9 * probe(torch.device(device), ("bf16",))["bf16"]


if __name__ == "__main__":
    main()

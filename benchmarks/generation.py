"""Writing beside the loop of the transformers library, or an earlier commit: Java to C#, greedily and by beams.

    python benchmarks/generation.py [--before DIR] [--model NAME] [--beams 1] [--rows 1000] [--rounds 5] [--json]

Both sides write the same rows with the same model through `predict`, each in a process of its own with `--threads`
threads (1), by turns. Without `--before`, a checkout of an earlier commit, the other side is `model.generate` in
batches of 64. The models are trained a little first (`--steps`), and kept in `--cache` where one is named. Gives rows
per second of each side, their ratio, and how many texts are equal. Needs the shared data, or --data as of
code_trans.py.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks.code_trans import CONFIG, DATA, part_of  # noqa: E402
from benchmarks.sides import Figures, Row, Side, benchmark, by_turns, in_own_process  # noqa: E402
from benchmarks.trainers import rates  # noqa: E402

MODELS = {"seq2seq-mini": "sequence_to_sequence", "decoder-mini": "code_generation"}
BEAMS = (1, 5)
LIBRARY_ROWS = 64
QUICK_ROWS, QUICK_STEPS = 32, 20
WANTED = 3.0


def main() -> None:
    """Let both sides of each model and number of beams write in turn."""
    benchmark(__file__, __doc__, rows, write, arguments)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Choose what is written, and beside what."""
    parser.add_argument("--before", type=Path, metavar="DIR", help="a checkout of an earlier commit")
    parser.add_argument("--model", choices=MODELS, action="append", help="this one alone; may be repeated")
    parser.add_argument("--beams", type=int, action="append", help="this number alone; may be repeated")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=639, help="of the training before; 639 are an epoch")
    parser.add_argument("--precision", default="auto", help="fp32 or bf16, else what pays here")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where trained models are kept")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """Compare rows that are written in a second."""
    import torch

    from infrastructure.training.precision import choose_precision

    # Chosen once: each side by itself might choose otherwise.
    options.precision = choose_precision(options.precision, True, torch.device("cpu"))
    if options.quick:
        options.rows, options.steps = QUICK_ROWS, QUICK_STEPS
    with tempfile.TemporaryDirectory() as scratch:
        for model in options.model or MODELS:
            run = trained(model, (options.cache or Path(scratch)).resolve(), options)
            for beams in options.beams or BEAMS:
                yield compared(model, run, beams, options, Path(scratch))


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


def compared(model: str, run: Path, beams: int, options: argparse.Namespace, scratch: Path) -> Row:
    """Let both sides write in each round; says how many of their texts are equal."""
    arm = {"run": str(run), "beams": beams, "precision": options.precision}
    arm |= {"data": str(first_rows(options, scratch)), "answer": str(scratch / "answer.json")}
    arm |= {"threads": options.threads}
    other = {"tree": str(options.before.resolve())} if options.before else {"library": True}
    beside = "the earlier commit" if options.before else "model.generate"
    texts: dict[str, list[str]] = {}

    def written(file: str, side: Side) -> Figures:
        """Write with as many threads, by the code of its tree; keeps the texts."""
        environment = {"OMP_NUM_THREADS": str(side["threads"]), "PYTHONPATH": side.get("tree", str(ROOT))}
        found = in_own_process(file, side, environment)
        texts[side.get("tree", "") or str(side.get("library"))] = json.loads(Path(side["answer"]).read_text())
        return found

    turns = by_turns(__file__, {"Athanor": arm, beside: {**arm, **other}}, options.rounds, written)
    one, two = texts.values()
    note = f"{sum(map(str.__eq__, one, two)):,} of {len(one):,} texts equal"
    what = f"writing with {model}, {beams} beams, {options.precision}, threads: {options.threads}"
    return turns.row(
        what, "rows/s", "Athanor", beside, options.rate, note=note, least=WANTED if options.before else None
    )


def first_rows(options: argparse.Namespace, scratch: Path) -> Path:
    """Put the sources to be written for into a file of their own: sides may read others ahead."""
    from domain.task import task_named
    from infrastructure.data.text.loading import open_pairs, pair_fields

    task, path = task_named("sequence_to_sequence"), scratch / "rows.jsonl"
    pairs = open_pairs(str(part_of(options.data.resolve(), "test")), task, *pair_fields(task, None, None))
    sources = [str(pairs.sources[row]) for row in range(min(options.rows, len(pairs)))]
    path.write_text("".join(json.dumps({"source": source}) + "\n" for source in sources), encoding="utf-8")
    return path


def write(arm: Side) -> Figures:
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
    figures = {"seconds": time.perf_counter() - began, "processor_seconds": time.process_time() - processor}
    Path(arm["answer"]).write_text(json.dumps(texts), encoding="utf-8")
    return rates(figures, len(texts))


if __name__ == "__main__":
    main()

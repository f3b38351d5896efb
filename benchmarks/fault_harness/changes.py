"""Something is changed between the stop and the resume: rows, labels, any setting, the tokenizer, threads."""

import json
import os
import shutil
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import yaml

from application.training_request import TrainModelRequest
from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.damage import stop_before
from benchmarks.fault_harness.jobs import Job
from benchmarks.fault_harness.stage import (
    SAME,
    Options,
    Stage,
    Verdict,
    fresh_copy,
    sentence_or_fault,
    what_was_said,
)

SECTION = "changes"
REFUSED = "refused in a sentence, exit 2"
LOST = f"{SAME}, but for the metrics of before"
REFUSED_OR_SAME = "refused in a sentence, or the same model/"
Change = Callable[[Path], None]
# Values for settings that tell of themselves neither a number nor a choice, or only narrow ones.
_OTHERS: Mapping[str, Any] = {
    "precision": "fp32",
    "optimizer": "sgd",
    "scheduler": "constant",
    "metric_name": "loss",
    "model_name": None,  # another size, below
    "validation_split": 0.3,
    "split": [0.6, 0.2, 0.2],
    "word_dropout": 0.1,
    "lowercase": None,
    "average_decay": 0.5,
    "horizons": 4,
    "quantiles": [0.1, 0.5, 0.9],
    "target_columns": ["volume"],
    "columns": ["close"],
    "calendar": [],
    "text_field": "label",
    "label_field": "text",
    "class_weights": "balanced",
    "warmup_steps": 3,
    "t_0": 5,
    "gamma": 0.5,
    "num_labels": 9,
    "vocab_size": 390,
    "tokenizer": None,
    "device": "cpu",
}
ROWS, SCORED = "changing.jsonl", "scored.jsonl"
_NOT_OF_THE_RESULT = ("output_dir", "task", "quick", "dataset_path", "eval_dataset")


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give every change of a setting, and changes of what lies around."""
    for task in options.tasks:
        yield from _settings(stage, stage.jobs.of(task, steps=6, save=2, evaluate=2))
    if "text_classification" in options.tasks:
        yield from _surroundings(stage)


# Settings


def _settings(stage: Stage, job: Job) -> Iterator[Case]:
    base = stage.work / "to-change" / job.task
    stage.stopped(job, base, at=stop_before(stage, job, 6))
    written = yaml.safe_load((base / "run.yaml").read_text(encoding="utf-8"))
    for name in TrainModelRequest.model_fields:
        if name in _NOT_OF_THE_RESULT:
            continue
        for value in other_values(name, written.get(name)):
            attack = partial(
                _resumed, stage, job, base, partial(_edit, name, value), ("metrics", "summary", "pictures")
            )
            yield Case(SECTION, job.task, "each setting of run.yaml", f"{name}={value}", REFUSED_OR_SAME, attack)


def other_values(name: str, value: Any) -> Iterator[Any]:
    """Give another value for a setting, by its type; none where there is no telling."""
    if name == "model_name":
        yield str(value).replace("tiny", "mini")
    elif isinstance(value, bool):
        yield not value
    elif name in _OTHERS and _OTHERS[name] is not None:
        yield _OTHERS[name]
    elif isinstance(value, int):
        yield value + 1
    elif isinstance(value, float):
        yield value * 0.5 if value else 0.25
    else:
        kinds = [k for k in typing.get_args(TrainModelRequest.model_fields[name].annotation) if k is not type(None)]
        choices = [
            c for kind in kinds for c in (typing.get_args(kind) if typing.get_origin(kind) is Literal else [kind])
        ]
        yield from [choice for choice in choices if isinstance(choice, str) and choice != value][:1]


def _edit(name: str, value: Any, run: Path) -> None:
    path = run / "run.yaml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**settings, name: value}, sort_keys=False), encoding="utf-8")


# What lies around


def _surroundings(stage: Stage) -> Iterator[Case]:
    job = stage.jobs.of("text_classification", steps=12, save=2, evaluate=4)
    assert job.data is not None
    lines = job.data.read_text(encoding="utf-8").splitlines()
    _put(stage.work / "data" / ROWS, lines[:120])
    _put(stage.work / "data" / SCORED, lines[120:])
    settings = {**dict(job.settings), "eval_dataset": SCORED}
    # Relative paths: each case has the data in a folder of its own, and the same card.
    job = Job(job.task, Path(ROWS), tuple(settings.items()), (partial(os.chdir, stage.work / "data"),))
    base = stage.work / "to-change" / "surroundings"
    stage.stopped(job, base, at=stop_before(stage, job, 8))
    relabelled = [json.dumps({**json.loads(lines[0]), "label": json.loads(lines[60])["label"]}), *lines[1:120]]
    turned = [json.dumps({**json.loads(line), "label": json.loads(lines[0])["label"]}) for line in lines[120:]]
    for name, right, change in (
        ("nothing", SAME, lambda run, d, e: None),
        ("the data file touched", SAME, lambda run, d, e: os.utime(d, (1, 1))),
        ("metrics.jsonl removed", LOST, lambda run, d, e: (run / "metrics.jsonl").unlink()),
        ("log.jsonl removed", SAME, lambda run, d, e: (run / "log.jsonl").unlink()),
        ("a label changed", REFUSED, lambda run, d, e: _put(d, relabelled)),
        ("a row more", REFUSED, lambda run, d, e: _put(d, [*lines[:120], lines[0]])),
        ("rows in another order", REFUSED, lambda run, d, e: _put(d, lines[119::-1])),
        ("half of the evaluation rows", REFUSED, lambda run, d, e: _put(e, lines[120::2])),
        ("evaluation rows in another order", REFUSED_OR_SAME, lambda run, d, e: _put(e, lines[:119:-1])),
        ("evaluation labels changed", REFUSED, lambda run, d, e: _put(e, turned)),
        ("the data file removed", REFUSED, lambda run, d, e: d.unlink()),
        ("the evaluation file removed", REFUSED, lambda run, d, e: e.unlink()),
        ("the tokenizer: two entries swapped", REFUSED, lambda run, d, e: _swap_vocabulary(run)),
        ("the tokenizer removed", SAME, lambda run, d, e: shutil.rmtree(run / "tokenizer")),
        ("all checkpoints removed", SAME, lambda run, d, e: shutil.rmtree(run / "checkpoints")),
    ):
        attack = partial(_with_own_data, stage, job, base, change, right)
        yield Case(SECTION, job.task, name, "resume", right, attack)
    threads = partial(_with_threads, stage, job, base)
    yield Case(SECTION, job.task, "OMP_NUM_THREADS 2 for 1", "resume", f"{SAME}, or a warning", threads)
    accepted = partial(_accepted, stage, job, base)
    right = "--accept-changes goes on and the summary says so"
    yield Case(SECTION, job.task, "changes that are accepted", "resume", right, accepted)


def _with_own_data(stage: Stage, job: Job, base: Path, change: Any, right: str, place: Path) -> Verdict:
    """Resume where copies of the data lie under the same relative paths, one of them changed."""
    run = fresh_copy(base, place / "run")
    rows, scored = (Path(shutil.copy(stage.work / "data" / name, place)) for name in (ROWS, SCORED))
    change(run, rows, scored)
    ended = stage.athanor("resume", run, before=(partial(os.chdir, place),))
    if right == REFUSED or (right == REFUSED_OR_SAME and ended.exit_code != 0):
        return sentence_or_fault(ended, codes=(2,))
    # What had been measured before the stop is gone with its file.
    ignoring = ("metrics", "pictures") if right == LOST else ()
    return stage.compared(job, run, ended, "resumed", ignoring)


def _resumed(stage: Stage, job: Job, base: Path, change: Change, ignoring: tuple[str, ...], place: Path) -> Verdict:
    run = fresh_copy(base, place / "run")
    change(run)
    ended = stage.athanor("resume", run, before=job.before)
    if ended.exit_code != 0 or ended.fault:
        return sentence_or_fault(ended, codes=(2,))
    return stage.compared(job, run, ended, "went on", ignoring)


def _with_threads(stage: Stage, job: Job, base: Path, place: Path) -> Verdict:
    import torch

    run = fresh_copy(base, place / "run")
    ended = stage.athanor("resume", run, before=(*job.before, partial(torch.set_num_threads, 2)))
    verdict = stage.compared(job, run, ended, "resumed")
    if verdict.fault and ended.exit_code == 0 and "thread" in ended.stderr:
        return Verdict("went on with a warning")
    return verdict


def _accepted(stage: Stage, job: Job, base: Path, place: Path) -> Verdict:
    run = fresh_copy(base, place / "run")
    _edit("label_smoothing", 0.2, run)
    ended = stage.athanor("resume", run, "--accept-changes", before=job.before)
    if ended.exit_code != 0 or ended.fault:
        return Verdict(f"exit {ended.exit_code}", what_was_said(ended))
    if "label_smoothing" not in (run / "summary.json").read_text(encoding="utf-8"):
        return Verdict("nothing is said", "the summary does not say what was changed")
    return Verdict("went on and says so")


def _swap_vocabulary(run: Path) -> None:
    path = run / "tokenizer" / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    entries = tokenizer["model"]["vocab"]
    entries["e"], entries["t"] = entries["t"], entries["e"]
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


def _put(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

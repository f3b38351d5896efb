"""One flipped bit, a cut, an emptied or a removed file: in a checkpoint, a run, a model, a data cache."""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.children import Ended
from benchmarks.fault_harness.comparing import Facts, facts_of
from benchmarks.fault_harness.disk import Change, normal
from benchmarks.fault_harness.jobs import Job, question_of
from benchmarks.fault_harness.stage import (
    SAME,
    Options,
    Reference,
    Stage,
    Verdict,
    fresh_copy,
    sentence_or_fault,
    what_was_said,
)

SECTION = "damage"
SAME_OR_REFUSED = "the same bytes, or refused in a sentence"
Damage = tuple[str, bytes | None]
# A damaged line of these is lost or lies; all else must be as it was.
LOSES = {"metrics.jsonl": ("metrics",), "run.yaml": ("metrics", "summary", "pictures")}


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give every kind of damage for every file."""
    for task in options.tasks:
        yield from _of_a_stopped_run(stage, stage.jobs.of(task, steps=6, save=2, evaluate=2), options.flips)
        yield from _of_the_best(stage, stage.jobs.of(task), options.flips)
        yield from _of_a_model(stage, stage.jobs.of(task, steps=2, save=2, evaluate=2), options.flips)
        yield from _of_a_cache(stage, stage.jobs.of(task, steps=2, save=2, evaluate=2), options.flips)


def damages(path: Path, num_flips: int) -> Iterator[Damage]:
    """Give what may become of a file: its name and the new content, None for no file at all."""
    content = path.read_bytes()
    places = random.Random(path.name)
    # The first byte opens a format, byte 9 is in the header of safetensors, the last one closes.
    tried = {0, 9, len(content) - 1, *(places.randrange(len(content)) for _ in range(num_flips))} if content else set()
    for place in sorted(place for place in tried if place < len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << places.randrange(7)
        yield f"bit flipped at {place}", bytes(flipped)
    if content:
        yield "cut in half", content[: len(content) // 2]
        yield "emptied", b""
    yield "removed", None


def apply(path: Path, content: bytes | None) -> None:
    """Put damaged content in place, or remove the file."""
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def _kind_of(name: str) -> str:
    return "a flipped bit" if name.startswith("bit") else name


# A stopped run


def stop_before(stage: Stage, job: Job, step: int) -> Change:
    """Find the change by which the checkpoint of a step begins: a kill there leaves those before it."""
    return next(c for c in stage.reference(job).changes if f"step-{step:08d}" in c.path)


def export_of(reference: Reference) -> Change:
    """Find the change by which the final model begins: every checkpoint that is kept is there."""
    return next(c for c in reference.changes if c.path == ".staging-model")


def _of_a_stopped_run(stage: Stage, job: Job, num_flips: int) -> Iterator[Case]:
    base = stage.work / "stopped" / job.task
    stage.stopped(job, base, at=stop_before(stage, job, 6))
    newest = max((base / "checkpoints").glob("step-*"))
    for path in sorted(p for p in base.rglob("*") if p.is_file() and not p.is_relative_to(base / "checkpoints")):
        yield from _resumed_with(stage, job, base, path, "a file of the run", num_flips)
    for path in sorted(newest.iterdir()):
        yield from _resumed_with(stage, job, base, path, "the newest checkpoint", num_flips)


def _resumed_with(stage: Stage, job: Job, base: Path, path: Path, group: str, num_flips: int) -> Iterator[Case]:
    place = path.relative_to(base)
    right = f"{SAME}, with a warning" if place.parts[0] == "checkpoints" else SAME_OR_REFUSED
    for name, content in damages(path, num_flips):
        attack = partial(_resumed, stage, job, base, place, content)
        yield Case(SECTION, job.task, f"{_kind_of(name)}: {group}", f"{place} {name}", right, attack)


def _resumed(stage: Stage, job: Job, base: Path, damaged: Path, content: bytes | None, place: Path) -> Verdict:
    run = fresh_copy(base, place / "run")
    apply(run / damaged, content)
    ended = stage.athanor("resume", run, before=job.before)
    if damaged.parts[0] == "checkpoints":
        compared = stage.compared(job, run, ended, "resumed")
        if not compared.fault and "damaged" not in ended.stderr:
            return Verdict("nothing was said", "the damage is not mentioned")
        return compared
    if ended.exit_code != 0:
        return sentence_or_fault(ended)
    return stage.compared(job, run, ended, "resumed", LOSES.get(damaged.name, ()))


# The best checkpoint


def _of_the_best(stage: Stage, job: Job, num_flips: int) -> Iterator[Case]:
    reference = stage.reference(job)
    best = int(reference.facts.summary["best_step"])
    steps = int(dict(job.settings)["max_steps"])
    base = stage.work / "best" / job.task
    stage.stopped(job, base, at=export_of(reference))
    directory = base / "checkpoints" / f"step-{best:08d}"
    right = "another best, and card, summary and metrics speak of that one; or exit 1 in a sentence"
    for path in sorted(directory.iterdir()):
        for name, content in damages(path, num_flips):
            attack = partial(_best_damaged, stage, base, path.relative_to(base), content, reference.facts)
            group = f"{_kind_of(name)}: the best checkpoint{' (the newest too)' if best == steps else ''}"
            yield Case(SECTION, job.task, group, f"{path.name} {name}", right, attack)


def _best_damaged(
    stage: Stage, base: Path, damaged: Path, content: bytes | None, undisturbed: Facts, place: Path
) -> Verdict:
    run = fresh_copy(base, place / "run")
    apply(run / damaged, content)
    ended = stage.athanor("resume", run)
    if ended.exit_code != 0:
        return sentence_or_fault(ended, codes=(1, 2))
    if ended.fault:
        return Verdict("exit 0", ended.fault)
    return _one_story(facts_of(run), undisturbed, run, ended)


def _one_story(facts: Facts, undisturbed: Facts, run: Path, ended: Ended) -> Verdict:
    """Ask that card, summary, metrics and what was said are about the checkpoint whose weights are in the model."""
    card = json.loads((run / "model/athanor.json").read_text(encoding="utf-8"))
    metric, step = facts.summary["metric_name"], facts.summary["best_step"]
    scored = {(name, at): value for name, at, _, value in facts.metrics}
    faults = []
    if card["step"] != step:
        faults.append(f"the card says step {card['step']}, the summary {step}")
    if scored.get((f"eval_{metric}", step)) != str(facts.summary["best_metric"]):
        faults.append(f"metrics.jsonl has another {metric} at step {step} than the summary")
    if card["metrics"].get(metric) != facts.summary["best_metric"]:
        faults.append(
            f"the card has {metric} {card['metrics'].get(metric)}, the summary {facts.summary['best_metric']}"
        )
    if "damaged" not in ended.stderr:
        faults.append("the damage is not mentioned")
    weights = "model/model.safetensors"
    if step == undisturbed.summary["best_step"] and facts.model[weights] != undisturbed.model[weights]:
        faults.append("other weights under the old score")
    return Verdict("another best, told truly" if not faults else "told falsely", "; ".join(faults))


# A finished model


def _of_a_model(stage: Stage, job: Job, num_flips: int) -> Iterator[Case]:
    base = stage.reference(job).run
    question = question_of(job, base.parent)
    right_answers = _answers(stage, job, base, question)
    for path in sorted((base / "model").iterdir()):
        for name, content in damages(path, num_flips):
            attack = partial(_asked, stage, job, base, path.relative_to(base), content, question, right_answers)
            right = "the same answer, or refused in a sentence"
            yield Case(
                SECTION, job.task, f"{_kind_of(name)}: a file of the model", f"{path.name} {name}", right, attack
            )


def _answers(stage: Stage, job: Job, run: Path, question: Path) -> Sequence[Ended]:
    return (
        stage.athanor("evaluate", run, "--dataset", job.data, "--json", before=job.before),
        stage.athanor("predict", run, "--input", question, before=job.before),
    )


def _asked(
    stage: Stage, job: Job, base: Path, damaged: Path, content: bytes | None, question: Path,
    right_answers: Sequence[Ended], place: Path,
) -> Verdict:  # fmt: skip
    run = place / "run"
    run.mkdir()
    shutil.copytree(base / "model", run / "model")
    for name in ("run.yaml", "summary.json"):
        shutil.copy(base / name, run / name)
    apply(run / damaged, content)
    for ended, right in zip(_answers(stage, job, run, question), right_answers, strict=True):
        if ended.exit_code != 0 or ended.fault:
            said = sentence_or_fault(ended)
            if said.fault:
                return said
        elif ended.stdout.replace(str(run), "") != right.stdout.replace(str(base), ""):
            return Verdict("another answer", "another answer, and nothing was said")
    return Verdict("the same answer or a sentence")


# The data cache


def _of_a_cache(stage: Stage, job: Job, num_flips: int) -> Iterator[Case]:
    base = stage.work / "kept-cache" / job.task
    ended = stage.athanor(*job.train(base.parent / f"run-{job.task}"), before=job.before, cache=base)
    assert ended.exit_code == 0, what_was_said(ended)
    stage.reference(job)
    for path in sorted(p for p in base.rglob("*") if p.is_file()):
        place = path.relative_to(base)
        for name, content in damages(path, num_flips):
            attack = partial(_trained_on, stage, job, base, place, content)
            title = f"{normal(str(place))} {name}"
            yield Case(SECTION, job.task, f"{_kind_of(name)}: the data cache", title, SAME, attack)


def _trained_on(stage: Stage, job: Job, base: Path, damaged: Path, content: bytes | None, place: Path) -> Verdict:
    cache = fresh_copy(base, place / "cache")
    apply(cache / damaged, content)
    ended = stage.athanor(*job.train(place / "run"), before=job.before, cache=cache)
    return stage.compared(job, place / "run", ended)

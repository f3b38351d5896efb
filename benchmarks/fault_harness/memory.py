"""Memory that runs out, injected at every place where it could."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.comparing import digest_of
from benchmarks.fault_harness.injections import Act, at_call, at_phase, only_once, patched, wrapping
from benchmarks.fault_harness.jobs import Job, question_of
from benchmarks.fault_harness.stage import Options, Stage, Verdict, sentence_or_fault, what_was_said

SECTION = "memory"
CALLS_OF_A_STEP = 2
UPDATES_ONCE = "goes on with a warning, each step applied once; or refused in a sentence, and resumed like that"
UPDATE = 3
HALVED_AT_ONCE = ("forward, more than 2 rows",)
# Without room for a copy the state itself is written at once: nothing is lost that one would want to know.
NEEDS_NO_WORD = ("copying the state",)
WEIGHTS = "model/model.safetensors"


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give a place for each way in which memory can be lost."""
    for task in options.tasks:
        job = stage.jobs.of(task, steps=8, save=2, evaluate=4, precision="fp32", average_decay=0.5)
        undisturbed = digest_of(stage.reference(job).run / WEIGHTS)
        right_ones = (undisturbed, *_halved_at(stage, job))
        for kind in ("torch", "python"):
            for name, prepare in _places(kind).items():
                # Halved from the first step on there is nothing to compare with.
                attack = partial(_loses_memory, stage, job, prepare, name, () if name in HALVED_AT_ONCE else right_ones)
                yield Case(SECTION, task, f"{kind}: {name}", "train", UPDATES_ONCE, attack)
            attack = partial(_predicts, stage, job, kind)
            right = "the same answers, or refused in a sentence"
            yield Case(SECTION, task, f"{kind}: in predict", "predict", right, attack)


def _raising(kind: str) -> Act:
    def lost() -> None:
        import torch

        raise torch.OutOfMemoryError("CUDA out of memory (injected)") if kind == "torch" else MemoryError()

    return lost


def _places(kind: str) -> Mapping[str, Callable[[], Act]]:
    """Give for each place how to prepare a child that loses memory there, made anew for each child."""
    lose = _raising(kind)

    def module() -> tuple[Any, str]:
        import torch

        return torch.nn.Module, "to"

    def backward() -> tuple[Any, str]:
        import torch

        return torch.Tensor, "backward"

    def average() -> tuple[Any, str]:
        from infrastructure.training.weight_average import WeightAverage

        return WeightAverage, "update"

    def copy() -> tuple[Any, str]:
        from infrastructure.training.checkpoint_files import CheckpointContent

        return CheckpointContent, "of"

    return {
        "building the model": lambda: at_phase("build")(lose),
        "bringing it to the device": lambda: patched(module, only_once(lose)),
        "forward, more than 2 rows": lambda: _many_rows("loss_sum", 2, lose),
        "forward, any row": lambda: _many_rows("loss_sum", 0, lose),
        "backward": lambda: patched(backward, _at(CALLS_OF_A_STEP * (UPDATE - 1) + 1, lose)),
        "before the update": lambda: _in_update("before", lose),
        "in the middle of the update": lambda: _in_update("middle", lose),
        "behind the update": lambda: _in_update("behind", lose),
        "the average of the weights": lambda: patched(average, _at(UPDATE, lose)),
        "evaluation, more than 2 rows": lambda: _in_evaluation(2, lose),
        "evaluation, any row": lambda: _in_evaluation(0, lose),
        "copying the state": lambda: patched(copy, _at(3, lose)),
        "report": lambda: at_phase("report")(lose),
    }


def _at(number: int, act: Act) -> Act:
    calls = [0]

    def counted() -> None:
        calls[0] += 1
        if calls[0] == number:
            act()

    return counted


def _many_rows(method: str, most: int, lose: Act) -> Act:
    def wrap(real: Any) -> Any:
        def called(model: Any, batch: Any) -> Any:
            if len(next(iter(batch.values()))) > most:
                lose()
            return real(model, batch)

        return called

    return wrapping(method, wrap)


def _in_evaluation(most: int, lose: Act) -> Act:
    def wrap(real: Any) -> Any:
        def evaluation() -> Any:
            made = real()
            ask = made.ask

            def counted(model: Any, batch: Any) -> Any:
                if len(next(iter(batch.values()))) > most:
                    lose()
                return ask(model, batch)

            made.ask = counted
            return made

        return evaluation

    return wrapping("evaluation", wrap)


def _in_update(when: str, lose: Act) -> Act:
    """Lose memory at the third update: before any weight has changed, after some have, after all have."""

    def prepare() -> None:
        from torch.optim import optimizer as library

        counted = _at(UPDATE, lose)

        def hook(optimizer: Any, *_: Any) -> None:
            counted()

        updates = [0]

        def half(optimizer: Any, *_: Any) -> None:
            import torch

            updates[0] += 1
            if updates[0] == UPDATE:
                with torch.no_grad():
                    optimizer.param_groups[0]["params"][0].mul_(1.5)
                lose()

        if when == "behind":
            library.register_optimizer_step_post_hook(hook)
        else:
            library.register_optimizer_step_pre_hook(hook if when == "before" else half)

    return prepare


def _loses_memory(
    stage: Stage, job: Job, prepare: Callable[[], Act], name: str, right_ones: Sequence[str], place: Path
) -> Verdict:
    run = place / "run"
    ended = stage.athanor(*job.train(run), before=(*job.before, prepare()))
    if ended.exit_code == 0 and not ended.fault:
        if "memory" not in ended.stderr and name not in NEEDS_NO_WORD:
            return Verdict("no word of it", "nothing is said of memory")
        return _one_of(right_ones, run, "went on")
    said = sentence_or_fault(ended, naming="memory")
    if said.fault:
        return said
    # The same again: a fault that stays must stay a sentence.
    again = stage.athanor(*stage.words_to_go_on(job, run), before=(*job.before, prepare()))
    if again.exit_code != 0 and (said := sentence_or_fault(again)).fault:
        return Verdict("resume", f"resumed with the same fault: {said.fault}")
    if again.exit_code != 0:
        again = stage.athanor(*stage.words_to_go_on(job, run), before=job.before)
    if again.exit_code != 0 or again.fault:
        return Verdict("resume", f"resumed: {what_was_said(again)}")
    return _one_of(right_ones, run, f"exit {ended.exit_code}, then resumed")


def _one_of(digests: Sequence[str], run: Path, how: str) -> Verdict:
    """Ask for the weights of a run that nobody disturbed, or of one that was halved at the same step."""
    if digests and digest_of(run / WEIGHTS) not in digests:
        return Verdict("other weights", f"{how}: other weights than of a run with each step applied once")
    return Verdict(f"{how}: {'each step applied once' if digests else 'halved'}")


def _halved_at(stage: Stage, job: Job) -> Sequence[str]:
    """Give the weights of the run whose micro-batches are halved from the third step on, before it has changed any.

    A model draws other noise for other micro-batches, so these bytes are right too.
    """
    run = stage.work / "references" / f"halved-{job.task}"
    once = at_call("loss_sum", CALLS_OF_A_STEP * (UPDATE - 1))(_raising("torch"))
    ended = stage.athanor(*job.train(run), before=(*job.before, once))
    return [digest_of(run / WEIGHTS)] if ended.exit_code == 0 else []


def _predicts(stage: Stage, job: Job, kind: str, place: Path) -> Verdict:
    """Lose memory in the first two forward passes of `predict`: it must come back with fewer rows."""
    run, question = stage.reference(job).run, question_of(job, place)

    def prepare() -> None:
        import torch

        passes = [0]

        def hook(module: Any, arguments: Any) -> None:
            passes[0] += 1
            if passes[0] in (1, 2):
                _raising(kind)()

        torch.nn.modules.module.register_module_forward_pre_hook(hook)

    wanted = stage.athanor("predict", run, "--input", question, before=job.before)
    assert wanted.exit_code == 0, wanted.stderr
    ended = stage.athanor("predict", run, "--input", question, before=(*job.before, prepare))
    if ended.exit_code != 0 or ended.fault:
        return sentence_or_fault(ended, naming="memory")
    same = len(ended.stdout.splitlines()) == len(wanted.stdout.splitlines())
    return Verdict("answered" if same else "lost answers", "" if same else "fewer answers than rows")

"""NaN in rows, losses and weights; memory that runs out, injected at every place where it could."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.injections import Act, at_phase, only_once, patched, wrapping
from benchmarks.fault_harness.jobs import Job, question_of
from benchmarks.fault_harness.stage import SAME, Options, Stage, Verdict, sentence_or_fault, what_was_said

SECTION, SECTION_OF_MEMORY = "nan", "memory"
CALLS_OF_A_STEP = 2
GOES_ON = "goes on with a warning"
UPDATES_ONCE = "goes on with a warning, each step applied once; or refused in a sentence, and resumed like that"
# Two sums in another order differ by less; a step that is applied twice differs by the learning rate.
MEAN_DIFFERENCE = 2e-5


def cases(stage: Stage, options: Options) -> Iterator[Case]:
    """Give NaN at single steps, for a while and for ever."""
    for task in options.tasks:
        job = stage.jobs.of(task, steps=12, save=2, evaluate=4)
        last = CALLS_OF_A_STEP * 12
        for group, calls, warning in (
            ("NaN at one step", {7}, "was dropped"),
            ("inf and NaN at three steps in a row", set(range(8, 14)), "back from step"),
        ):
            attack = partial(_survives, stage, job, calls, warning)
            yield Case(SECTION, task, group, "train", f"{GOES_ON}: {warning}", attack)
        for group, calls in (("NaN from a step on", set(range(9, 9 + 9 * last))), ("NaN always", set(range(9 * last)))):
            right = "exit 1 in a sentence that names learning_rate; a resume without NaN ends well or in a sentence"
            yield Case(SECTION, task, group, "train", right, partial(_diverges, stage, job, calls))
    yield from _weights(stage, options)


def losses(calls: set[int]) -> Act:
    """Prepare a child in which these calls of the loss give NaN."""
    number = [-1]

    def wrap(real: Any) -> Any:
        def loss_sum(*words: Any, **named: Any) -> Any:
            number[0] += 1
            return real(*words, **named) * (float("nan") if number[0] in calls else 1.0)

        return loss_sum

    return wrapping("loss_sum", wrap)


def _survives(stage: Stage, job: Job, calls: set[int], warning: str, place: Path) -> Verdict:
    ended = stage.athanor(*job.train(place / "run"), before=(*job.before, losses(calls)))
    if ended.exit_code != 0 or ended.fault:
        return Verdict(f"exit {ended.exit_code}", what_was_said(ended))
    if warning not in ended.stderr:
        return Verdict("no word of it", f"{warning!r} is not said")
    return Verdict(GOES_ON)


def _diverges(stage: Stage, job: Job, calls: set[int], place: Path) -> Verdict:
    ended = stage.athanor(*job.train(place / "run"), before=(*job.before, losses(calls)))
    said = sentence_or_fault(ended, codes=(1,), naming="learning_rate")
    if said.fault:
        return said
    again = stage.athanor("resume", place / "run", before=job.before)
    if again.fault or again.exit_code not in (0, 1, 2):
        return Verdict("resume", f"resume: {what_was_said(again)}")
    return Verdict(f"exit 1, then exit {again.exit_code}")


def _weights(stage: Stage, options: Options) -> Iterator[Case]:
    """Give models whose weights hold NaN before training begins, as a directory to go on from."""
    for task in options.tasks:
        job = stage.jobs.of(task, steps=2, save=2, evaluate=2)
        stage.reference(job)
        right = "refused in a sentence, or exit 1: never a finished model of NaN"
        yield Case(SECTION, task, "NaN in the weights of --model DIR", "train", right, partial(_nan_model, stage, job))


def _nan_model(stage: Stage, job: Job, place: Path) -> Verdict:
    model = place / "model"
    shutil.copytree(stage.reference(job).run / "model", model)
    ended = stage.run(partial(_spoil, model / "model.safetensors"))
    assert ended.exit_code == 0, ended.stderr
    kept = ("vocab_size", "tokenizer")  # a pretrained model has them already
    settings = {name: value for name, value in job.settings if name not in kept}
    ended = stage.athanor(
        *Job(job.task, job.data, tuple({**settings, "model_name": str(model)}.items())).train(place / "run")
    )
    return sentence_or_fault(ended)


def _spoil(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    for tensor in tensors.values():
        if tensor.is_floating_point():
            tensor.view(-1)[0] = float("nan")
    save_file(tensors, path, metadata={"format": "pt"})


# Memory


def cases_of_memory(stage: Stage, options: Options) -> Iterator[Case]:
    """Give a place for each way in which memory can be lost."""
    for task in options.tasks:
        job = stage.jobs.of(task, steps=8, save=2, evaluate=4, precision="fp32", average_decay=0.5)
        stage.reference(job)
        for kind in ("torch", "python"):
            for name, prepare in _places(kind).items():
                attack = partial(_loses_memory, stage, job, prepare)
                yield Case(SECTION_OF_MEMORY, task, f"{kind}: {name}", "train", UPDATES_ONCE, attack)
            attack = partial(_predicts, stage, job, kind)
            right = "the same answers, or refused in a sentence"
            yield Case(SECTION_OF_MEMORY, task, f"{kind}: in predict", "predict", right, attack)


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
        "backward": lambda: patched(backward, _at(5, lose)),
        "before the update": lambda: _in_update("before", lose),
        "in the middle of the update": lambda: _in_update("middle", lose),
        "behind the update": lambda: _in_update("behind", lose),
        "the average of the weights": lambda: patched(average, _at(3, lose)),
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
            add = made.add

            def counted(model: Any, batch: Any) -> None:
                if len(next(iter(batch.values()))) > most:
                    lose()
                add(model, batch)

            made.add = counted
            return made

        return evaluation

    return wrapping("evaluation", wrap)


def _in_update(when: str, lose: Act) -> Act:
    """Lose memory at the third update: before any weight has changed, after some have, after all have."""

    def prepare() -> None:
        from torch.optim import optimizer as library

        counted = _at(3, lose)

        def hook(optimizer: Any, *_: Any) -> None:
            counted()

        def half(optimizer: Any, *_: Any) -> None:
            import torch

            def change() -> None:
                weights = optimizer.param_groups[0]["params"][0]
                with torch.no_grad():
                    weights.mul_(1.5)
                lose()

            middle(change)

        turns = [0]

        def middle(change: Act) -> None:
            turns[0] += 1
            if turns[0] == 3:
                change()

        if when == "behind":
            library.register_optimizer_step_post_hook(hook)
        else:
            library.register_optimizer_step_pre_hook(hook if when == "before" else half)

    return prepare


def _loses_memory(stage: Stage, job: Job, prepare: Callable[[], Act], place: Path) -> Verdict:
    run = place / "run"
    ended = stage.athanor(*job.train(run), before=(*job.before, prepare()))
    if ended.exit_code == 0 and not ended.fault:
        if "memory" not in ended.stderr:
            return Verdict("no word of it", "nothing is said of memory")
        return _close_enough(stage, job, run, "went on")
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
    return _close_enough(stage, job, run, f"exit {ended.exit_code}, then resumed")


def _close_enough(stage: Stage, job: Job, run: Path, how: str) -> Verdict:
    """Ask for the weights of the undisturbed run: to the bit, or to what another order of sums makes of them."""
    report = run.parent / "difference.json"
    reference = stage.reference(job).run / "model/model.safetensors"
    ended = stage.run(partial(_compare, reference, run / "model/model.safetensors", report))
    assert ended.exit_code == 0, ended.stderr
    difference = json.loads(report.read_text(encoding="utf-8"))
    if difference > MEAN_DIFFERENCE:
        return Verdict("other weights", f"{how}: the weights differ by {difference:.1e} on average: a step too many?")
    return Verdict(f"{how}: {SAME if difference == 0 else 'weights equal but for rounding'}")


def _compare(reference: Path, path: Path, report: Path) -> None:
    from safetensors.torch import load_file

    wanted, got = load_file(reference), load_file(path)
    total = sum(float((got[name].double() - tensor.double()).abs().sum()) for name, tensor in wanted.items())
    count = sum(tensor.numel() for tensor in wanted.values())
    report.write_text(json.dumps(total / count), encoding="utf-8")


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

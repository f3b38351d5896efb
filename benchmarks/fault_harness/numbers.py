"""NaN in losses and in weights."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fault_harness.cases import Case
from benchmarks.fault_harness.injections import Act, wrapping
from benchmarks.fault_harness.jobs import Job
from benchmarks.fault_harness.stage import Options, Stage, Verdict, sentence_or_fault, what_was_said

SECTION = "nan"
CALLS_OF_A_STEP = 2
BAD_ROW = 37
GOES_ON = "goes on with a warning"


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
    for part, said in (("training", "StepDropped"), ("evaluation", "Warned")):
        right = f"{GOES_ON} that names the row"
        attack = partial(_in_a_row, stage, part, said)
        yield Case(SECTION, "library", f"NaN in one row of {part}", "AdvancedTrainer", right, attack)


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


def _in_a_row(stage: Stage, part: str, said: str, place: Path) -> Verdict:
    ended = stage.run(partial(_train_a_net, part, place / "run"))
    if ended.exit_code != 0 or ended.fault:
        return Verdict(f"exit {ended.exit_code}", what_was_said(ended))
    told = [line for line in ended.stdout.splitlines() if line.startswith(said) and str(BAD_ROW) in line]
    return Verdict(GOES_ON if told else "no word of the row", "" if told else f"no {said} names row {BAD_ROW}")


def _train_a_net(part: str, output: Path) -> None:
    """Train a net that gives NaN for the input 100; prints every event but those of plain steps."""
    import torch
    from torch import Tensor, nn

    from domain.events import Event, StepCompleted
    from infrastructure.training import AdvancedTrainer

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Linear(1, 8), nn.Linear(8, 1)

        def forward(self, x: Tensor) -> Tensor:
            given: Tensor = self.b(torch.tanh(self.a(x.clamp(-3, 3))))
            return given * torch.where(x > 50, float("nan"), 1.0)

    class Told:
        def notify(self, event: Event) -> None:
            if not isinstance(event, StepCompleted):
                print(type(event).__name__, event)

        def stop_requested(self) -> str:
            return ""

    def rows(number: int, is_bad: bool) -> list[tuple[Tensor, Tensor]]:
        inputs = torch.linspace(-1, 1, number)[:, None].clone()
        if is_bad:
            inputs[BAD_ROW] = 100.0
        return [(x, x.clamp(-1, 1) ** 2) for x in inputs]

    AdvancedTrainer(
        Net(),
        rows(64, part == "training"),
        rows(40, part == "evaluation"),
        output,
        loss_function=nn.functional.mse_loss,
        monitor=Told(),
        num_epochs=2,
        batch_size=8,
        precision="fp32",
    ).train()

"""The same kills against `transformers.Trainer`: does a run that was killed come back, with the same bytes?"""

import hashlib
import random
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.fault_harness.cases import Case, Skipped
from benchmarks.fault_harness.children import Body, Ended
from benchmarks.fault_harness.disk import KILL, TORN, WRITES, Disk, Fault, recorded, tear
from benchmarks.fault_harness.kills import chain
from benchmarks.fault_harness.stage import SAME, Options, Stage, Verdict, what_was_said
from benchmarks.fault_harness.writes import killed

SECTION = "peer"
STEPS, SAVE = 24, 2
KILLS_OF_A_CHAIN = 5
OURS, THEIRS = "Athanor", "transformers.Trainer"


def cases(stage: Stage, options: Options) -> Iterator[Case | Skipped]:
    """Give both sides random kills, and kills at every so many changes while they save."""
    if find_spec("accelerate") is None:
        yield Skipped(SECTION, "transformers.Trainer needs accelerate: pip install -e '.[bench]'")
        return
    theirs = _Trainer(stage)
    job = stage.jobs.of("text_classification", steps=STEPS, save=SAVE, evaluate=SAVE, early_stopping_patience=100)
    ours = [c for c in stage.reference(job).changes if "step-" in c.path]
    for first in range(0, options.kills, KILLS_OF_A_CHAIN):
        kills = min(KILLS_OF_A_CHAIN, options.kills - first)
        seed = f"{options.seed} {first}"
        group = "SIGKILL at random instants"
        yield Case(SECTION, OURS, group, f"from-{first}", SAME, partial(chain, stage, job, kills, seed))
        yield Case(SECTION, THEIRS, group, f"from-{first}", SAME, partial(theirs.chain, kills, seed))
    group = "SIGKILL during a save"
    for change in ours[:: options.writes]:
        for what in (KILL, *([TORN] if change.operation in WRITES else [])):
            attack = partial(killed, stage, job, "run", Fault(change, what))
            yield Case(SECTION, OURS, f"{group}{', torn' if what == TORN else ''}", str(change), SAME, attack)
    for change in theirs.changes[:: options.writes]:
        for what in (KILL, *([TORN] if change.operation in WRITES else [])):
            attack = partial(theirs.killed_at, Fault(change, what))
            yield Case(SECTION, THEIRS, f"{group}{', torn' if what == TORN else ''}", str(change), SAME, attack)


class _Trainer:
    """Trains the presets' encoder on the same rows with `transformers.Trainer`, resumed as its documentation says."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        place = stage.work / "references" / "trainer"
        record = place / "changes"
        for disk in ((), (Disk(place / "run", record=record),)):
            shutil.rmtree(place / "run", ignore_errors=True)
            ended = self._run(place / "run", *disk)
            assert ended.exit_code == 0, ended.stderr
            self._wanted = self._bytes_of(place / "run")
            self.seconds = ended.seconds
        self.changes = [change for change in recorded(record) if "checkpoint-" in change.path]

    def chain(self, kills: int, seed: str, place: Path) -> Verdict:
        """Kill one run so many times, then let it end and compare."""
        instants, done, runs = random.Random(seed), 0, 1
        run = place / "run"
        while done < kills:
            child = self._stage.start(partial(_train, self._stage, run))
            if not child.wait(instants.uniform(0.03, self.seconds * instants.choice((0.4, 0.6, 1.0)))):
                child.send(signal.SIGKILL)
            ended = child.ended()
            if ended.exit_code == -signal.SIGKILL:
                done += 1
            elif ended.exit_code != 0:
                return Verdict("does not come back", f"resume {what_was_said(ended)}", kills)
            else:
                runs += 1
                run = place / f"run-{runs}"
        return self._compared(run, kills)

    def killed_at(self, fault: Fault, place: Path) -> Verdict:
        """Die at a change, go on, compare."""
        ended = self._run(place / "run", Disk(place / "run", fault))
        if ended.exit_code != -signal.SIGKILL:
            return Verdict("not met", what_was_said(ended) if ended.exit_code else "")
        return self._compared(place / "run", 1)

    def _compared(self, run: Path, tries: int) -> Verdict:
        ended = self._run(run)
        if ended.exit_code != 0:
            return Verdict("does not come back", f"resume {what_was_said(ended)}", tries)
        same = self._bytes_of(run) == self._wanted
        return Verdict(SAME if same else "other bytes", "" if same else "other bytes in model.safetensors", tries)

    def _run(self, run: Path, *disks: Disk) -> Ended:
        def body() -> None:
            for disk in disks:
                disk()
                _watch_torch(disk)
            _train(self._stage, run)

        as_body: Body = body
        return self._stage.run(as_body)

    @staticmethod
    def _bytes_of(run: Path) -> str:
        return hashlib.sha256((run / "final" / "model.safetensors").read_bytes()).hexdigest()


def _train(stage: Stage, run: Path) -> None:
    """Train in this process; goes on from the newest checkpoint that the library finds."""
    import torch
    from transformers import Trainer, TrainingArguments
    from transformers.trainer_utils import get_last_checkpoint

    from infrastructure.models.factory import CLASSIFIER
    from infrastructure.models.presets import ENCODERS, encoder_config
    from infrastructure.models.pretrained import new_model
    from infrastructure.models.tokenizer import train_tokenizer

    data = stage.jobs.of("text_classification").data
    assert data is not None
    rows = _rows(data)
    tokenizer: Any = train_tokenizer([row["text"] for row in rows], 400, lowercase=True, seed=3)
    labels = tuple(sorted({row["label"] for row in rows}))
    torch.manual_seed(3)
    model = new_model(CLASSIFIER, encoder_config(ENCODERS["encoder-tiny"], tokenizer, labels, 48))
    as_tokens = partial(tokenizer, truncation=True, max_length=48, padding="max_length")
    encoded: Any = [{**as_tokens(row["text"]), "labels": labels.index(row["label"])} for row in rows]
    arguments: Any = TrainingArguments(
        output_dir=str(run),
        max_steps=STEPS,
        save_steps=SAVE,
        per_device_train_batch_size=8,
        gradient_accumulation_steps=2,
        save_total_limit=3,
        use_cpu=True,
        logging_steps=1,
        report_to=[],
        disable_tqdm=True,
        seed=3,
    )
    last = get_last_checkpoint(str(run)) if run.is_dir() else None
    trainer = Trainer(model, arguments, train_dataset=encoded)
    trainer.train(resume_from_checkpoint=last)
    trainer.save_model(str(run / "final"))


def _watch_torch(disk: Disk) -> None:
    """Count what torch writes by itself, as the peer has it write optimizer and scheduler."""
    import torch

    library: Any = torch
    real = library.save

    def save(state: Any, path: Any, *rest: Any, **named: Any) -> None:
        torn = disk.meet("serialize", path)
        real(state, path, *rest, **named)
        if torn:
            tear(path)

    library.save = save


def _rows(path: Path) -> list[dict[str, str]]:
    import json

    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

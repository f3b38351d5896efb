"""Small text and pairs, and models that learn to write from them in a second."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from application.training_request import TrainModelRequest
from infrastructure.data.chats.loading import SplitChats
from infrastructure.data.text.loading import SplitPairs, SplitText
from infrastructure.models.bundle import ModelBundle
from infrastructure.tasks.adapter import TaskAdapter
from infrastructure.tasks.masked.adapter import MASK_SHARE
from infrastructure.tasks.masked.finished import masking_of
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.writing.decoder_adapter import CausalLanguageModeling
from infrastructure.tasks.writing.encoder_decoder_adapter import SequenceToSequence

PRESETS: Mapping[str, str] = {
    "language_modeling": "decoder-tiny",
    "code_generation": "decoder-tiny",
    "instruction_tuning": "decoder-tiny",
    "sequence_to_sequence": "seq2seq-tiny",
}
TEXT_TASKS = tuple(PRESETS)
MASKED = "masked_language_modeling"
NAMES = ("load", "count", "merge", "split", "parse", "write", "total", "first")
THINGS = ("rows", "words", "files", "lines", "numbers")


def pairs(count: int = 86) -> list[dict[str, str]]:
    """Describe functions of 1 to 7 lines and spell them out; the same everywhere."""
    made = []
    for number in range(count):
        name, thing = NAMES[number % 8], THINGS[number * 3 % 5]
        lines = [f"    {thing}{k} = {name}({thing}, {number * k % 17})" for k in range(number % 7)]
        code = "\n".join([f"def {name}_{thing}_{number}({thing}):", *lines, f"    return {thing}"])
        made.append({"source": f"{name} the {thing} of {number}" + " again" * (number % 4), "target": code})
    return made


def documents(count: int = 86) -> list[dict[str, str]]:
    """Write documents of 20 to 250 characters; the same everywhere."""
    return [{"text": f"{pair['source']}.\n{pair['target']}\n"} for pair in pairs(count)]


def chats(count: int = 86) -> list[dict[str, list[dict[str, str]]]]:
    """Ask for those functions, in chats of one to three exchanges; the same everywhere."""
    made, known = [], pairs(count)
    for number in range(count):
        turns = [("system", "Answer with code.")] if number % 3 == 0 else []
        for pair in (known[number], *known[: number % 3]):
            turns += [("user", pair["source"]), ("assistant", pair["target"].splitlines()[-1].strip())]
        made.append({"messages": [{"role": role, "content": content} for role, content in turns]})
    return made


def file_for(task: str, directory: Path, count: int = 86) -> Path:
    """Write the data of a task."""
    if task in ("language_modeling", MASKED):
        return written(directory / "documents.jsonl", documents(count))
    if task == "instruction_tuning":
        return written(directory / "chats.jsonl", chats(count))
    names = {"source": "description", "target": "code"} if task == "code_generation" else {}
    rows = [{names.get(name, name): text for name, text in pair.items()} for pair in pairs(count)]
    return written(directory / "pairs.jsonl", rows)


def written(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def request(task: str, directory: Path, **changes: Any) -> TrainModelRequest:
    """Ask for a tiny preset on a small file, without samples, which would take most of the time."""
    settings = {
        "model_name": PRESETS.get(task, "encoder-tiny"),
        "vocab_size": 330,
        "max_length": 96,
        "precision": "fp32",
    }
    if task != MASKED:
        settings["sample_rows"] = 0
    path = changes.pop("dataset_path", None) or str(file_for(task, directory))
    return TrainModelRequest(task=task, dataset_path=path, **{**settings, **changes})


@dataclass(frozen=True)
class Ready:
    """A task with its data and model, as a run would put them together."""

    task: str
    bundle: ModelBundle
    train: Any
    evaluation: Any
    prepared: TaskAdapter
    card: Mapping[str, Any]
    data: SplitText | SplitPairs | SplitChats

    @property
    def model(self) -> Any:
        return self.bundle.model

    @property
    def tokenizer(self) -> Any:
        return self.bundle.tokenizer

    def adapter(self, pack_to: int = 0, **settings: Any) -> Any:
        """Give the task's adapter with other settings, and without samples."""
        pad = self.tokenizer.pad_token_id
        if self.task == MASKED:
            return masking_of(self.tokenizer, MASK_SHARE, packs=pack_to > 0, **settings)
        if self.task == "sequence_to_sequence":
            return SequenceToSequence(pad, int(self.card["start_token_id"]), pack_to=pack_to, **settings)
        start = self.tokenizer.bos_token_id if self.task == "language_modeling" else None
        return CausalLanguageModeling(pad, bos_token_id=start, pack_to=pack_to, **settings)


def ready(task: str, directory: Path, **changes: Any) -> Ready:
    """Load, build and prepare as the workshop does."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = request(task, directory, **changes).resolved()
    kind = kind_of(task)
    data: Any = kind.load(wanted)
    bundle = kind.build(wanted, data, directory / "no tokenizer kept")
    prepared = kind.prepare(wanted, bundle, data)
    return Ready(task, bundle, prepared.train, prepared.evaluation, prepared.adapter, prepared.card, data)

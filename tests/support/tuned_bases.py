"""Models that somebody may want to tune, and what is typed for them."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.adapted import base_of
from tests.support.command_line import athanor
from tests.support.finished_models import edit
from tests.support.refusals import lines, written
from tests.support.tiny_text import documents, pairs

LABELLED = [{"text": f"{word} number {n}", "label": of} for n in range(8) for word, of in (("yes", "a"), ("no", "b"))]
CODE = [{"description": pair["source"], "code": pair["target"]} for pair in pairs(24)]


@dataclass(frozen=True)
class Bases:
    """Directories of models that somebody else has trained, and of one adapter beside the first of them."""

    bert: Path
    llama: Path
    bart: Path
    gpt2: Path
    adapter: Path
    filler: Path

    def copied(self, name: str, tmp: Path, *without: str) -> Path:
        """Copy one, leaving out files whose names begin so."""
        directory = tmp / name
        shutil.copytree(getattr(self, name), directory)
        for file in [file for file in directory.iterdir() if file.name.startswith(without)] if without else []:
            file.unlink()
        return directory


@dataclass(frozen=True)
class Bench:
    """Bases, and a directory to try them in; gives what is typed behind `train`."""

    bases: Bases
    tmp: Path

    def labels(self, *words: object) -> list[object]:
        """Tell labels apart."""
        return ["--task", "text_classification", "--dataset", data_in(self.tmp)["labelled"], *words]

    def code(self, *words: object) -> list[object]:
        """Write code."""
        return ["--task", "code_generation", "--dataset", data_in(self.tmp)["code"], *words]

    def gaps(self, *words: object) -> list[object]:
        """Fill gaps."""
        return ["--task", "masked_language_modeling", "--dataset", data_in(self.tmp)["texts"], *words]

    def without(self, name: str, *files: str) -> list[object]:
        """Tell labels apart with a base that lacks files."""
        return self.labels("--model", self.bases.copied(name, self.tmp, *files))

    def adapter(self, **changes: object) -> list[object]:
        """Tell labels apart with an adapter whose settings are changed."""
        directory = self.bases.copied("adapter", self.tmp)
        edit(directory / "adapter_config.json", lambda known: {**known, **changes})
        return self.labels("--model", directory)


def bases_in(tmp: Path) -> Bases:
    """Save each, and train the two that are ours for a step."""
    made = {name: base_of(name, tmp / name) for name in ("bert", "llama", "bart")}
    made["gpt2"] = base_of("gpt2", tmp / "gpt2", n_positions=32)
    rows, texts = data_in(tmp)["labelled"], data_in(tmp)["texts"]
    quick = ("--epochs", 1, "--max-length", 32, "--precision", "fp32", *settings("max_steps=1"))
    adapted = settings("adapter=lora", "adapter_rank=2", "merge_adapter=false")
    for words in (
        ("text_classification", "--dataset", rows, "--model", made["bert"], *adapted, "--output", tmp / "adapted"),
        ("masked_language_modeling", "--dataset", texts, "--model", "encoder-tiny", "--output", tmp / "filler"),
    ):
        answer = athanor("train", "--task", *words, *quick)
        assert answer.exit_code == 0, answer.stderr
    return Bases(**made, adapter=tmp / "adapted" / "model", filler=tmp / "filler" / "model")


def data_in(tmp: Path) -> dict[str, Path]:
    """Write rows for each kind of text task."""
    return {
        "labelled": written(tmp / "labelled.json", LABELLED),
        "code": written(tmp / "code.jsonl", lines(CODE)),
        "texts": written(tmp / "texts.txt", "".join(document["text"] for document in documents(30))),
    }


def settings(*words: str) -> list[object]:
    return [part for word in words for part in ("--set", word)]

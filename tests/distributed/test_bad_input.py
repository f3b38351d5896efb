"""What goes wrong before several processes compute anything: one sentence of one of them, and a way out."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from infrastructure import environment
from tests.support.command_line import athanor
from tests.support.ranks import in_ranks

ROWS = [{"text": f"{word} number {n}", "label": label} for n in range(8) for word, label in (("yes", "a"), ("no", "b"))]
TINY = ("--task", "text_classification", "--model", "encoder-tiny", "--set", "vocab_size=300", "--precision", "fp32")
TRAIN = ("train", "--dataset", "rows.json", *TINY, "--epochs", "1", "--batch-size", "8", "--output", "run")
BAD_INPUT = 2


@dataclass(frozen=True)
class Case:
    """Words of a command, those of rank 1 where they differ, what stands around it for each rank, and what is said."""

    words: Sequence[str]
    said: Sequence[str]
    words_of_second: Sequence[str] = ()
    places: Callable[[Path], Sequence[Path]] = lambda tmp: (tmp, tmp)
    files: Mapping[str, Any] = field(default_factory=lambda: {"rows.json": ROWS})
    torch_of_second: str = ""


def apart(**files: Any) -> Callable[[Path], Sequence[Path]]:
    """Give rank 1 a place of its own, as a machine has that shares no disk, with other files where some are named."""

    def places(tmp: Path) -> Sequence[Path]:
        other = tmp / "other"
        write(other, {"rows.json": ROWS, **{f"{name}.json": content for name, content in files.items()}})
        return tmp, other

    return places


def write(place: Path, files: Mapping[str, Any]) -> None:
    place.mkdir(exist_ok=True)
    for name, content in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(json.dumps(content))


BAD_ROW = [*ROWS[:-1], {"text": "without a label"}]
CASES = {
    "fewer rows in a step than ranks": Case(
        (*TRAIN, "--batch-size", "1"), ("= 1 rows, which 2 ranks cannot share", "Use batch_size=2 or more")
    ),
    "one process asked for": Case(
        (*TRAIN, "--set", "parallel=single"),
        ("parallel is single, but torchrun started 2 processes", "Use parallel auto"),
    ),
    "all GPUs of one process asked for": Case(
        (*TRAIN, "--set", "data_parallel=true"),
        ("parallel is data_parallel, but torchrun started 2", "Use parallel auto"),
    ),
    "what cannot be measured in parts": Case(
        (*TRAIN, "--set", "parallel=fsdp", "--batch-size", "auto"),
        ("batch_size auto cannot be measured with parallel fsdp", "Give a number"),
    ),
    "another setting on one node": Case(
        TRAIN, ("rank 1 has other settings than rank 0", "with one run file"), words_of_second=(*TRAIN, "--seed", "1")
    ),
    "another version on one node": Case(
        TRAIN, ("rank 1 runs torch 1.0, and rank 0 torch ", "Install the same versions"), torch_of_second="1.0"
    ),
    "other rows on one node": Case(
        (*TRAIN[:-1], "{tmp}/run"),
        ("rank 1 has other training rows than rank 0", "Give all machines the same data file"),
        places=apart(rows=[{**row, "text": f"{row['text']} more"} for row in ROWS]),
    ),
    "a bad row on one node": Case(
        (*TRAIN[:-1], "{tmp}/run"), ("rows.json:1: field 'label' is missing", "Add it"), places=apart(rows=BAD_ROW)
    ),
    "a run directory that one node does not see": Case(
        TRAIN, ("run is not there for rank 1", "--output", "all machines share"), places=apart()
    ),
    "a bad row for all": Case(TRAIN, ("rows.json:1: field 'label' is missing", "Add it"), files={"rows.json": BAD_ROW}),
    "no file for all": Case(TRAIN, ("rows.json does not exist", "Check the path"), files={}),
    "an output that holds a run": Case(
        TRAIN, ("run holds a run already", "athanor resume run"), files={"rows.json": ROWS, "run/run.yaml": {}}
    ),
}


def called(words: Sequence[Sequence[str]], places: Sequence[str], torch_of_second: str) -> dict[str, Any]:
    """Call the command line in one of the ranks."""
    rank = int(os.environ["RANK"])
    os.chdir(places[rank])
    theirs = {"torch": torch_of_second} if rank and torch_of_second else {}
    versions = {**environment.versions(), **theirs}
    with patch.object(environment, "versions", lambda: versions):
        answer = athanor(*words[rank])
    return {"exit_code": answer.exit_code, "stdout": answer.stdout, "stderr": answer.stderr}


@pytest.mark.parametrize("name", CASES)
def test_it_is_said_once_with_a_way_out(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    write(tmp_path, case.files)
    places = [str(place) for place in case.places(tmp_path)]
    first, second = (
        [word.format(tmp=tmp_path) for word in words] for words in (case.words, case.words_of_second or case.words)
    )
    answers = in_ranks(
        2,
        called,
        tmp_path / "answers",
        words=[first, second],
        places=places,
        torch_of_second=case.torch_of_second,
    )
    told = [line for answer in answers for line in answer["stderr"].splitlines() if line.startswith("error: ")]
    assert len(told) == 1, answers
    assert [part for part in case.said if part not in told[0]] == [], told
    speaking = next(answer for answer in answers if "error: " in answer["stderr"])
    assert speaking["exit_code"] == BAD_INPUT
    assert all(answer["exit_code"] for answer in answers)
    assert [answer["stdout"] for answer in answers] == ["", ""]
    assert "Traceback" not in "".join(answer["stderr"] for answer in answers)
    assert not list(tmp_path.rglob("model.safetensors"))


def test_one_json_object_is_printed_by_all_together(tmp_path: Path) -> None:
    write(tmp_path, {"rows.json": ROWS})
    words = [*TRAIN, "--json"]
    answers = in_ranks(
        2, called, tmp_path / "answers", words=[words] * 2, places=[str(tmp_path)] * 2, torch_of_second=""
    )
    assert [answer["exit_code"] for answer in answers] == [0, 0], answers
    assert json.loads(answers[0]["stdout"])["success"]
    assert answers[1]["stdout"] == ""

"""The call of torchrun that `athanor launch` prints and becomes, and the words that it refuses."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.launch import Launch, num_cores
from infrastructure.runs.launched_run import name_of_launch
from presentation.cli.commands import launch
from presentation.cli.launching import launch_call
from tests.support.command_line import athanor

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ("train", "--dataset", "my rows.json", "--set", "device=cpu")


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Take note of what the process would become, in a directory with rows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    called: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda *call: called.append(call))
    return called


def option(words: Any, name: str) -> str:
    return str(words[words.index(name) + 1])


def test_it_prints_one_line_and_becomes_what_that_line_says(become: list[Any]) -> None:
    answer = athanor("launch", "--devices", 2, "--max-restarts", 3, *TRAIN)
    assert (answer.exit_code, answer.stdout) == (0, "")
    ((program, words, environment),) = become
    (line,) = answer.stderr.splitlines()
    variable, *printed = shlex.split(line)
    assert (program, tuple(printed)) == (sys.executable, words)
    assert variable == f"OMP_NUM_THREADS={environment['OMP_NUM_THREADS']}"
    assert environment["PATH"] == os.environ["PATH"]
    assert words[-len(TRAIN) :] == TRAIN
    assert (option(words, "--nproc-per-node"), option(words, "--max-restarts")) == ("2", "3")
    assert "--standalone" in words


def test_processes_share_the_cores_unless_their_threads_are_said() -> None:
    assert launch_call(TRAIN, 1, environment={}).variables == {"OMP_NUM_THREADS": str(num_cores())}
    assert launch_call(TRAIN, 1000, environment={}).variables == {"OMP_NUM_THREADS": "1"}
    assert launch_call(TRAIN, 2, environment={"OMP_NUM_THREADS": "3"}).variables == {}


def test_nodes_meet_under_one_name_which_other_runs_do_not_have() -> None:
    def name(*words: str, rendezvous: str = "node0:29400", **environment: str) -> str:
        call = launch_call(words, 8, 2, rendezvous, environment=environment)
        assert (option(call.words, "--nnodes"), option(call.words, "--rdzv-endpoint")) == ("2", rendezvous)
        assert option(call.words, "--rdzv-backend") == "c10d"
        return option(call.words, "--rdzv-id")

    assert name(*TRAIN) == name(*TRAIN)
    assert len({name(*TRAIN), name(*TRAIN, "--seed", "1"), name(*TRAIN, rendezvous="node1:29400")}) == 3
    assert name(*TRAIN, SLURM_JOB_ID="4711") == "4711"


def test_a_run_has_the_name_that_torchrun_was_given_or_that_of_its_agent() -> None:
    assert name_of_launch(Launch(name="4711", size=4, local_size=2, is_by_torchrun=True)) == "4711"
    began, agent = name_of_launch(Launch(is_by_torchrun=True)).split("-")
    assert (int(began, 16) > 0, int(agent, 16)) == (True, os.getppid())


REFUSED: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = {
    "nothing to launch": ((), ("no command is given", "athanor launch --devices 2 train")),
    "no number": (("--devices", "two", *TRAIN), ("--devices is 'two'", "Write, for example, --devices 2")),
    "no device": (("--devices", 0, *TRAIN), ("--devices is '0'", "at least 1")),
    "fewer restarts than none": (("--devices", 2, "--max-restarts", "-1", *TRAIN), ("at least 0",)),
    "a command for one process": (("--devices", 2, "verify-resume"), ("'verify-resume' is not launched", "train and")),
    "a typo in a command": (("--devices", 2, "trian"), ("'trian' is not launched", "train and resume")),
    "a typo in an option": (("--devices", 2, "train", "--epcohs", 3), ("'--epcohs'", "Did you mean '--epochs'")),
    "an option of launch behind the command": (("train", "--devices", 2), ("athanor launch --devices N train ...",)),
    "another one": ((*TRAIN, "--max-restarts", 3), ("'--max-restarts' is an option of launch", "stands before train")),
    "a typo in a setting": (("--devices", 2, "train", "--set", "sede=3"), ("'sede' is not known", "'seed'")),
    "one process for many": (("--devices", 2, *TRAIN, "--set", "parallel=single"), ("parallel is single", "at auto")),
    "nodes that meet nowhere": (("--devices", 2, "--nodes", 2, *TRAIN), ("--rendezvous is not given", "node0:29400")),
    "a meeting without a port": (
        ("--devices", 2, "--nodes", 2, "--rendezvous", "node0", *TRAIN),
        ("'node0', which is no HOST:PORT", "Give on each node"),
    ),
    "a meeting of one": (("--devices", 2, "--rendezvous", "node0:1", *TRAIN), ("there is one", "--nodes")),
    "no run": (("--devices", 2, "resume", "none"), ("none holds no run", "Name a run directory")),
    "no run file": (("--devices", 2, "train", "--config", "none.yaml"), ("none.yaml does not exist", "Check")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_words_are_one_sentence_before_anything_is_started(case: str, become: list[Any]) -> None:
    words, said = REFUSED[case]
    answer = athanor("launch", *words)
    assert (answer.exit_code, answer.stdout, become) == (2, "", [])
    (line,) = answer.stderr.splitlines()
    assert [part for part in said if part not in line] == [], line


def test_words_are_refused_and_help_is_given_without_torch() -> None:
    program = """
import sys
from presentation.cli.command_line import cli
for words in (["launch", "--help"], ["launch", "--devices", "0", "train"], ["launch", "--devices", "2", "trian"]):
    try:
        cli(words, standalone_mode=False)
    except Exception:
        pass
print({"torch", "transformers"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_devices_are_all_gpus_and_no_more(become: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_num_gpus", lambda: 4)
    assert athanor("launch", "train").exit_code == 0
    assert option(become[0][1], "--nproc-per-node") == "4"
    refused = athanor("launch", "--devices", 5, "train")
    assert (refused.exit_code, len(become)) == (2, 1)
    assert "--devices is 5, but this machine has 4 GPUs. Use --devices 4" in refused.stderr
    monkeypatch.setattr(launch, "_num_gpus", lambda: 0)
    none = athanor("launch", "train")
    assert (none.exit_code, len(become)) == (2, 1)
    assert f"share the {num_cores()} cores, such as --devices 2" in none.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "run", "--dataset", "rows.json"),
        ("predict", "run", "--input", "rows.json"),
        ("scan", "."),
        ("backtest", "run"),
        ("verify-resume",),
        ("launch", "--devices", 2, *TRAIN),
    ],
    ids=str,
)
def test_what_is_the_work_of_one_process_is_refused_by_several_and_said_by_the_first(
    words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for rank in ("0", "1"):
        for name, value in {"RANK": rank, "WORLD_SIZE": "2", "LOCAL_RANK": rank}.items():
            monkeypatch.setenv(name, value)
        answer = athanor(*words)
        assert (answer.exit_code, answer.stdout) == (2, "")
        told.append(answer.stderr)
    assert told[0].startswith(
        f"error: `athanor {words[0]}` is the work of one process, but torchrun started 2. Start it"
    )
    assert told[1] == ""

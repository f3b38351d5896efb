"""The call of torchrun that runs a command of ours on many devices."""

import hashlib
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.exceptions import ConfigurationError
from domain.launch import num_cores
from domain.showing import shown

# Where the command `athanor` begins, wherever this is installed.
OWN_PROGRAM = Path(__file__).resolve().parents[2] / "athanor_command.py"
THREADS = "OMP_NUM_THREADS"
JOB = "SLURM_JOB_ID"
LARGEST_PORT = 65535
LETTERS_OF_A_NAME = 12


@dataclass(frozen=True)
class LaunchCall:
    """A program in place of this one: its words, and the variables that it is given beside those that there are."""

    words: tuple[str, ...]
    variables: Mapping[str, str]

    @property
    def line(self) -> str:
        """The call as one types it."""
        return " ".join((*(f"{name}={value}" for name, value in self.variables.items()), shlex.join(self.words)))


def launch_call(
    words: Sequence[str],
    devices: int,
    nodes: int = 1,
    rendezvous: str | None = None,
    max_restarts: int = 0,
    environment: Mapping[str, str] = os.environ,
) -> LaunchCall:
    """Prepare the call; `words` are those of a command of ours. Raises: ConfigurationError."""
    if nodes == 1 and rendezvous is not None:
        raise ConfigurationError(
            f"--rendezvous {shown(rendezvous)} is where several nodes meet, but there is one.",
            remedy="Say with --nodes how many there are, or leave --rendezvous out.",
        )
    meeting = ("--standalone",) if nodes == 1 else _meeting(words, nodes, rendezvous, environment)
    # -P: what lies around here, such as a random.py, must not hide what torch imports. Our own file finds the rest.
    start = (sys.executable, "-P", "-m", "torch.distributed.run", *meeting, "--nproc-per-node", str(devices))
    restarts = ("--max-restarts", str(max_restarts)) if max_restarts else ()
    threads = {} if environment.get(THREADS) else {THREADS: str(max(1, num_cores() // devices))}
    return LaunchCall((*start, *restarts, str(OWN_PROGRAM), *words), threads)


def count(name: str, value: str, at_least: int = 1) -> int:
    """Read the number of an option. Raises: ConfigurationError."""
    if not value.isascii() or not value.isdecimal() or int(value[:LETTERS_OF_A_NAME]) < at_least:
        raise ConfigurationError(
            f"{name} is {shown(value)}, but must be a whole number of at least {at_least}.",
            remedy=f"Write, for example, {name} 2.",
        )
    return int(value[:LETTERS_OF_A_NAME])


def _meeting(
    words: Sequence[str], nodes: int, rendezvous: str | None, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Say where the nodes meet, and under which name: the same one on each of them, and another for another run."""
    host, _, port = (rendezvous or "").rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port[:6]) <= LARGEST_PORT:
        told = "not given" if rendezvous is None else f"{shown(rendezvous)}, which is no HOST:PORT"
        raise ConfigurationError(
            f"{nodes} nodes must know where they meet, but --rendezvous is {told}.",
            remedy="Give on each node the name of one of them and a free port, such as --rendezvous node0:29400.",
        )
    told = "\0".join((host, port, *words))
    name = environment.get(JOB) or hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    return (
        *("--nnodes", str(nodes), "--rdzv-backend", "c10d", "--rdzv-endpoint", f"{host}:{port}"),
        *("--rdzv-id", name[:LETTERS_OF_A_NAME]),
    )

"""Start a training on many devices."""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from domain.config import OF_ONE_PROCESS
from domain.exceptions import ConfigurationError
from domain.launch import num_cores
from domain.showing import shown
from presentation.cli.launching import count, launch_call
from presentation.cli.saying import warn
from presentation.cli.settings import requested

if TYPE_CHECKING:
    from application.training_request import TrainModelRequest


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--devices", metavar="N", help="Processes on this machine, one for each GPU; default: all GPUs.")
@click.option("--nodes", metavar="N", default="1", show_default=True, help="Machines; the same call is made on each.")
@click.option("--rendezvous", metavar="HOST:PORT", help="Where several machines meet: one of them, and a free port.")
@click.option(
    "--max-restarts",
    metavar="N",
    default="0",
    show_default=True,
    help="How often all go on from the newest checkpoint when one of them has ended.",
)
@click.argument("words", metavar="train|resume ...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(
    context: click.Context,
    devices: str | None,
    nodes: str,
    rendezvous: str | None,
    max_restarts: str,
    words: tuple[str, ...],
) -> None:
    """Train, or go on with a run, in a process for each device: prepare a call of torchrun, print it, and become it.

    A step is shared out over the devices and is the same as on one: batch_size says how many rows all of them see.
    """
    asked = None if devices is None else count("--devices", devices)
    num_nodes, restarts = count("--nodes", nodes), count("--max-restarts", max_restarts, at_least=0)
    num_devices = _num_devices(asked, _device_of(context, words))
    call = launch_call(words, num_devices, num_nodes, rendezvous, restarts)
    warn(call.line)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(call.words[0], call.words, {**os.environ, **call.variables})


def _device_of(context: click.Context, words: tuple[str, ...]) -> str:
    """Check the words of the command that is to be launched, and give its device.

    What is wrong with them is said once and now, and not by each process when the libraries are loaded.
    """
    if not words or words[0] not in _REQUESTS:
        told = f"{shown(words[0])} is not launched on many devices" if words else "no command is given to launch"
        raise click.UsageError(
            f"{told}. Choose one of {' and '.join(_REQUESTS)}: athanor launch --devices 2 train --dataset PATH.",
            context,
        )
    inner: click.Command = import_module(f"presentation.cli.commands.{words[0]}").command
    request = _REQUESTS[words[0]](**inner.make_context(f"athanor launch {words[0]}", list(words[1:])).params)
    request.resolved()
    if request.parallel in OF_ONE_PROCESS:
        raise ConfigurationError(
            f"parallel is {request.parallel}, which is one process, and launch starts several.",
            remedy="Leave parallel at auto, or leave launch out.",
        )
    return request.device


def _of_run(run: str, **options: Any) -> "TrainModelRequest":
    from infrastructure.runs_container import RunsContainer

    return RunsContainer().runs().reopen(run)[1]


def _of_words(config: str | None, settings: tuple[str, ...], **options: Any) -> "TrainModelRequest":
    asked = {name: value for name, value in options.items() if name not in ("dry_run", "as_json")}
    return requested(config, settings, **asked)


_REQUESTS: Mapping[str, Callable[..., "TrainModelRequest"]] = {"train": _of_words, "resume": _of_run}


def _num_devices(asked: int | None, device: str) -> int:
    """Count the processes. Raises: ConfigurationError where they cannot have a GPU each."""
    there = 0 if device == "cpu" else _num_gpus()
    if asked is not None and 0 < there < asked:
        raise ConfigurationError(
            f"--devices is {asked}, but this machine has {there} GPUs.",
            remedy=f"Use --devices {there}, or compute on its cores with --set device=cpu.",
        )
    if not (asked or there):
        raise ConfigurationError(
            "--devices is not given, and there is no GPU to count.",
            remedy=f"Say how many processes share the {num_cores()} cores, such as --devices 2.",
        )
    return asked or there


def _num_gpus() -> int:
    from infrastructure.container import Container

    return Container().hardware().num_gpus()

"""The commands, and what becomes of a failure: one sentence on standard error and an exit code."""

import os
import sys
from difflib import get_close_matches
from importlib import import_module

import click

from domain.exceptions import AthanorError
from domain.launch import Launch
from domain.showing import shown
from domain.version import VERSION
from presentation.cli.saying import abandon, prepare_streams, say_error, say_piece
from presentation.cli.speaking import say_failure

# Commands are imported when they run: `--help` answers without the libraries that training needs.
COMMANDS = {
    "train": "Train a model on a file.",
    "resume": "Go on with a run that was killed or stopped.",
    "lr-find": "Find a learning rate by trying many on the first steps of a training.",
    "launch": "Train, or resume, on many devices.",
    "tune": "Find good settings by trials, and train the best over several seeds.",
    "evaluate": "Score a finished model on labelled rows.",
    "backtest": "Try a forecaster on periods that follow each other.",
    "export": "Make of a finished model something that runs elsewhere.",
    "predict": "Answer rows with a finished model: beside them in a file, or as JSON lines.",
    "scan": "Look for weaknesses in a tree of source code.",
    "push": "Send a finished model to the hub.",
    "settings": "List every setting with its type, default and unit.",
    "dataset": "Build data sets of labelled rows from source code, and audit them.",
    "runs": "List, show, compare, delete and clean runs.",
    "verify-resume": "Kill a small training of yours, resume it, and see whether anything differs.",
    "doctor": "Look at the hardware, the precision it runs fastest, what many devices would have, and versions.",
}
# What several processes of a run do together; of anything else each would do the whole.
OF_RANKS = ("train", "resume")
BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = name.replace("-", "_")
        command: click.Command = import_module(f"presentation.cli.commands.{module}").command
        return command

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if words[0] not in COMMANDS and not context.resilient_parsing:
            nearest = get_close_matches(words[0][:80], COMMANDS, n=1)  # comparing long names takes minutes
            hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Choose one of {', '.join(COMMANDS)}."
            raise click.UsageError(f"No such command {shown(words[0])}. {hint}", context)
        return super().resolve_command(context, words)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="athanor", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Train transformer models on code, text and tables with a clock.

    Start with: athanor train --task security_classification
    """
    name, launch = context.invoked_subcommand, Launch.of(os.environ)
    if launch.size > 1 and name not in OF_RANKS:
        if launch.is_first:
            say_error(
                f"`athanor {name}` is the work of one process, but torchrun started {launch.size}. Start it without "
                f"torchrun; {' and '.join(OF_RANKS)} are shared out."
            )
        context.exit(BAD_INPUT)


def answer() -> int:
    """Do what the words of the command line say; gives the exit code."""
    prepare_streams()
    try:
        return int(cli(standalone_mode=False) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        say_piece(f"{error.format_message()}\n")
        return 0
    except click.NoSuchOption as error:
        say_failure((_no_such_option(error),), BAD_INPUT)
        return BAD_INPUT
    except click.ClickException as error:
        say_failure((error.format_message(),), BAD_INPUT)
        return BAD_INPUT
    except AthanorError as error:
        say_failure(error.messages, error.exit_code)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say_error("interrupted before anything was saved.")
        return INTERRUPTED
    except BrokenPipeError:
        abandon(sys.stdout)  # the reader of a pipe has left, as `head` does
        return 0
    except OSError as error:
        abandon(sys.stdout)
        if _is_nowhere():
            say_failure(("the directory where this began is no longer there. Change to another one.",), BAD_INPUT)
            return BAD_INPUT
        place = f"{error.filename}: " if error.filename else ""
        say_failure((f"{place}{error.strerror or error}. Make room there, or choose another place.",), FAILED)
        return FAILED


def _is_nowhere() -> bool:
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _no_such_option(error: click.NoSuchOption) -> str:
    """Say which setting an option would be: few have an option of their own, and those of launch stand before."""
    if error.ctx and (name := str(error.ctx.info_name).split()[-1]) in OF_RANKS:
        from presentation.cli.commands.launch import command as launch

        for option in launch.params:
            if error.option_name in option.opts:
                call = f"athanor launch {error.option_name} {option.metavar} {name} ..."
                return f"{shown(error.option_name)} is an option of launch and stands before {name}. Write: {call}"
    options = {option for parameter in error.ctx.command.params for option in parameter.opts} if error.ctx else set()
    if "--set" in options:
        from application.training_request import nearest_setting

        setting = nearest_setting(error.option_name.lstrip("-").replace("-", "_"), only_same_word=True)
        word = error.option_name[:80]
        as_option = f"--{(setting or '').replace('_', '-')}"
        # An option of the command that is nearer is what was meant, such as --time-field and not time_format.
        if as_option not in options and get_close_matches(word, [*options, as_option], 1) == [as_option]:
            return f"No such option {shown(error.option_name)}. Did you mean --set {setting}=VALUE?"
    return error.format_message()

"""`python -m presentation.cli`, also installed as `athanor`."""

import sys
from importlib import import_module

import click

from domain.exceptions import AthanorError

# Commands are imported when they run: `--help` answers without the libraries that training needs.
COMMANDS = {
    "train": "Train a model on a file.",
    "resume": "Go on with a run that was killed or stopped.",
    "evaluate": "Score a finished model on labelled rows.",
    "predict": "Answer rows with a finished model: JSON lines, or a table of forecasts.",
    "runs": "List runs or show one.",
    "doctor": "Look at the hardware, the precision it runs fastest, and versions.",
}
INTERRUPTED = 130


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"presentation.cli.commands.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Train transformer models on code and text, overnight and without surprises.

    Start with: athanor train --task security_classification
    """


def main() -> None:
    """Run the command line; every foreseen failure is one sentence on standard error and an exit code."""
    try:
        sys.exit(cli(standalone_mode=False) or 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(0)
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        sys.exit(2)
    except AthanorError as error:
        for message in error.messages:
            click.echo(f"error: {message}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("error: interrupted before anything was saved.", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe has left, as `head` does; Python would complain on exit
        sys.exit(0)


if __name__ == "__main__":
    main()

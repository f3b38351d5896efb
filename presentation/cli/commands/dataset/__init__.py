"""Build data sets of labelled rows, and find out what is wrong with them."""

import click

from presentation.cli.commands.dataset.audit import command as audit
from presentation.cli.commands.dataset.build import command as build


@click.group()
def command() -> None:
    """Build data sets of labelled rows from source code, and audit them."""


command.add_command(build)
command.add_command(audit)

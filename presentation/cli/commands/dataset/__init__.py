"""Build data sets of labelled rows, and find out what is wrong with them."""

import click


@click.group()
def command() -> None:
    """Build data sets of labelled rows from source code, and audit them."""

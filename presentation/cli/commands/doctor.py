"""Look at the machine."""

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> int:
    """Look at the hardware, the precision it runs fastest, and versions."""
    from infrastructure.container import Container
    from presentation.cli.saying import say_json
    from presentation.cli.writing import write_facts

    report = Container().hardware().describe()
    if as_json:
        say_json(report)
    else:
        write_facts(report)
    return 0

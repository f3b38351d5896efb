"""List the settings of a training."""

import click


@click.command()
@click.argument("task", metavar="[TASK]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a run file, for an editor that checks YAML.")
def command(task: str | None, as_json: bool, schema: bool) -> int:
    """List every setting with its type, default, unit and a line about it.

    With TASK, such as text_classification, those that mean something to it, with its defaults for a model from scratch.
    Each is given with --set NAME=VALUE, in a run file, or to `athanor.train`.
    """
    from dataclasses import asdict

    from application.settings import run_file_schema, settings_of
    from presentation.cli.saying import say_json
    from presentation.cli.writing import write_settings

    if schema:
        if task or as_json:
            raise click.UsageError("--schema is one for all tasks and JSON anyway. Drop what stands beside it.")
        say_json(run_file_schema(), indent=2)
    elif as_json:
        say_json([asdict(setting) for setting in settings_of(task)], indent=2)
    else:
        write_settings(settings_of(task))
    return 0

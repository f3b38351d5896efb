"""Build labelled rows from source code."""

from typing import Any

import click


@click.command("build", short_help="Build labelled rows from directories and git repositories.")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--output", required=True, metavar="FILE", help="Write there: .jsonl, .jsonl.gz or .parquet.")
@click.option("--fixes", is_flag=True, help="Add functions before and after commits that mend a weakness.")
@click.option(
    "--max-fix",
    type=int,
    default=10,
    show_default=True,
    metavar="NUMBER",
    help="Skip fixes that change more functions or files than this.",
)
@click.option("--tests", is_flag=True, help="Read files of tests too.")
@click.option("--min-lines", type=int, default=3, show_default=True, help="Leave out shorter functions.")
@click.option("--max-lines", type=int, default=300, show_default=True, help="Leave out longer functions.")
@click.option(
    "--max-complexity", type=int, default=50, show_default=True, help="Leave out functions of more paths (McCabe)."
)
@click.option(
    "--min-maintainability",
    type=float,
    default=10.0,
    show_default=True,
    help="Leave out functions below this index, of 0 to 100.",
)
@click.option(
    "--near-duplicates",
    type=float,
    default=0.8,
    show_default=True,
    metavar="SHARE",
    help="Keep one of functions that share this much of their runs of five tokens; names may differ.",
)
@click.option(
    "--group",
    metavar="project|file",
    help="What stays on one side of a split: a project unless there is but one, or a file.",
)
@click.option("--validation-share", type=float, default=0.2, show_default=True, help="Share of rows for validation.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which projects these are.")
@click.option("--timeout", type=int, default=600, show_default=True, help="Seconds that one fetch may take.")
@click.option("--max-mib", type=int, default=1024, show_default=True, help="MiB that one repository may have.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as one JSON object.")
def command(as_json: bool, **options: Any) -> int:
    """Build labelled rows from the functions of each SOURCE: a directory, or a git repository at URL or URL@COMMIT.

    Nothing of a source is run. Functions are labelled by what Bandit finds in them, and with --fixes by commits that
    say they mend a weakness. FILE trains as it is: athanor train --task security_classification --dataset FILE.
    """
    from application.phases import telling_phases
    from application.use_cases.build_dataset import BuildDatasetRequest
    from infrastructure.data_container import DataContainer
    from presentation.cli.built_rows import write_built
    from presentation.cli.saying import say_json, warn
    from presentation.cli.watching import watched

    request = BuildDatasetRequest.checked(**options)
    with watched() as monitor, telling_phases(monitor.notify):
        built = DataContainer().build_dataset().execute(request)
    if as_json:
        say_json(built.card, indent=2)
    else:
        write_built(built)
    for note in built.notes:
        warn(f"note: {note}")
    warn(f"wrote {built.output} and {built.card_path}")
    return 0

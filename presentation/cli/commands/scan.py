"""Look for weaknesses in a tree of source code."""

from typing import Any

import click

from domain.scan import EXPECTED_SHARE, TEXT

FOUND = 1


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--run", metavar="RUN", help="Let the model of this run or model directory speak beside Bandit.")
@click.option(
    "--format",
    "form",
    metavar="text|json|sarif|html",
    help="How the report is written; else as --output ends, or as text. sarif is for code scanning.",
)
@click.option("--output", metavar="FILE", help="Write the report there, not on standard output.")
@click.option(
    "--min-severity",
    default="medium",
    show_default=True,
    metavar="low|medium|high|critical",
    help="Tell of findings that are at least so severe.",
)
@click.option(
    "--min-score",
    type=float,
    default=0.7,
    show_default=True,
    help="The model speaks where it gives at least this probability to a weakness.",
)
@click.option(
    "--expected-share",
    type=float,
    default=EXPECTED_SHARE,
    show_default=True,
    help="Of all functions hold so many to be weak, before the model has seen them.",
)
@click.option("--baseline", metavar="FILE", help="Hide the findings that stand in this file.")
@click.option("--write-baseline", metavar="FILE", help="Keep all findings of this scan there, as known.")
@click.option("--since", metavar="REV", help="Look only at files that differ from this revision of git.")
@click.option("--device", default="auto", show_default=True)
@click.option("--fail", is_flag=True, help="End with exit code 1 when something new is found.")
def command(paths: tuple[str, ...], output: str | None, fail: bool, **options: Any) -> int:
    """Look for weaknesses in the Python files below each PATH, with Bandit and, where a RUN is named, with its model.

    Nothing of the code is run or imported. .gitignore is honoured; hidden directories, virtual environments and links
    are left out. What was found in the same content before is not sought again.
    """
    from application.phases import telling_phases
    from application.use_cases.scan_tree import ScanTreeRequest
    from infrastructure.scan_container import ScanContainer
    from presentation.cli.answering import progress_of_phases
    from presentation.cli.saying import say_data, verdict_standing, warn
    from presentation.cli.scanned import write_scan

    request = ScanTreeRequest(paths=paths, output=output, **options)
    scan_tree = ScanContainer().scan_tree()
    with progress_of_phases() as heard, telling_phases(heard):
        report = scan_tree.execute(request)
    with verdict_standing():
        if output is not None:
            warn(f"wrote {output}")
        elif request.written_form == TEXT:
            write_scan(report)
        else:
            for line in scan_tree.text_of(report, request.written_form).splitlines():
                say_data(line)
    if request.write_baseline is not None:
        warn(f"wrote {request.write_baseline}")
    return FOUND if fail and report.findings else 0

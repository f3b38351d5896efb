"""Find out what labelled rows give away."""

from typing import Any

import click

from presentation.cli.run_options import root_option
from presentation.cli.settings import parsed

ALARMED = 1


@click.command("audit", short_help="Find out what labelled rows give away.")
@click.argument("dataset_path", metavar="PATH")
@click.option(
    "--eval", "eval_dataset", metavar="PATH", help="Rows to score on; else a part is held out as a training would."
)
@click.option("--task", metavar="TASK", help="Which labels there are; else the task that knows them.")
@click.option("--text-field", metavar="NAME", help="Column of the text; else found from its name.")
@click.option("--label-field", metavar="NAME", help="Column of the label; else found from its name.")
@click.option("--group-field", metavar="NAME", help="Column whose rows belong on one side, such as a project.")
@click.option("--time-field", metavar="NAME", help="Column of times, such as a date; else found from its name.")
@click.option("--run", metavar="RUN", help="Score the answers of this finished run on the same parts.")
@root_option
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Another setting of a training, such as seed=1."
)
@click.option(
    "--format", "form", metavar="text|json|html", help="How the audit is written; else as --output ends, or as text."
)
@click.option("--output", metavar="FILE", help="Write the audit there, not on standard output.")
@click.option("--fail", is_flag=True, help="End with exit code 1 when an alarm is raised.")
def command(root: str, settings: tuple[str, ...], fail: bool, **options: Any) -> int:
    """Find out what the labelled rows of PATH give away before any model learns from them.

    Clones across the split, labels that may be wrong, what words, lengths and names alone tell of the labels, projects
    and times that leak, and what a score is worth without all that. Of large data a part is looked at, which is said.
    """
    from application.phases import telling_phases
    from application.use_cases.audit_dataset import AuditDatasetRequest
    from infrastructure.container import Container
    from presentation.cli.answering import progress_of_phases
    from presentation.cli.audited import write_audit
    from presentation.cli.saying import verdict_standing, warn

    request = AuditDatasetRequest.checked(runs_root=root, settings=parsed(settings), **options)
    audit_dataset = Container().audit_dataset()
    with progress_of_phases() as heard, telling_phases(heard):
        audit = audit_dataset.execute(request)
    if request.output is None:
        with verdict_standing():
            write_audit(audit_dataset.text_of(audit, request.written_form), request.written_form)
    else:
        warn(f"wrote {request.output}")
        for alarm in audit.alarms:
            warn(f"{alarm.finding}: {alarm.sentence}")
    return ALARMED if fail and audit.alarms else 0

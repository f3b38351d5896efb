"""Make of a finished model something that runs elsewhere."""

from typing import Any

import click

from domain.export import CALIBRATIONS, FORMATS, MAX_DROP


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--format", "format", required=True, metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")
@click.option("--output", "output_dir", metavar="DIR", help="A new directory; else beside the run.")
@click.option("--weights", metavar="KIND", help="Of the weights: fp32, bf16 or int8, as the format has it.")
@click.option(
    "--calibration",
    metavar="KIND",
    help=f"Of onnx-int8, how ranges are found: {' or '.join(CALIBRATIONS)} (on training rows).",
)
@click.option(
    "--max-drop",
    type=float,
    default=MAX_DROP,
    show_default=True,
    metavar="POINTS",
    help="What rounded weights may cost of the metric that chose the model.",
)
@click.option("--dataset", "dataset_path", metavar="PATH", help="Rows to compare on; else the run's evaluation part.")
@click.option("--force", is_flag=True, help="Keep an export that is refused.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as one JSON object.")
def command(as_json: bool, **options: Any) -> int:
    """Export the finished RUN (or a model directory), and compare the export with it on real rows."""
    from application.phases import telling_phases
    from application.use_cases.export_model import ExportModelRequest
    from infrastructure.container import Container
    from presentation.cli.answering import progress_of_phases
    from presentation.cli.exported import write_export

    request = ExportModelRequest.checked(**options)
    with progress_of_phases() as told, telling_phases(told):
        export = Container().export_model().execute(request)
    return write_export(export, as_json)

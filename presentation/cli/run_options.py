"""Options that several commands about runs share."""

import click

root_option = click.option("--root", default="runs", show_default=True, help="Directory that holds the runs.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")

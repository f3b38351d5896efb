"""The readme of a model: put together, and written beside it."""

from collections.abc import Sequence

from domain.run_layout import README
from domain.words import counted, part_trained, shared_out
from infrastructure.files import write_whole
from infrastructure.model_readme.limits import limits
from infrastructure.model_readme.metadata import metadata
from infrastructure.model_readme.repeating import BY_RUN_FILE, command, telling_settings, typed
from infrastructure.model_readme.told import PEFT, ModelTold
from infrastructure.model_readme.usage import usage
from infrastructure.reports.page.blocks import Block, Column, Command, Facts, Page, Paragraph, Section, Table
from infrastructure.reports.page.markdown import page_markdown
from infrastructure.reports.page.parts import label_tables, parts_table

MOST_LABELS = 50
_DOES = {
    "sequence_classification": "gives a text one of {labels}",
    "language_modeling": "writes on where a text ends",
    "masked_language_modeling": "tells what stands in the gaps of a text",
    "code_generation": "writes code for a description",
    "instruction_tuning": "answers instructions in a chat",
    "sequence_to_sequence": "writes a text for a text",
    "quantile_forecasting": "forecasts what comes next in a table of numbers, as quantiles",
    "market_direction": "tells whether a price will go {labels}",
}


def write_readme(told: ModelTold) -> None:
    """Write `README.md` beside a model, whole or not at all. Raises: OSError of the disk."""
    write_whole(told.directory / README, readme(told))


def readme(told: ModelTold) -> str:
    """Give the text: what the hub reads, then what people read."""
    return f"{metadata(told)}\n{page_markdown(_page(told))}"


def _page(told: ModelTold) -> Page:
    sections = [
        Section("How to use it", usage(told)),
        Section("What it is worth", [_judged_on(told), *told.scores.blocks()]),
        Section("Limits", [Paragraph(sentence, "warning") for sentence in limits(told)]),
        Section("How it was trained", _training(told)),
        Section("The data", _data(told)),
        Section("The same training again", _again(told)),
    ]
    return Page(f"{told.task.name} by {told.began_from}", _sentence(told), sections)


def _sentence(told: ModelTold) -> str:
    does = _DOES.get(told.task.kind, f"does {told.task.name}").format(labels=_labels(told))
    return (
        f"This model {does}. Athanor trained it on {counted(told.num_train, told.request.words.read)} of"
        f" {told.data_name}; it reaches {told.scores.sentence(told.metric)}."
    )


def _labels(told: ModelTold) -> str:
    names = told.labels
    if not names or len(names) > MOST_LABELS:
        return f"{len(names):,} labels" if names else "its labels"
    return ", ".join(names)


def _judged_on(told: ModelTold) -> Block:
    part = "of the test part" if told.is_tested else "held out"
    return Paragraph(f"On {counted(told.num_judged, told.request.words.fed)} {part}, which it has not learnt from.")


def _training(told: ModelTold) -> Sequence[Block]:
    result = told.result
    began = f"{told.began_from}, {'tuned' if told.is_tuned else 'from scratch'}"
    if told.library == PEFT:
        began += "; this directory holds the adapter alone"
    best = "" if result.best_step is None else f", the best behind step {result.best_step:,}"
    parameters = f"{result.num_parameters:,}{part_trained(result.num_parameters, result.num_trainable)}"
    facts = {
        "began from": began,
        "parameters": parameters,
        "steps": f"{result.steps:,} of {result.total_steps:,} ({result.stop_reason.replace('_', ' ')}){best}",
        "numbers": f"{result.precision} on {result.device}{shared_out(result.num_devices, result.parallel)}",
        "versions": ", ".join(f"{name} {version}" for name, version in told.versions.items()),
    }
    settings = [[name, typed(value)] for name, value in telling_settings(told).items()]
    table = Table("Settings", [Column("setting"), Column("value")], settings, rows_shown=len(settings))
    if not settings:
        return [Facts(facts)]
    return [Facts(facts), Paragraph("Settings that differ from those the task takes by itself:"), table]


def _data(told: ModelTold) -> Sequence[Block]:
    data = told.data
    facts = {"file": told.data_name, "SHA-256": str(data.get("sha256", ""))}
    if data.get("eval_path"):
        facts |= {
            "file to be scored on": told.name_of_data(str(data["eval_path"])),
            "SHA-256 of that": str(data.get("eval_sha256", "")),
        }
    facts |= dict(told.facts or {})
    if told.request.words.has_tokens:
        facts["language"] = "not known to the program; see the file"
    return [Facts(facts), parts_table(data), *label_tables(data)]


def _again(told: ModelTold) -> Sequence[Block]:
    return [
        Paragraph("In the directory of the run, and with the same data where its run file says:"),
        Command(BY_RUN_FILE),
        Paragraph("Where only this page is left, the same request in words, with the files named above:"),
        Command(command(told)),
    ]

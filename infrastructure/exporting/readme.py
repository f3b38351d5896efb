"""The card of an export for people."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from domain.export import FORMATS, LEAST_AGREEMENT, ONNX, ONNX_INT8, SAFETENSORS, TOLERANCE, TORCH_EXPORT, Export
from domain.headlines import HEADLINES
from domain.showing import harmless
from infrastructure.model_files.model_directory import opens_in_transformers

MIB = 1 << 20


def readme_of(told: Export, card: Mapping[str, Any]) -> str:
    """Write what an export is, how it is run, and what it is beside its model."""
    return "\n".join(_lines(told, card)) + "\n"


def _lines(told: Export, card: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {told.task}, exported to {told.format}"
    yield ""
    made_of = f"`{_code(told.source)}` (model {_code(str(card.get('model_name', 'unknown')))})"
    yield f"Made of {made_of}: {FORMATS[told.format]}."
    yield ""
    yield "## Run it"
    yield ""
    yield from _how_to_run(told)
    yield ""
    yield "## Beside the model"
    yield ""
    yield f"Compared on {_text(told.rows_told)}."
    yield ""
    yield "| what | model | export |"
    yield "|---|---|---|"
    for line in rows_of(told):
        yield f"| {' | '.join(line)} |"
    yield ""
    yield from _parity(told)
    for sentence in (*told.faults, *told.warnings):
        yield ""
        yield f"**{_text(sentence)}**"
    yield ""
    yield "## Make it again"
    yield ""
    yield "```sh"
    yield _text(told.command)
    yield "```"
    yield ""
    yield f"Made with {', '.join(f'{name} {number}' for name, number in told.versions.items())}."


def rows_of(told: Export) -> Iterator[Sequence[str]]:
    """Give what is told of both sides, as cells: what, of the model, of the export."""
    yield "size", f"{told.bytes_before / MIB:.2f} MiB", f"{told.bytes_after / MIB:.2f} MiB"
    if told.score is not None:
        known = HEADLINES.get(told.score.metric)
        name = known.label if known else told.score.metric
        yield name, f"{told.score.before:.4f}", f"{told.score.after:.4f}"
    for speed in told.speed:
        rows = "1 row" if speed.rows == 1 else f"{speed.rows} rows"
        what = f"{rows} of {speed.tokens}, {'1 thread' if told.threads == 1 else f'{told.threads} threads'}"
        yield what, f"{speed.before_ms:.2f} ms", f"{speed.after_ms:.2f} ms ({speed.ratio:.1f} times as fast)"


def _how_to_run(told: Export) -> Iterator[str]:
    if told.format in (ONNX, ONNX_INT8):
        yield "```sh"
        yield f"athanor predict {_text(told.output_dir)} --input rows.csv --output answers.csv"
        yield "```"
        yield ""
        yield "It needs onnxruntime and no torch. The names of the graphs, with what they take and give, are those that"
        yield "optimum uses; `athanor.json` lists them."
    elif told.format == TORCH_EXPORT:
        yield "```python"
        yield "import torch"
        yield ""
        for file in (name for name in told.files if name.endswith(".pt2")):
            yield f'{Path(file).stem} = torch.export.load("{_text(told.output_dir)}/{file}").module()'
        yield "```"
    elif told.format == SAFETENSORS:
        yield "`athanor predict`, `evaluate` and `train --model` open it as any model directory."
        if opens_in_transformers(told.files):
            yield "So does `from_pretrained` of transformers."


def _parity(told: Export) -> Iterator[str]:
    parity = told.parity
    yield (
        f"The farthest of {parity.num_rows:,} rows, {_text(parity.worst_row)}, differs by {parity.largest:.2g}"
        f" (at most {TOLERANCE:g} is asked of fp32)."
    )
    if parity.agreement is not None:
        yield f"{parity.agreement:.2%} of the answers are the same (at least {LEAST_AGREEMENT:.1%} is asked of fp32)."
    if parity.num_texts:
        yield f"{parity.num_equal_texts} of {parity.num_texts} texts are written equally."


def _text(text: str) -> str:
    return harmless(text)


def _code(text: str) -> str:
    return harmless(text).replace("`", "'")

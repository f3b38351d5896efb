"""Write what came of an export: where it is, and what it is beside its model."""

from domain.export import Export
from domain.headlines import HEADLINES
from domain.words import counted
from presentation.cli.columns import Column, write_columns
from presentation.cli.saying import say, say_json, warn

MIB = 1 << 20


def write_export(told: Export, as_json: bool) -> int:
    """Write it; gives the exit code."""
    for sentence in (*told.warnings, *(f"kept all the same: {fault}" for fault in told.faults)):
        warn(f"warning: {sentence}")
    if as_json:
        say_json(told.to_json())
        return 0
    say(f"{told.output_dir}  {told.format}, {told.weights}")
    say(f"compared on {told.rows_told}")
    what, before, after = ["size"], [_size(told.bytes_before)], [_size(told.bytes_after)]
    if told.score is not None:
        known = HEADLINES.get(told.score.metric)
        what.append(known.label if known else told.score.metric)
        before.append(f"{told.score.before:.4f}")
        after.append(f"{told.score.after:.4f}")
    for speed in told.speed:
        what.append(f"{counted(speed.rows, 'rows')} of {speed.tokens}")
        before.append(f"{speed.before_ms:.2f} ms")
        after.append(f"{speed.after_ms:.2f} ms")
    sides = (("model", before), ("export", after))
    write_columns([Column("", tuple(what)), *(Column(name, tuple(cells), is_number=True) for name, cells in sides)])
    say(_parity(told))
    return 0


def _size(num_bytes: int) -> str:
    return f"{num_bytes / MIB:.2f} MiB"


def _parity(told: Export) -> str:
    parity = told.parity
    parts = [f"the farthest row differs by {parity.largest:.2g} ({parity.worst_row})"]
    if parity.agreement is not None:
        parts.append(f"{parity.agreement:.2%} of the answers are the same")
    if parity.num_texts:
        parts.append(f"{parity.num_equal_texts} of {parity.num_texts} texts are")
    return f"{', '.join(parts)}; {counted(told.threads, 'threads')}"

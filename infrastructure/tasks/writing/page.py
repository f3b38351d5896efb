"""What a person sees of models that write: rows by their loss, with their texts, and how the losses lie."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from infrastructure.reports.page.blocks import (
    Axis,
    Band,
    Block,
    Cell,
    Chart,
    Choice,
    Column,
    Facts,
    Group,
    Line,
    Paragraph,
    Section,
    Table,
    Texts,
)
from infrastructure.tasks.scored import Outcomes

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROWS_OF_A_KIND = 6  # worst, typical, best
WRITTEN_OF_A_KIND = 2  # where nobody had asked for texts, and each takes as long as a model writes
MAX_ROWS_LISTED = 100
CHARACTERS_LISTED = 300
MAX_BARS = 40
MAX_STRETCHES = 200
_TAIL = 0.995  # of rows are drawn, the rest told
_SAME = ("written", "wanted")

# Writes texts for rows by their numbers.
Write = Callable[[Sequence[int]], Sequence[str]]


class NamedRows(Protocol):
    """Rows that can be named, as every data set that is looked at row by row."""

    def __len__(self) -> int:
        """Count them."""

    def row_id(self, index: int) -> str:
        """Name a row."""


class NamedPairs(NamedRows, Protocol):
    """Rows of a source and the target to be written for it."""

    def source(self, index: int) -> str:
        """Give what a row asks with."""

    def reference(self, index: int) -> str:
        """Give what should be written for it."""


@dataclass(frozen=True)
class RowsByLoss:
    """Rows with what each cost: `losses` [N] in nats a token, NaN for a row without a target, and `num_targets` [N]."""

    rows: NamedRows
    losses: np.ndarray
    num_targets: np.ndarray

    @classmethod
    def of(cls, rows: NamedRows, outcomes: Outcomes) -> "RowsByLoss":
        """Take what became of rows."""
        sums, counts = outcomes["loss_sum"], outcomes["num_targets"]
        losses = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
        return cls(rows, losses, counts)

    def order(self, among: np.ndarray) -> np.ndarray:
        """Put numbers of rows in order, the largest loss first; a loss that is no number is larger than any."""
        known = among[self.num_targets[among] > 0]
        return known[np.argsort(-np.nan_to_num(self.losses[known], nan=np.inf), kind="stable")]

    def kinds(self, order: np.ndarray, count: int) -> Mapping[str, list[int]]:
        """Choose rows of an order: the worst, those in its midst, and the best; all of few rows."""
        if len(order) <= 3 * count:
            return {"all, the worst first": order.tolist()}
        middle = (len(order) - count) // 2
        return {
            "worst": order[:count].tolist(),
            "typical": order[middle : middle + count].tolist(),
            "best": order[: -count - 1 : -1].tolist(),
        }

    def heading(self, row: int) -> str:
        """Name a row and its loss."""
        return f"{self.rows.row_id(row)}: loss {self.losses[row]:.3g} a token, {int(self.num_targets[row]):,} tokens"


def pair_sections(rows: NamedPairs, outcomes: Outcomes, write: Write | None, num_rows: int | None) -> Sequence[Section]:
    """Show rows with what was given, written and wanted; of a part of `num_rows` where these are known.

    Where no texts were written, `write` is asked for a few.
    """
    seen = RowsByLoss.of(rows, outcomes)
    outputs = {row: text for row, text in enumerate(outcomes.get("output", ())) if text is not None}
    order = seen.order(np.array(sorted(outputs), dtype=np.int64) if outputs else np.arange(len(rows)))
    kinds = seen.kinds(order, ROWS_OF_A_KIND if outputs or write is None else WRITTEN_OF_A_KIND)
    asked = [row for chosen in kinds.values() for row in chosen]
    if not outputs and write is not None and asked:
        texts = write(asked)
        told = f"Texts were written for {len(asked)} of {len(rows):,} rows, chosen by their loss."
        outputs = dict(zip(asked, texts, strict=True))
    elif len(outputs) == len(rows):
        told = ""
    else:
        told = f"Texts were written for {len(outputs):,} of {len(rows):,} rows; the rows here are among them."
    views = {
        kind: Group([_pair(seen, rows, row, outputs) for row in chosen]) for kind, chosen in kinds.items() if chosen
    }
    notes: list[Block] = [*part_told(len(rows), num_rows), *([Paragraph(told, "note")] if told else [])]
    return [
        Section("Written beside wanted", [*notes, *chosen_views("Rows by loss", views)]),
        Section(
            "Loss by row", [*part_told(len(rows), num_rows), *spread_of_losses(seen), _pair_table(seen, rows, outputs)]
        ),
    ]


def block_sections(
    tokenizer: "PreTrainedTokenizerBase", blocks: Any, outcomes: Outcomes, write: Write | None, num_rows: int | None
) -> Sequence[Section]:
    """Show blocks of running text by their loss, and how it goes along the text."""
    seen = RowsByLoss.of(blocks, outcomes)
    text = partial(_text_of, tokenizer, blocks)
    order = seen.order(np.arange(len(blocks)))
    views = {
        kind: Group([Texts(seen.heading(row), {"text": text(row)}) for row in chosen])
        for kind, chosen in seen.kinds(order, ROWS_OF_A_KIND).items()
        if chosen
    }
    columns = [Column("block"), Column("loss a token", "number"), Column("tokens", "count"), Column("begins", "prose")]
    rows: list[list[Cell]] = [
        [blocks.row_id(row), float(seen.losses[row]), int(seen.num_targets[row]), text(row)[:CHARACTERS_LISTED]]
        for row in order[:MAX_ROWS_LISTED].tolist()
    ]
    table = Table(caption_of("Blocks with the largest loss", len(rows), len(blocks)), columns, rows)
    along = [_along(seen)] if len(blocks) > 1 else []
    part = part_told(len(blocks), num_rows)
    return [
        Section("Text by its loss", [*part, *chosen_views("Blocks by loss", views)]),
        Section("Loss by block", [*part, *along, *spread_of_losses(seen), table]),
    ]


def part_told(num_seen: int, num_rows: int | None) -> list[Block]:
    """Say that rows are a part of more, where they are."""
    if num_rows is None or num_seen >= num_rows:
        return []
    return [Paragraph(f"Seen here are {num_seen:,} of {num_rows:,} rows, evenly spread over all.", "note")]


def chosen_views(title: str, views: Mapping[str, Block]) -> list[Block]:
    """Let a reader choose between views, where there are several."""
    if not views:
        return [Paragraph("No row has a target to be scored on.", "note")]
    return [Choice(title, views)] if len(views) > 1 else list(views.values())


def spread_of_losses(seen: RowsByLoss) -> list[Block]:
    """Draw how many rows have which loss, and tell the few that have far more."""
    losses = seen.losses[np.isfinite(seen.losses)]
    if len(losses) < 2:
        return []
    levels = {"least": 0.0, "a quarter have at most": 0.25, "half have at most": 0.5, "nine of ten have at most": 0.9}
    facts = {name: f"{np.quantile(losses, level):.4g}" for name, level in {**levels, "most": 1.0}.items()}
    end = float(np.quantile(losses, _TAIL)) if len(losses) >= 1 / (1 - _TAIL) else float(losses.max())
    drawn = losses[losses <= end]
    counts, edges = np.histogram(drawn, bins=min(MAX_BARS, max(5, int(2 * np.sqrt(len(drawn))))))
    beyond = len(losses) - len(drawn)
    x = np.repeat(edges, 2)[1:-1].tolist()
    y = np.repeat(counts, 2).astype(float).tolist()
    told = f"{beyond:,} rows lie beyond the right end. " if beyond else ""
    chart = Chart(
        "How losses are spread",
        Axis(f"loss a token, nats{f'; {beyond:,} rows lie beyond' if beyond else ''}"),
        Axis("rows"),
        [Line("", x, y)],
        f"Half of {len(losses):,} rows have a loss of at most {np.median(losses):.3g} a token. {told}",
        [Band("", x, [0.0] * len(x), y, strength=0.25)],
    )
    return [chart, Facts(facts)]


def caption_of(what: str, num_listed: int, num_rows: int) -> str:
    """Head a table, and say how many of all rows it lists."""
    return what if num_listed == num_rows else f"{what}: {num_listed:,} of {num_rows:,}"


def _text_of(tokenizer: "PreTrainedTokenizerBase", blocks: Any, row: int) -> str:
    ids = blocks.arrays(row)["input_ids"].tolist()
    return str(tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def _pair(seen: RowsByLoss, rows: NamedPairs, row: int, outputs: Mapping[int, str]) -> Texts:
    texts = {"given": rows.source(row), "wanted": rows.reference(row)}
    if row not in outputs:
        return Texts(seen.heading(row), texts)
    texts = {"given": texts["given"], "written": outputs[row], "wanted": texts["wanted"]}
    same = ", as wanted" if outputs[row].strip() == texts["wanted"].strip() else ""
    return Texts(f"{seen.heading(row)}{same}", texts, _SAME)


def _pair_table(seen: RowsByLoss, rows: NamedPairs, outputs: Mapping[int, str]) -> Table:
    order = seen.order(np.arange(len(rows)))[:MAX_ROWS_LISTED].tolist()
    columns = [Column("row"), Column("loss a token", "number"), Column("tokens", "count")]
    are_written = any(row in outputs for row in order)
    columns += [Column("as wanted")] if are_written else []
    columns += [Column("given", "prose"), *([Column("written", "prose")] if are_written else [])]
    found: list[list[Cell]] = []
    for row in order:
        cells: list[Cell] = [rows.row_id(row), float(seen.losses[row]), int(seen.num_targets[row])]
        wanted, written = rows.reference(row), outputs.get(row)
        if are_written:
            cells.append(None if written is None else "yes" if written.strip() == wanted.strip() else "no")
        cells.append(_listed(rows.source(row)))
        if are_written:
            cells.append(None if written is None else _listed(written))
        found.append([*cells, _listed(wanted)])
    caption = caption_of("Rows with the largest loss", len(found), len(rows))
    return Table(caption, [*columns, Column("wanted", "prose")], found, rows_shown=10)


def _listed(text: str) -> str:
    return text if len(text) <= CHARACTERS_LISTED else f"{text[:CHARACTERS_LISTED]} ..."


def _along(seen: RowsByLoss) -> Chart:
    """Draw the mean loss a token along the text, of many blocks in stretches."""
    num_stretches = min(MAX_STRETCHES, len(seen.losses))
    starts = np.linspace(0, len(seen.losses), num_stretches, endpoint=False).astype(np.int64)
    known = np.isfinite(seen.losses)
    sums = np.add.reduceat(np.where(known, seen.losses, 0.0) * seen.num_targets, starts)
    counts = np.add.reduceat(np.where(known, seen.num_targets, 0), starts)
    means = [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]
    stretch = len(seen.losses) // num_stretches
    of_what = f"of about {stretch} blocks each" if stretch > 1 else "of each block"
    summary = f"The mean loss {of_what}, from the beginning of the text to its end."
    x = (starts + 1).astype(float).tolist()
    return Chart(
        f"Loss along the text, {of_what}", Axis("block"), Axis("loss a token, nats"), [Line("", x, means)], summary
    )

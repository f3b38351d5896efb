"""What a person sees of a model that fills gaps: texts with gaps, filled, beside what was hidden."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from infrastructure.data.some_rows import spread
from infrastructure.reports.page.blocks import Cell, Column, Group, Section, Table, Texts
from infrastructure.tasks.masked.adapter import MaskedLanguageModeling, guessed
from infrastructure.tasks.scored import Outcomes
from infrastructure.tasks.writing.page import (
    CHARACTERS_LISTED,
    MAX_ROWS_LISTED,
    ROWS_OF_A_KIND,
    RowsByLoss,
    caption_of,
    chosen_views,
    part_told,
    spread_of_losses,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MAX_ROWS_COUNTED = 2_000  # whose tokens are counted one by one
MAX_TOKENS_LISTED = 100
_MARKED = ("filled", "wanted")


@dataclass(frozen=True)
class Filled:
    """A passage without its marks: with gaps, filled by a model, and as it was."""

    given: str
    filled: str
    wanted: str

    @classmethod
    def of(
        cls, tokenizer: "PreTrainedTokenizerBase", adapter: MaskedLanguageModeling, item: Any, guesses: bytes
    ) -> "Filled":
        """Hide the tokens that an evaluation hides, and put the guesses in their place."""
        batch = adapter.collate([item], None)
        given, at = batch["input_ids"][0].numpy(), batch["target_at"].numpy()
        wanted, filled = given.copy(), given.copy()
        wanted[at], filled[at] = batch["targets"].numpy(), guessed(guesses)
        signs = np.array(tokenizer.all_special_ids)
        stays = ~np.isin(wanted, signs)  # a guess may be a sign, and is shown
        return cls(*(_decoded(tokenizer, ids[stays]) for ids in (given, filled, wanted)))


def gap_sections(
    tokenizer: "PreTrainedTokenizerBase",
    adapter: MaskedLanguageModeling,
    rows: Any,
    outcomes: Outcomes,
    num_rows: int | None,
) -> Sequence[Section]:
    """Show passages by their loss, filled, and which tokens are told; of a part of `num_rows` where these are known."""
    seen = RowsByLoss.of(rows, outcomes)
    order = seen.order(np.arange(len(rows)))

    def filled(row: int) -> Filled:
        return Filled.of(tokenizer, adapter, rows[row], outcomes["guesses"][row])

    views = {
        kind: Group([Texts(seen.heading(row), vars(filled(row)), _MARKED) for row in chosen])
        for kind, chosen in seen.kinds(order, ROWS_OF_A_KIND).items()
        if chosen
    }
    columns = [
        Column("passage"), Column("loss a token", "number"), Column("hidden tokens", "count"),
        Column("told right", "share"), Column("begins", "prose"),
    ]  # fmt: skip
    listed: list[list[Cell]] = [
        [
            rows.row_id(row),
            float(seen.losses[row]),
            int(seen.num_targets[row]),
            float(outcomes["num_right"][row] / seen.num_targets[row]),
            filled(row).wanted[:CHARACTERS_LISTED],
        ]
        for row in order[:MAX_ROWS_LISTED].tolist()
    ]
    table = Table(caption_of("Passages with the largest loss", len(listed), len(rows)), columns, listed, rows_shown=10)
    part = part_told(len(rows), num_rows)
    return [
        Section("Gaps as they were filled", [*part, *chosen_views("Passages by loss", views)]),
        Section("Hidden tokens", [*part, _tokens(tokenizer, adapter, rows, outcomes)]),
        Section("Loss by passage", [*part, *spread_of_losses(seen), table]),
    ]


def _tokens(
    tokenizer: "PreTrainedTokenizerBase", adapter: MaskedLanguageModeling, rows: Any, outcomes: Outcomes
) -> Table:
    """List the tokens that were hidden most often, how often they were told, and what was put in their place."""
    put: Mapping[int, Counter[int]] = defaultdict(Counter)
    chosen = spread(len(rows), MAX_ROWS_COUNTED).tolist()
    for row in chosen:
        targets = adapter.collate([rows[row]], None)["targets"].tolist()
        for target, guess in zip(targets, guessed(outcomes["guesses"][row]).tolist(), strict=True):
            put[target][guess] += 1
    most = sorted(put, key=lambda token: (-put[token].total(), token))[:MAX_TOKENS_LISTED]
    found: list[list[Cell]] = []
    for token in most:
        wrong = [guess for guess, _ in put[token].most_common() if guess != token][:3]
        instead = ", ".join(repr(_decoded(tokenizer, [guess])) for guess in wrong)
        times = put[token].total()
        found.append([repr(_decoded(tokenizer, [token])), times, put[token][token] / times, instead])
    columns = [Column("token"), Column("hidden", "count"), Column("told right", "share"), Column("instead", "prose")]
    where = "" if len(chosen) == len(rows) else f", in {len(chosen):,} of {len(rows):,} passages"
    return Table(f"{caption_of('Tokens that were hidden most', len(found), len(put))}{where}", columns, found)


def _decoded(tokenizer: "PreTrainedTokenizerBase", ids: Any) -> str:
    text = tokenizer.decode(list(map(int, ids)), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return str(text)

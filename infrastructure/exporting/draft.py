"""An export while it is made: written aside, asked beside its model, and kept."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from application.export_ports import Wanted
from domain.export import Export, Parity, Score, Speed
from infrastructure.data.some_rows import spread
from infrastructure.disk_errors import disk_errors
from infrastructure.exporting.comparing import Tally, compared, compared_by_outputs
from infrastructure.exporting.directory import facts_of, versions_of, write_card, write_companions
from infrastructure.exporting.forms import form_of
from infrastructure.exporting.graph import Computed, Shape
from infrastructure.exporting.made_rows import made_batches
from infrastructure.exporting.opened import Opened
from infrastructure.exporting.rows import Rows
from infrastructure.exporting.shapes import shape_of
from infrastructure.exporting.texts import LONGEST_PROMPT, NUM_TEXTS, equal_texts
from infrastructure.exporting.timing import timed
from infrastructure.exporting.writing import Writing
from infrastructure.model_files.exports import JUDGING_FILE
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.forecaster import Forecaster
from infrastructure.models.fused.replacing import use_fast_layers
from infrastructure.models.series_inputs import model_inputs

ROWS_OF_A_BATCH = 16
MADE = "made rows of random tokens: the data of the run could not be read, so nothing is said of its scores"


class ExportDraft:
    """Keeps the port `Draft` in a directory aside."""

    def __init__(self, opened: Opened, rows: Rows | None, wanted: Wanted, staging: Path, output: Path) -> None:
        self._opened = opened
        self._rows = rows
        self._wanted = wanted
        self._staging = staging
        self._output = output
        self._form = form_of(wanted, rows)
        self._files: Mapping[str, str] = {}
        self._tally = Tally(self._shape)
        self.is_kept = False

    @property
    def task(self) -> str:
        """Name the task of the model."""
        return self._opened.card.task

    @property
    def rows_told(self) -> str:
        """Say which rows it is compared on."""
        return self._rows.told if self._rows is not None else MADE

    @property
    def warnings(self) -> Sequence[str]:
        """Say what is unusual about the rows."""
        return self._rows.warnings if self._rows is not None else (f"compared on {MADE}.",)

    @property
    def sizes(self) -> tuple[int, int]:
        """Give the bytes of the weights of the model, and of the graphs with what judges beside them."""
        written = {*self._staging.glob(self._form.pattern), *self._staging.glob(JUDGING_FILE)}
        return self._opened.num_bytes, sum(path.stat().st_size for path in written)

    @cached_property
    def _shape(self) -> Shape:
        if self._rows is None or not isinstance(self._opened.model, Forecaster):
            return shape_of(self._opened, None)
        _, batch = next(self._rows.batches())
        return shape_of(self._opened, model_inputs(batch))

    @cached_property
    def _exported(self) -> Computed:
        return self._form.computed(self._opened, self._shape, self._files, self._staging)

    @cached_property
    def _in_torch(self) -> Computed:
        return Computed.in_torch(self._shape)

    def write(self) -> None:
        """Write graphs or weights, and what stands beside them. Raises: ModelError, ExportError, OSError."""
        with disk_errors():
            self._files = self._form.write(self._opened, self._shape, self._staging)
            write_companions(self._opened, self._files, self._staging)

    def compared(self) -> tuple[Parity, Score | None]:
        """Ask both about the same rows."""
        shape, rows, before, after = self._shape, self._rows, self._in_torch, self._exported
        if rows is not None and shape.has_head:
            self._tally, score = compared(before, after, rows)
        else:
            batches = made_batches(self._opened) if rows is None else rows.batches()
            self._tally = compared_by_outputs(before, after, batches)
            score = None if shape.has_head else self._tally.cosine
        texts = (0, 0)
        if isinstance(shape, Writing):
            texts = equal_texts(shape, before.sides, after.sides, self._prompts())
        name_of = (lambda row: f"made row {row + 1}") if rows is None else rows.name
        return self._tally.parity(name_of, texts), score

    def _prompts(self) -> Sequence[Tensor]:
        """Give tokens to write on from: of a decoder the first half of a text, of an encoder-decoder a source."""
        found: list[Tensor] = []
        for asked in self._tally.asked:
            whole = asked["attention_mask"].sum(1) if "attention_mask" in asked else asked["position_ids"][:, -1] // 2
            lengths = whole.clamp(1, LONGEST_PROMPT).tolist()
            found += [ids[:length] for ids, length in zip(asked["input_ids"], lengths, strict=True)]
        return [found[int(place)] for place in spread(len(found), NUM_TEXTS)]

    def speed(self) -> tuple[Sequence[Speed], int]:
        """Measure both by turns on a row of middling length, and on a batch of such rows.

        The model is as `predict` has it, with its fast layers; nothing else is asked of it from then on.
        """
        if not self._files:
            return (), torch.get_num_threads()  # the same model, computed as before
        use_fast_attention(self._opened.model, torch.device("cpu"))
        use_fast_layers(self._opened.model, torch.device("cpu"))
        before, after = self._in_torch.standing(), self._exported.standing()
        middling = self._tally.asked[len(self._tally.asked) // 2]
        sizes = sorted({1, min(ROWS_OF_A_BATCH, *(len(tensor) for tensor in middling.values()))})
        parts = [{name: tensor[:rows] for name, tensor in middling.items()} for rows in sizes]
        return [timed(before, after, inputs) for inputs in parts], torch.get_num_threads()

    def keep(self, told: Export) -> Export:
        """Write what is told of it, the card last. Raises: OSError."""
        told = replace(
            told,
            output_dir=str(self._output),
            files={path.name: path.stat().st_size for path in sorted(self._staging.iterdir())},
            versions=versions_of(self._wanted),
        )
        write_card(self._opened, self._staging, told, facts_of(told, self._shape, self._files))
        self.is_kept = True
        return told

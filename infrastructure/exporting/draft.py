"""An export while it is made: written aside, asked beside its model, and kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from application.export_ports import Wanted
from application.phases import phase
from domain.export import ONNX_INT8, Export, Parity, Score, Speed
from infrastructure.disk_errors import disk_errors
from infrastructure.exporting.comparing import compared, compared_without_targets
from infrastructure.exporting.directory import facts_of, versions_of, write_card, write_companions
from infrastructure.exporting.graph import Shape, Side
from infrastructure.exporting.made_rows import made_batches
from infrastructure.exporting.onnx_graphs import file_of, in_onnx_runtime, write_graph
from infrastructure.exporting.opened import Opened
from infrastructure.exporting.quantising import quantise
from infrastructure.exporting.rows import Rows
from infrastructure.exporting.shapes import shape_of
from infrastructure.exporting.timing import timed
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.fused.replacing import use_fast_layers
from infrastructure.tasks.adapter import Batch

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
        self._files: Mapping[str, str] = {}
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
        """Give the bytes of the weights of the model, and of the graphs."""
        return self._opened.num_bytes, sum(path.stat().st_size for path in self._staging.glob("*.onnx*"))

    @cached_property
    def _shape(self) -> Shape:
        return shape_of(self._opened)

    @cached_property
    def _exported(self) -> Mapping[str, Side]:
        threads = torch.get_num_threads()
        return {name: in_onnx_runtime(self._staging / file, threads) for name, file in self._files.items()}

    @cached_property
    def _in_torch(self) -> Mapping[str, Side]:
        return {graph.name: graph.in_torch() for graph in self._shape.graphs}

    def write(self) -> None:
        """Write the graphs and what stands beside them. Raises: ModelError, ExportError, OSError."""
        self._files = {graph.name: file_of(graph) for graph in self._shape.graphs}
        for graph in self._shape.graphs:
            path = self._staging / self._files[graph.name]
            write_graph(graph, path)
            if self._wanted.format == ONNX_INT8:
                with phase(f"rounding {path.name}"):
                    quantise(path)
        with disk_errors():
            write_companions(self._opened, self._staging)

    def compared(self) -> tuple[Parity, Score | None]:
        """Ask both about the same rows."""
        shape, sides = self._shape, (self._in_torch, self._exported)
        if self._rows is None:
            tally = compared_without_targets(shape, *sides, self._batches())
            return tally.parity(lambda row: f"made row {row + 1}"), None
        tally, score = compared(shape, *sides, self._rows)
        return tally.parity(self._rows.name), score

    def speed(self) -> tuple[Sequence[Speed], int]:
        """Measure both by turns on a row of middling length, and on a batch of such rows.

        The model is as `predict` has it, with its fast layers; nothing else is asked of it from then on.
        """
        use_fast_attention(self._opened.model, torch.device("cpu"))
        use_fast_layers(self._opened.model, torch.device("cpu"))
        before, after = (self._shape.together(sides).eval() for sides in (self._in_torch, self._exported))
        return [timed(before, after, inputs) for inputs in self._middling()], torch.get_num_threads()

    def _batches(self) -> Iterator[tuple[Sequence[int], Batch]]:
        return made_batches(self._opened, self._shape) if self._rows is None else self._rows.batches()

    def _middling(self) -> Iterator[Batch]:
        """Give a row of middling length, and some of them."""
        batches = list(self._batches())
        _, batch = batches[len(batches) // 2]
        count = len(next(iter(batch.values())))
        for rows in (1, min(ROWS_OF_A_BATCH, count)):
            yield {name: batch[name][:rows] for name in self._shape.asked if name in batch}

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

"""A finished model at work, opened from its directory alone."""

import io
import json
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from domain.exceptions import DatasetError, ModelError
from domain.task import Task, task_named
from infrastructure.data.readers import Row, RowFault, not_utf8, read_rows
from infrastructure.data.rows import RowSchema, fault_of, load_rows, text_field_of
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.bundle import read_card
from infrastructure.tasks.sequence_classification import SequenceClassification
from infrastructure.training.dataset_loader import aligned_dataset
from infrastructure.training.device import choose_device, keep_freed_memory
from infrastructure.training.evaluation import evaluate
from infrastructure.training.precision import Precision, choose_precision

ROWS_AT_ONCE = 64
STANDARD_INPUT = "-"


class PredictorSource:
    """Opens run directories and model directories."""

    def open(self, path: str, device: str = "auto") -> "Classifier":
        """Open a finished classifier. Raises: ModelError, ConfigurationError."""
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        directory = Path(path)
        if not directory.is_dir():
            raise ModelError(f"{path} is no directory.", remedy="Name a run directory; see `runs list`.")
        directory = directory / "model" if (directory / "model").is_dir() else directory
        card = read_card(directory)
        try:
            model = AutoModelForSequenceClassification.from_pretrained(directory, use_safetensors=True)
            tokenizer = AutoTokenizer.from_pretrained(directory)
        except Exception as error:  # the library raises a dozen kinds, from OSError to those of its parsers
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
            raise ModelError(f"{directory} cannot be opened: {reason}.", remedy="Restore it or train again.") from error
        return Classifier(model, tokenizer, card, choose_device(device))


class Classifier:
    """Labels texts with the settings that travel with the model."""

    def __init__(self, model: nn.Module, tokenizer: Any, card: Mapping[str, Any], device: torch.device) -> None:
        self._task: Task = task_named(card["task"])
        self._labels: tuple[str, ...] = tuple(card["labels"])
        self._text_fields = (card["text_field"],) if card.get("text_field") else ()
        self._label_field = str(card.get("label_field", "label"))
        self._max_length = int(card["max_length"])
        self._batch_size = int(card.get("batch_size", ROWS_AT_ONCE))
        self._tokenizer = tokenizer
        self._device = device
        self._model = model.to(device).eval()
        keep_freed_memory()
        use_fast_attention(self._model, device)
        named = str(card.get("precision", "auto"))
        self._precision = Precision(choose_precision(named, True, device), device)
        self._adapter = SequenceClassification(
            self._labels, pad_token_id=tokenizer.pad_token_id, negative_label=self._task.negative_label
        )

    def evaluate(self, dataset_path: str) -> Mapping[str, Any]:
        """Score labelled rows: `metrics` over all of them and `num_rows`. Raises: DatasetError."""
        schema = RowSchema(self._fields(), self._label_field, self._task.labels)
        rows = load_rows(Path(dataset_path), schema)
        dataset = aligned_dataset(rows, self._labels, self._tokenizer, self._max_length)
        metrics = evaluate(self._model, self._adapter, dataset, self._batch_size, self._precision, self._device)
        return {"metrics": metrics, "num_rows": len(dataset)}

    def predict(self, input_path: str) -> Iterator[Mapping[str, Any]]:
        """Yield `label` and `scores` (probabilities) for each row in order. Raises: DatasetError at a bad row."""
        texts = _lines_of_standard_input(self._fields()) if input_path == STANDARD_INPUT else self._texts(input_path)
        while batch := list(islice(texts, ROWS_AT_ONCE)):
            yield from self._answers(batch)

    def _fields(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._text_fields, *self._task.text_fields)))

    def _texts(self, path: str) -> Iterator[str]:
        schema = RowSchema(self._fields(), label_field=None)
        field = ""
        for row in read_rows(Path(path)):
            if not field and isinstance(row, Row):
                field = text_field_of(Path(path), row, schema)
            fault = row if isinstance(row, RowFault) else fault_of(row, field, schema)
            if fault is not None:
                raise DatasetError(f"{Path(path).name}:{fault.line}: {fault.problem}.", remedy=fault.remedy)
            assert isinstance(row, Row)
            yield row.values[field]
        if not field:
            raise DatasetError(f"{path} has no rows.", remedy="Give a file with rows.")

    @torch.inference_mode()
    def _answers(self, texts: list[str]) -> Iterator[Mapping[str, Any]]:
        ids = self._tokenizer(texts, truncation=True, max_length=self._max_length)["input_ids"]
        batch = self._adapter.collate([{"input_ids": torch.tensor(sequence)} for sequence in ids], None)
        with self._precision.autocast():
            logits = self._adapter.logits(self._model, {name: t.to(self._device) for name, t in batch.items()})
        for row in torch.softmax(logits, dim=-1).cpu().tolist():
            best = max(range(len(row)), key=row.__getitem__)
            yield {"label": self._labels[best], "scores": dict(zip(self._labels, row, strict=True))}


def _lines_of_standard_input(fields: tuple[str, ...]) -> Iterator[str]:
    """Read a text a line, or a JSON object a line with one of the text fields."""
    stream = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8")
    try:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield _text_of_line(line.rstrip("\r\n"), number, fields)
    except UnicodeDecodeError as error:
        raise not_utf8(Path("standard input"), error) from error


def _text_of_line(line: str, number: int, fields: tuple[str, ...]) -> str:
    try:
        values = json.loads(line)
    except ValueError:
        return line
    if not isinstance(values, dict):
        return line
    for name in fields:
        if isinstance(values.get(name), str) and values[name].strip():
            return str(values[name])
    raise DatasetError(
        f"standard input:{number}: has no text in {' or '.join(map(repr, fields))}.", remedy="Add the field."
    )

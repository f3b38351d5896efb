"""A finished model at work, opened from its directory alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn

from application.answers import TEXT, WORDS, Answers, Column
from application.foreign import foreign_faults
from application.joining import ERROR, NOTHING_KEPT, Keep
from application.labels import LABEL_OPTIONS, OF_A_LABEL, Labels
from application.training import training_of
from application.training_request import FIELD_SETTINGS, field_settings
from domain.exceptions import ConfigurationError, ModelError
from domain.metrics import undefined_told
from domain.program_tests import ProgramTesting
from domain.reading import Reading
from domain.results import EvaluationResult, Report
from domain.run_layout import RunLayout
from domain.task import task_named
from infrastructure.data.files.opening import refuse_stream
from infrastructure.data.sources.asked_rows import AskedRows, asked_rows
from infrastructure.data.sources.inputs import Asked, BadInput, Source
from infrastructure.data.sources.problems import read_problems
from infrastructure.data.sources.shipped import located
from infrastructure.memory import in_smaller_parts
from infrastructure.model_files.card import ModelCard, read_card, require_files, typed_card
from infrastructure.models.adapters.frozen_format import keep_frozen_in
from infrastructure.models.attention import use_fast_attention
from infrastructure.models.forecaster import Forecaster
from infrastructure.models.fused.replacing import use_fast_layers
from infrastructure.parallel.strategy import Forward
from infrastructure.report_page import require_page, write_evaluation_page
from infrastructure.sandbox.programs import require_protections
from infrastructure.tasks.adapter import Scored, TaskAdapter
from infrastructure.tasks.kind import ComparedTask, FinishedTask, Note
from infrastructure.tasks.registry import kind_of
from infrastructure.tasks.writing.tested_programs import score_by_tests
from infrastructure.training.device import choose_device, keep_freed_memory
from infrastructure.training.evaluation import evaluate, rows_to_score, score_rows
from infrastructure.training.precision import Precision, choose_precision

ANSWERS_AT_ONCE = 4096  # to a table
ROWS_DRAWN_TOGETHER = 64  # for what is drawn depends on the rows beside it, and a seed must go on giving what it gave


class PredictorSource:
    """Opens run directories and model directories."""

    def open(self, path: str, device: str = "auto", reading: Mapping[str, Any] | None = None) -> "FinishedModel":
        """Open a finished model of any task; `reading` replaces how it reads files.

        Raises: ModelError, ConfigurationError.
        """
        directory = Path(path)
        if not directory.is_dir():
            raise ModelError(f"{path} is no directory.", remedy="Name a run directory; see `runs list`.")
        within = RunLayout(directory).model
        directory = within if within.is_dir() else directory
        given = _given(reading or {})
        card = {**read_card(directory), **given}
        known = typed_card(ModelCard, card, directory)
        _refuse_foreign(known, given)
        model, task = kind_of(known.task, directory).open(directory, card)
        require_files(known, directory)
        return FinishedModel(model, task, known, choose_device(device), path)


def _refuse_foreign(card: ModelCard, given: Mapping[str, Any]) -> None:
    """Refuse settings that mean nothing to the task of a model. Raises: ConfigurationError."""
    task = task_named(card.task)
    fields = [name for name in FIELD_SETTINGS if name in training_of(task).model_fields]
    remedy = f"Use {' or '.join(fields)}." if fields else "Leave it out: a table is read."
    faults = [f"{name} means nothing to task {task.name}. {remedy}" for name in card.named_fields if name not in fields]
    reading = (name for name in Reading.__dataclass_fields__ if given.get(name) is not None)
    faults += foreign_faults(task, reading)
    if faults:
        raise ConfigurationError.of(faults)


def _given(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check what replaces the settings of a card: how files are read, and where rows hold what."""
    fields = {name: value for name, value in settings.items() if name in FIELD_SETTINGS}
    reading = Reading.given({name: value for name, value in settings.items() if name not in fields}, FIELD_SETTINGS)
    named = {name: value for name, value in field_settings(fields).items() if value is not None}
    return {**reading, **named, "named_fields": list(named)}


class _Told:
    """Takes what a reader of answers should know, each once: memory that ran out makes an answer begin anew."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.facts: list[str] = []

    def __call__(self, sentence: str, *, usual: bool = False) -> None:
        told = self.facts if usual else self.notes
        if sentence not in told:
            told.append(sentence)


def _instead(name: str) -> str:
    if name == "threshold":
        return "It is for tasks that label. Leave it out."
    return f"It is for tasks that {'label, write or fill gaps' if name == 'top_k' else 'write'}. Leave it out."


class FinishedModel:
    """Evaluates and predicts with the settings that travel with the model."""

    def __init__(self, model: nn.Module, task: FinishedTask, card: ModelCard, device: torch.device, place: str) -> None:
        self.task = task
        self._place = place
        self._task_name = card.task
        self._training_rows = card.batch_size
        self._reading = card.reading
        self._device = device
        self._answers_at_once: int | None = None  # once memory ran out
        self._precision = Precision(choose_precision(card.precision, True, device), device)
        if not isinstance(model, Forecaster):  # which computes a part of its answers outside of autocast
            keep_frozen_in(model.requires_grad_(False), self._precision.form)
        self._model = model.to(device).eval()
        self._forward = Forward(self._model)
        keep_freed_memory()
        use_fast_attention(self._model, device)
        use_fast_layers(self._model, device)

    def evaluate(
        self, dataset_path: str, report_path: str | None = None, testing: ProgramTesting | None = None
    ) -> EvaluationResult:
        """Score rows with their targets, or with `testing` by their tests, and write a page where one is asked for.

        Raises: DatasetError; ConfigurationError for a page that cannot be written, or programs that cannot be run.
        """
        if report_path is not None:
            require_page(report_path)
        if testing is not None:
            return self._tested(dataset_path, report_path, testing)
        dataset, adapter = self.task.scored(self._located(dataset_path))
        scored = self.score_rows(dataset, adapter)
        result = self.result_of(scored, dataset, Path(dataset_path).name)
        if report_path is not None:
            examined = self.task.examined(dataset, scored)
            sections = () if examined is None else examined.sections
            write_evaluation_page(report_path, self._place, dataset_path, result, sections)
        return result

    def result_of(self, scored: Scored, dataset: Any, name: str) -> EvaluationResult:
        """Set the scores of rows called `name` beside rivals, and say how sure they are."""
        told = undefined_told(scored.metrics, name)
        rivals = self.task.rivals(dataset, scored) if isinstance(self.task, ComparedTask) else Report()
        warnings = (*getattr(dataset, "warnings", ()), *((told,) if told else ()), *rivals.warnings)
        metrics = {**scored.metrics, **rivals.baselines}
        intervals = {**self.task.intervals(dataset, scored), **rivals.intervals}
        return EvaluationResult(metrics, len(dataset), self._task_name, warnings, intervals)

    def _tested(self, dataset_path: str, report_path: str | None, testing: ProgramTesting) -> EvaluationResult:
        """Score programs that the model writes by running their tests. Raises: ConfigurationError, DatasetError."""
        if "max_new_tokens" not in self.task.options:
            raise ConfigurationError(
                f"run_tests means nothing to task {self._task_name}, which writes no programs.", remedy="Leave it out."
            )
        require_protections()
        path, told = self._located(dataset_path), _Told()
        refuse_stream(path)
        problems = read_problems(Path(path), self._reading, lambda source: self.task.inputs(source, told))
        tested = score_by_tests(problems, testing, self.answer)
        result = EvaluationResult(
            tested.metrics, len(problems), self._task_name, tuple(told.notes), tested.intervals, tested.rows
        )
        if report_path is not None:
            write_evaluation_page(
                report_path, self._place, dataset_path, result, tested.sections, tested.testing.options
            )
        return result

    def score(self, dataset: Any, adapter: TaskAdapter) -> Mapping[str, Any]:
        """Give the metrics of an adapter over a data set that is ready for the model."""
        return evaluate(self._forward, adapter, dataset, self._at_once(dataset), self._precision, self._device)

    def score_rows(self, dataset: Any, adapter: TaskAdapter) -> Scored:
        """Give the same metrics, and what became of each row."""
        return score_rows(self._forward, adapter, dataset, self._at_once(dataset), self._precision, self._device)

    def _at_once(self, dataset: Any) -> int:
        return rows_to_score(dataset, self._training_rows, self._device)

    def predict(
        self,
        input_path: str,
        options: Mapping[str, Any] | None = None,
        on_text: Callable[[str], None] | None = None,
        strict: bool = False,
        keep: Keep = NOTHING_KEPT,
        as_table: bool = False,
    ) -> Answers:
        """Answer each row in order; `on_text` is told texts as they are written, a row at a time.

        A bad row is answered with nulls and the reason, and counted in a note. `keep` says what of a row stands before
        its answer, and `as_table` that the columns of all answers must be known before the first.
        Raises: ConfigurationError for an option that means nothing to the task, or for a column that is not there;
        and, once it comes to that, DatasetError for a file that cannot be read, and when `strict` at a bad row.
        """
        options = dict(options or {})
        self._refuse_foreign_options(options, keep)
        of_labels = {name: options.pop(name, None) for name in LABEL_OPTIONS} if self.task.labels else {}
        Labels.require(of_labels)
        labels = Labels(self.task.labels, **of_labels) if self.task.labels else None
        told = _Told()
        asked = self._asked(input_path, keep, as_table, labels, told)
        rows = self._answered(asked, labels, options, on_text, told, strict)
        return Answers(rows, self.task.gives_table, told.notes, told.facts, asked.columns, asked.num_rows)

    def _refuse_foreign_options(self, options: Mapping[str, Any], keep: Keep) -> None:
        """Refuse what means nothing to the task. Raises: ConfigurationError naming all of it."""
        understood = {*self.task.options, *(LABEL_OPTIONS if self.task.labels else ())}
        foreign = [name for name in options if name not in understood]
        said = [f"{name} means nothing to task {self._task_name}. {_instead(name)}" for name in foreign]
        if keep.was_said and not keep.is_none and not self.task.reads_rows:
            said.append(f"keep means nothing to task {self._task_name}, whose input is one table. Leave it out.")
        if said:
            raise ConfigurationError.of(said)

    def _asked(self, input_path: str, keep: Keep, as_table: bool, labels: Labels | None, told: "_Told") -> AskedRows:
        """Find out what is asked, and what stands beside the answers. Raises: DatasetError, ConfigurationError."""
        path = self._located(input_path)
        refuse_stream(path)
        if not self.task.reads_rows:
            return AskedRows(Source(path))
        return asked_rows(path, keep, as_table, self._answer_columns(labels), self._reading, told)

    def _answer_columns(self, labels: Labels | None) -> tuple[Column, ...]:
        if labels is not None:
            beside = (name for name in self.task.unanswered("") if name not in (*OF_A_LABEL, ERROR))
            return (*labels.columns, *(Column(name, WORDS, knows_missing=True) for name in beside))
        names = (name for name in self.task.unanswered("") if name != ERROR)
        return tuple(Column(name, TEXT if name == "text" else None, knows_missing=True) for name in names)

    def _answered(
        self,
        asked: AskedRows,
        labels: Labels | None,
        options: Mapping[str, Any],
        on_text: Callable[[str], None] | None,
        told: "_Told",
        strict: bool,
    ) -> Iterator[Mapping[str, Any]]:
        num_rows = num_bad = 0
        inputs = self.task.inputs(asked.source, told)
        # What is drawn depends on the rows beside it, and who types decides by chance which of them have come.
        drawn = bool(options.get("temperature"))
        together = min(self.task.rows_at_once, ROWS_DRAWN_TOGETHER) if drawn else self.task.rows_at_once
        alone = on_text is not None or (asked.source.is_standard_input and drawn)
        for batch in asked.batches(inputs, 1 if alone else together):
            bad = [row for row in batch if isinstance(row, BadInput)]
            good = [row.text for row in batch if isinstance(row, Asked)]
            if bad and strict:
                good = good[: batch.index(bad[0])]
            answer_all = self._table_answers if self.task.gives_table else self.answer
            answers = iter(answer_all(good, options, on_text, told) if good else ())
            for row in batch:
                num_rows += 1
                if isinstance(row, BadInput):
                    if strict:
                        raise row.error()
                    answer = self.task.unanswered(row.reason)
                else:
                    answer = next(answers)
                yield asked.joined(num_rows, row.cells, answer if labels is None else labels.told(answer))
            # A table is one input with many answers.
            yield from (answer if labels is None else labels.told(answer) for answer in answers)
            num_bad += len(bad)
        if num_bad:
            told(f"{num_bad:,} of {num_rows:,} rows could not be answered; `error` says why.")
        for fact in (*asked.facts(), *(labels.facts() if labels else ())):
            told(fact, usual=True)

    def _located(self, path: str) -> str:
        return str(located(path, task_named(self._task_name)))

    def _table_answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: Callable[[str], None] | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Answer some at a time: a table of many series has more answers than memory should hold."""
        answers = iter(self.task.answers(self._model, inputs, options, on_text, note))

        @torch.inference_mode()
        def some(_: int) -> list[Mapping[str, Any]]:
            with self._precision.autocast():
                return list(islice(answers, ANSWERS_AT_ONCE))

        while part := in_smaller_parts(some, 1, "while answering"):
            yield from part

    @torch.inference_mode()
    def answer(
        self,
        inputs: Sequence[str],
        options: Mapping[str, Any] | None = None,
        on_text: Callable[[str], None] | None = None,
        note: Note = lambda sentence, usual=False: None,
    ) -> list[Mapping[str, Any]]:
        """Answer some inputs, in order, fewer at once when memory runs out; `note` is told what is unusual.

        Raises: TrainingError when memory is too small for a single one.
        """

        def answered(rows_at_once: int) -> list[Mapping[str, Any]]:
            starts = range(0, len(inputs), rows_at_once)
            parts = [inputs[start : start + rows_at_once] for start in starts]
            with self._precision.autocast():
                answers = (self.task.answers(self._model, part, options or {}, on_text, note) for part in parts)
                return [row for answered in answers for row in answered]

        def remember(rows_at_once: int) -> None:
            self._answers_at_once = rows_at_once

        rows_at_once = min(len(inputs), self._answers_at_once or len(inputs))
        return in_smaller_parts(answered, max(1, rows_at_once), "while answering", remember)

"""A finished model as it is asked, whatever computes it: rows and tables in, answers and scores out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from application.answers import TEXT, WORDS, Answers, Column
from application.joining import ERROR, NOTHING_KEPT, Keep
from application.labels import LABEL_OPTIONS, OF_A_LABEL, Labels
from domain.exceptions import ConfigurationError
from domain.hub_names import name_of_data
from domain.metrics import undefined_told
from domain.program_tests import ProgramTesting
from domain.results import EvaluationResult, Report
from domain.task import task_named
from infrastructure.data.files.opening import refuse_stream
from infrastructure.data.sources.asked_rows import AskedRows, asked_rows
from infrastructure.data.sources.inputs import Asked, BadInput, Source
from infrastructure.data.sources.problems import read_problems
from infrastructure.data.sources.shipped import located
from infrastructure.model_files.card import ModelCard
from infrastructure.tasks.kind import AnsweringTask, ComparedTask, Note
from infrastructure.tasks.scored import Scored

ROWS_DRAWN_TOGETHER = 64  # for what is drawn depends on the rows beside it, and a seed must go on giving what it gave


class Told:
    """Takes what a reader of answers should know, each once: memory that ran out makes an answer begin anew."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.facts: list[str] = []

    def __call__(self, sentence: str, *, usual: bool = False) -> None:
        """Take a sentence."""
        told = self.facts if usual else self.notes
        if sentence not in told:
            told.append(sentence)


def _instead(name: str) -> str:
    if name == "threshold":
        return "It is for tasks that label. Leave it out."
    return f"It is for tasks that {'label, write or fill gaps' if name == 'top_k' else 'write'}. Leave it out."


class AnsweringModel(ABC):
    """Evaluates and predicts with the settings that travel with the model.

    `place` is what a person calls it.
    """

    task: AnsweringTask

    def __init__(self, card: ModelCard, place: str) -> None:
        self._place = place
        self._task_name = card.task
        self._reading = card.reading

    @abstractmethod
    def scored(self, dataset_path: str) -> tuple[Any, Scored]:
        """Make rows with their targets ready, and score them. Raises: DatasetError."""

    @abstractmethod
    def answer(
        self,
        inputs: Sequence[str],
        options: Mapping[str, Any] | None = None,
        on_text: Callable[[str], None] | None = None,
        note: Note = lambda sentence, usual=False: None,
    ) -> list[Mapping[str, Any]]:
        """Answer some inputs, in order; `note` is told what is unusual."""

    @abstractmethod
    def _table_answers(
        self, inputs: Sequence[str], options: Mapping[str, Any], on_text: Callable[[str], None] | None, note: Note
    ) -> Iterator[Mapping[str, Any]]:
        """Give the answers to a table, of which there may be more than memory should hold."""

    def evaluate(
        self, dataset_path: str, report_path: str | None = None, testing: ProgramTesting | None = None
    ) -> EvaluationResult:
        """Score rows with their targets, or with `testing` by their tests, and write a page where one is asked for.

        Raises: DatasetError; ConfigurationError for a page that cannot be written, or programs that cannot be run.
        """
        if report_path is not None:
            from infrastructure.report_page import require_page

            require_page(report_path)
        if testing is not None:
            return self._tested(dataset_path, report_path, testing)
        dataset, scored = self.scored(self._located(dataset_path))
        result = self.result_of(scored, dataset, name_of_data(dataset_path))
        if report_path is not None:
            from infrastructure.report_page import write_evaluation_page

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
        from infrastructure.report_page import write_evaluation_page
        from infrastructure.sandbox.programs import require_protections
        from infrastructure.tasks.writing.tested_programs import score_by_tests

        require_protections()
        path, told = self._located(dataset_path), Told()
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
        told = Told()
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

    def _asked(self, input_path: str, keep: Keep, as_table: bool, labels: Labels | None, told: Told) -> AskedRows:
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
        told: Told,
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
        return str(located(path, task_named(self._task_name), part=""))

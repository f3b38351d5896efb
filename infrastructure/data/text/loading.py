"""From what a request names to the two parts of texts or of pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from application.phases import phase
from application.training import PairTraining, ProseTraining
from domain.exceptions import DatasetError
from domain.reading import AS_FOUND, Reading
from domain.task import STANDARD_LIBRARY, Task, task_named
from infrastructure.data.hub.parts import on_this_disk
from infrastructure.data.pairs.rows import PairRows, load_pairs, pairs_not_in, split_pairs
from infrastructure.data.sources.fields import Names, Sought, sought
from infrastructure.data.splitting import TwoParts
from infrastructure.data.text.documents import Documents, load_documents
from infrastructure.data.text.parts import DocumentPart, documents_not_in, split_documents, whole_documents
from infrastructure.data.text.standard_library import load_standard_library, load_standard_library_pairs


@dataclass(frozen=True)
class SplitText(TwoParts[DocumentPart]):
    """Text in two parts that share no document, or no stretch of the only one."""

    @property
    def has_documents(self) -> bool:
        """Tell whether there are several, each of which then begins with a sign."""
        return len(self.train.documents) > 1 or len(self.evaluation.documents) > 1


@dataclass(frozen=True)
class SplitPairs(TwoParts[np.ndarray]):
    """Pairs in two parts that share no source; row numbers of `train_rows` and of `eval_rows`."""

    train_rows: PairRows
    eval_rows: PairRows

    def train_texts(self) -> "BothTexts":
        """Give the sources and targets of the training part alone."""
        return BothTexts(self.train_rows, self.train)


@dataclass(frozen=True)
class BothTexts(Sequence[str]):
    """Sources and targets of some rows, by turns, read as they are asked for."""

    rows: PairRows
    indices: np.ndarray

    def __len__(self) -> int:
        return 2 * len(self.indices)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]  # slices are of no use here
        row = int(self.indices[index // 2])
        return str((self.rows.targets if index % 2 else self.rows.sources)[row])


def load_text(request: ProseTraining) -> SplitText:
    """Read and split running text. Raises: DatasetError."""
    text = sought("text", task_named(request.task).text_fields, request.text_field)
    documents = open_documents(request.dataset_path, text, request.reading)
    scored = open_documents(request.eval_dataset, text, request.reading) if request.eval_dataset else None
    with phase("checking and splitting"):
        return _split_text(request, documents, scored)


def _split_text(request: ProseTraining, documents: Documents, scored: Documents | None) -> SplitText:
    warnings = [*documents.warnings]
    if documents.num_duplicates:
        warnings.append(
            f"{documents.path.name}: {documents.num_duplicates} documents repeat another (white space aside); "
            "repeats were kept on one side of the split."
        )
    if scored is not None:
        warnings += scored.warnings
        parts = documents_not_in(documents, scored), whole_documents(scored)
        audit = {"documents of both files, left out of training": len(documents) - len(parts[0])}
    else:
        audit = {"documents that repeat another, kept on one side": documents.num_duplicates}
        parts = split_documents(documents, request.validation_split, request.seed)
    return SplitText(train=parts[0], evaluation=parts[1], warnings=tuple(warnings), audit=audit)


def open_documents(path: str, text: Sought, reading: Reading = AS_FOUND) -> Documents:
    """Open a file, a directory or the standard library. Raises: DatasetError."""
    return load_standard_library() if _means_library(path) else load_documents(Path(on_this_disk(path)), text, reading)


def load_pair_data(request: PairTraining) -> SplitPairs:
    """Read, check and split pairs. Raises: DatasetError with every fault of the file."""
    task = task_named(request.task)
    source, target = pair_fields(task, request.source_field, request.target_field)
    rows = open_pairs(request.dataset_path, task, source, target, request.reading)
    scored = open_pairs(request.eval_dataset, task, source, target, request.reading) if request.eval_dataset else None
    with phase("checking and splitting"):
        return _split_pairs(request, rows, scored)


def _split_pairs(request: PairTraining, rows: PairRows, scored: PairRows | None) -> SplitPairs:
    if scored is None:
        train, evaluation, num_repeats = split_pairs(rows, request.validation_split, request.seed)
        warnings = (*rows.warnings, *_repeats(rows, num_repeats))
        audit = {"rows that repeat a source, kept on one side": num_repeats}
        return SplitPairs(rows, rows, train=train, evaluation=evaluation, warnings=warnings, audit=audit)
    train = pairs_not_in(rows, scored)
    if not len(train):
        raise DatasetError(
            f"every source of {rows.path.name} also stands in {scored.path.name}.",
            remedy="Give parts that do not share their rows.",
        )
    warnings = (*rows.warnings, *scored.warnings)
    if len(train) < len(rows):
        warnings += (
            f"{len(rows) - len(train)} rows of {rows.path.name} have a source that also stands in {scored.path.name} "
            "(white space aside); they were left out of training.",
        )
    audit = {"rows with a source of both files, left out of training": len(rows) - len(train)}
    everything = np.arange(len(scored))
    return SplitPairs(rows, scored, train=train, evaluation=everything, warnings=warnings, audit=audit)


def pair_fields(task: Task, source_field: Names | None, target_field: Names | None) -> tuple[Sought, Sought]:
    """Say by which names the two parts of a pair are looked for."""
    return sought("source", task.text_fields, source_field), sought("target", task.target_fields, target_field)


def open_pairs(path: str, task: Task, source: Sought, target: Sought, reading: Reading = AS_FOUND) -> PairRows:
    """Open a file of pairs or those of the standard library. Raises: DatasetError."""
    if _means_library(path):
        return load_standard_library_pairs(task.kind)
    return load_pairs(Path(on_this_disk(path)), source, target, reading)


def _means_library(path: str) -> bool:
    return path == STANDARD_LIBRARY and not Path(path).exists()


def _repeats(rows: PairRows, count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (
        f"{rows.path.name}: {count} rows repeat a source (white space aside); "
        "repeats were kept on one side of the split.",
    )

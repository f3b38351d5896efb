"""The whole audit: what the rows on both sides of a split give away."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from application.phases import phase
from application.training import LabelTraining
from application.training_request import TrainModelRequest
from domain.alarms import alarms_of
from domain.audit import Audit, LabelCount, PartScores
from domain.words import counted
from infrastructure.auditing.clone_search import FoundClones, find_clones, find_conflicts
from infrastructure.auditing.forms import CODE, reads_as
from infrastructure.auditing.learnt_words import LearntWords
from infrastructure.auditing.near_clones import can_find_near_clones
from infrastructure.auditing.part_scores import answers_of_run, parts_of, scored_part
from infrastructure.auditing.side_columns import SideColumns
from infrastructure.auditing.sides import BRIEF, FULL, QUICK, Limits, Side, Sides
from infrastructure.data.labels.loading import SplitRows
from infrastructure.data.some_rows import digest_of

MAX_SCORES = 1_000_000  # rows times labels, which the time of a bag of words follows
MAX_LABELS = 500
OF_THE_ROWS = (
    *("text_field", "label_field", "group_field", "validation_split", "seed"),
    *("delimiter", "encoding", "quoting", "sheet", "max_row_mib", "max_unpacked_mib"),
)
NO_NEAR_CLONES = "near clones were not looked for, which takes datasketch: pip install 'athanor[security]'."


class DatasetAuditor:
    """Finds out what labelled rows give away; the same rows and seed give the same findings."""

    def audit(
        self, dataset: SplitRows, training: LabelTraining, time_field: str | None = None, run: str | None = None
    ) -> Audit:
        """Look at the parts of a training, and at what stands beside their texts.

        `time_field` names a column of times, `run` a finished run whose answers are scored too.
        Raises: DatasetError for columns that are not there or hold no times, RunError for a run without such answers.
        """
        sides = Sides.of_files(dataset)
        return _Auditing(sides, training, FULL, SideColumns.read(sides, training, time_field), run).found()


def brief_audit(dataset: SplitRows, training: LabelTraining) -> Audit:
    """Look at texts, labels and the groups of the split alone, in some seconds: of large data at a sample, and for a
    quick training at a small one.

    It scores no parts, as a training has scores of its own, and raises the alarms.
    """
    sides = Sides.of_training(dataset)
    with phase("looking for what the rows give away"):
        columns = SideColumns.of_split(sides, training)
        audit = _Auditing(sides, training, QUICK if training.quick else BRIEF, columns, None).found(with_scores=False)
    return replace(audit, alarms=alarms_of(audit))


@dataclass(frozen=True)
class _Auditing:
    sides: Sides
    training: LabelTraining
    limits: Limits
    columns: SideColumns
    run: str | None

    def found(self, with_scores: bool = True) -> Audit:
        clones = find_clones(self.sides, self._compared, self._form, self.limits)
        times, notes = self.columns.time_leaks(self.sides)
        is_learnt = len(self.sides.label_names) <= MAX_LABELS
        names = {name: self.columns.of(name, self._learnt) for name in self.columns.names}
        if not is_learnt:
            notes += (f"there are more than {MAX_LABELS} labels: noise, shortcuts and scores were left out.",)
        if not can_find_near_clones():
            notes += (NO_NEAR_CLONES,)
        return Audit(
            dataset_path=str(self.training.dataset_path),
            eval_path=self.training.eval_dataset,
            task=self.training.task,
            negative_label=self.sides.negative_label,
            form=self._form,
            settings=_settings_of(self.training),
            seed=self.training.seed,
            num_train=len(self.sides.train),
            num_eval=len(self.sides.evaluation),
            labels=self._labels(),
            clones=clones.clones,
            conflicts=find_conflicts(self.sides),
            noise=self._words.noise() if is_learnt else None,
            shortcuts=self._words.shortcuts(names) if is_learnt else (),
            held_out_by=self._held_out,
            groups=self.columns.group_leaks(self.sides),
            times=times,
            scores=tuple(self._scores(clones)) if with_scores and is_learnt else (),
            samples=tuple(self._samples(is_learnt)),
            notes=notes,
        )

    @cached_property
    def _compared(self) -> Sides:
        return self.sides.drawn(self.limits.compared, self.limits, self.training.seed)

    @cached_property
    def _learnt(self) -> Sides:
        most = min(self.limits.learnt, max(1, MAX_SCORES // len(self.sides.label_names)))
        return self._compared.drawn(most, self.limits, self.training.seed)

    @cached_property
    def _form(self) -> str:
        # The labels of the task with a negative one are of code, however little of it a row holds.
        return CODE if self.sides.negative_label is not None else reads_as(self._compared.train.texts)

    @cached_property
    def _held_out(self) -> str | None:
        return self.columns.held_out(self.sides)

    @cached_property
    def _words(self) -> LearntWords:
        groups = None if self._held_out is None else self.columns.of(self._held_out, self._learnt)
        limits = self.limits
        return LearntWords(self._learnt, groups, limits.text_characters, limits.num_folds, self.training.seed)

    def _labels(self) -> tuple[LabelCount, ...]:
        train, scored = (
            np.bincount(side.labels, minlength=len(self.sides.label_names)).tolist()
            for side in (self.sides.train, self.sides.evaluation)
        )
        return tuple(map(LabelCount, self.sides.label_names, train, scored))

    def _scores(self, clones: FoundClones) -> list[PartScores]:
        """Score the rows that were learnt from or compared, as they are and without those that training knows."""
        learnt, sides = self._learnt, self.sides
        at = np.searchsorted(self._compared.evaluation.indices, learnt.evaluation.indices)
        shares = {name: self.columns.shared(name, sides, learnt) for name in self.columns.names}
        with phase("scoring with and without what training knows"):
            scores, labels = self._words.scores_of_evaluation(), learnt.evaluation.labels
            answers = None if self.run is None else answers_of_run(self.run, self._digests(), sides.label_names)
            negative, num_classes = self._words.negative, len(sides.label_names)
            return [
                scored_part(name, rows, labels, scores, answers, negative, num_classes)
                for name, rows in parts_of(clones.has_clone[at], shares).items()
            ]

    def _digests(self) -> list[str]:
        side, names = self._learnt.evaluation, self.sides.label_names
        return [digest_of(text, names[label]) for text, label in zip(side.texts, side.labels.tolist(), strict=True)]

    def _samples(self, is_learnt: bool) -> list[str]:
        """Say where a part of the rows, or of their texts, was looked at."""
        looked = [("compared for renamed and near clones", self._compared)]
        looked += [("learnt from and judged by a bag of words", self._learnt)] if is_learnt else []
        told = []
        for done, some in looked:
            parts = [(some.train, self.sides.train, "training"), (some.evaluation, self.sides.evaluation, "evaluation")]
            drawn = [
                f"{len(part):,} of {counted(len(whole), 'rows')} of the {name} part"
                for part, whole, name in parts
                if len(part) < len(whole)
            ]
            if drawn:
                told.append(f"{' and '.join(drawn)} were {done}, drawn by the seed.")
        long = sum(_num_long(side, self.limits) for side in (self._compared.train, self._compared.evaluation))
        if long:
            most = self.limits.text_characters
            told.append(
                f"of {counted(long, 'texts')} only the first {most:,} characters were looked at for near clones and "
                "words."
            )
        return told


def _settings_of(training: LabelTraining) -> dict[str, Any]:
    """Give the settings that decide which rows are read and how they are split, where they are not the usual ones."""
    usual = TrainModelRequest(task=training.task).resolved()
    told = {name: getattr(training, name) for name in OF_THE_ROWS if getattr(training, name) != getattr(usual, name)}
    if training.eval_dataset is not None:
        told.pop("validation_split", None)
    return told


def _num_long(side: Side, limits: Limits) -> int:
    return int((side.num_bytes > limits.text_characters).sum())

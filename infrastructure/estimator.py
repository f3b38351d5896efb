"""Finds out what a training will take: three micro-batches of it, its baselines, and what disk and memory have left."""

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from application.ports import Run, SplitDataset, TrainableModel
from application.training import Training
from domain.estimate import Estimate
from domain.exceptions import ConfigurationError
from domain.plan import TrainingPlan
from domain.results import Report
from domain.run_layout import RunLayout
from domain.step_size import ROWS, StepSize
from infrastructure.data.kept.cache import aside, cache_root, cached_aside
from infrastructure.memory import lost_memory_told
from infrastructure.models.bundle import ModelBundle
from infrastructure.models.dropout import draws
from infrastructure.parallel.choosing import choose_parallel
from infrastructure.parallel.strategy import Parallel
from infrastructure.tasks.adapter import TaskAdapter, feed_of, lengths_of, plan_of, rows_at_once
from infrastructure.tasks.kind import ComparedKind, Prepared
from infrastructure.tasks.registry import kind_of
from infrastructure.training.arguments import metric_of
from infrastructure.training.device import free_memory_bytes
from infrastructure.training.disk_space import CHOOSE, DiskNeeds, disk_needs, tight, too_little
from infrastructure.training.evaluation import evaluate, rows_to_score
from infrastructure.training.machine import computing_with
from infrastructure.training.measuring import Measured, measured
from infrastructure.training.session import Session, open_session
from infrastructure.training.unpadding import train_without_padding
from infrastructure.workshop import own, prepare

PERCENTILES = (50, 90, 95, 99)


class Estimator:
    """Does what a training does at its beginning, and writes into a place of its own that is then removed."""

    def aside(self) -> AbstractContextManager[object]:
        """Keep what is cached within the block in a place that is gone behind it."""
        return cached_aside()

    def estimate(self, request: Training, model: TrainableModel, dataset: SplitDataset, run: Run) -> Estimate:
        """Measure on the real model, which is then of no use.

        Raises: ConfigurationError, DatasetError, ModelError, TrainingError.
        """
        bundle, place = own(model, ModelBundle), aside()
        assert place is not None, "called outside of `aside`"
        config = request.training_config()
        parallel = choose_parallel(config.parallel)
        if parallel.shards:
            raise ConfigurationError(
                f"a dry run measures a whole model on each device, and parallel is {parallel.name}, which divides it.",
                remedy="Try it with parallel=auto, or train for a few steps with max_steps.",
            )
        prepared = prepare(request, bundle, dataset, RunLayout(place).rehearsal)
        metric_of(config.metric_name, prepared.adapter)
        plan, ranks = plan_of(config, prepared.train), parallel.ranks
        with lost_memory_told("in the dry run"), computing_with(None):
            session = open_session(bundle.model, prepared.adapter, config, bundle.base, Parallel(ranks.apart()))
            train_without_padding(session, prepared.train)
            rivals = self._baselines(request, dataset, session, config.step_size)
            part = (ranks.rank, ranks.size, draws(bundle.model))
            feed = feed_of(prepared.train, config.step_size, config.seed, *part)
            rows = (prepared.train, prepared.evaluation)
            found = measured(session, feed, *rows, config.step_size, plan.total_steps, parallel)
        needs = disk_needs(session, plan, config.max_checkpoints)
        memory = {"peak_bytes": found.peak_bytes, "free_bytes": free_memory_bytes(session.device)}
        disk = _disk(needs, Path(run.path), place)
        steps, seconds = _time(plan, found, len(prepared.evaluation), bundle.answers_untrained)
        if config.time_budget is not None:
            seconds["budget"] = config.time_budget
        warnings = (
            *dataset.warnings,
            *bundle.warnings,
            *rivals.warnings,
            *_warnings(needs, disk, config.step_size, found),
        )
        return Estimate(
            num_parameters=bundle.num_parameters,
            num_trainable=bundle.num_trainable,
            device=str(session.device),
            precision=session.precision.name,
            lengths=_lengths(prepared),
            steps=steps,
            seconds=seconds,
            memory=memory,
            disk=disk,
            baselines=rivals.baselines,
            warnings=warnings,
        )

    def _baselines(self, request: Training, dataset: SplitDataset, session: Session, size: StepSize) -> Report:
        kind: Any = kind_of(request.task, request.model_name)
        if not isinstance(kind, ComparedKind):
            return Report()

        def score(rows: Any, adapter: TaskAdapter) -> Mapping[str, Any]:
            at_once = rows_to_score(rows, rows_at_once(size, rows), session.device)
            return evaluate(session.forward, adapter, rows, at_once, session.precision, session.device)

        return kind.baselines(request, dataset, score)


def _lengths(prepared: Prepared) -> dict[str, float]:
    """Count tokens; rows of a table have none, and all of their lengths are alike."""
    lengths = lengths_of(prepared.train)
    if int(lengths.max()) == 1:
        return {}
    found = {f"p{level}": float(np.percentile(lengths, level)) for level in PERCENTILES}
    cut = prepared.train.was_cut if hasattr(prepared.train, "was_cut") else np.zeros(1)
    return {**found, "longest": float(lengths.max()), "share_cut": float(np.mean(cut))}


def _time(
    plan: TrainingPlan, found: Measured, num_eval_rows: int, scores_untrained: bool
) -> tuple[dict[str, int], dict[str, float]]:
    evaluations = scores_untrained - (-plan.total_steps // plan.eval_steps) if num_eval_rows else 0
    steps = {
        "total": plan.total_steps,
        "per_epoch": plan.steps_per_epoch,
        "evaluations": evaluations,
        f"{plan.step_size.unit}_at_once": found.at_once,
        plan.step_size.unit: plan.step_size.per_step,
    }
    total = plan.total_steps * found.step_seconds + evaluations * found.evaluation_seconds
    return steps, {"step": found.step_seconds, "evaluation": found.evaluation_seconds, "total": total}


def _disk(needs: DiskNeeds, run: Path, place: Path) -> dict[str, int]:
    kept = cache_root()
    return {
        "run_bytes": needs.wanted,
        "checkpoint_bytes": needs.checkpoint,
        "model_bytes": needs.model,
        "cache_bytes": sum(file.stat().st_size for file in kept.rglob("*") if file.is_file()),
        "free_bytes": _free(run),
    }


def _free(place: Path) -> int:
    """Tell what the disk has left on which a directory will be."""
    there = next(parent for parent in (place.absolute(), *place.absolute().parents) if parent.exists())
    return shutil.disk_usage(there).free


def _warnings(needs: DiskNeeds, disk: Mapping[str, int], size: StepSize, found: Measured) -> list[str]:
    free = disk["free_bytes"]
    told = [f"{too_little(needs, free)} {CHOOSE.capitalize()}." if free < needs.least else tight(needs, free)]
    if found.at_once < size.at_once:
        whole = f"{size.at_once} of the longest rows" if size.unit == ROWS else f"{size.at_once:,} tokens"
        told.append(
            f"memory has no room for {whole} at once: micro-batches will have {found.at_once:,}, the steps stay equal."
        )
    return [sentence for sentence in told if sentence]

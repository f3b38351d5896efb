import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.config import TrainingConfig
from domain.exceptions import ConfigurationError
from domain.metrics import MetricStatistics, direction_of, is_better
from domain.plan import TrainingPlan
from domain.progress import EarlyStopping, Progress, StepResult
from domain.retention import CheckpointMetadata, kept, ranked
from domain.schedule import SCHEDULERS, lr_factor


def plan_of(num_rows: int = 100, **settings: object) -> TrainingPlan:
    return TrainingPlan.of(TrainingConfig(**settings), num_rows)  # type: ignore[arg-type]


def result(loss: float = 1.0, applied: bool = True, finite: bool = True) -> StepResult:
    return StepResult(loss, 1.0, 1e-3, applied, finite, num_rows=4, num_tokens=40)


def checkpoint(step: int, value: float | None) -> CheckpointMetadata:
    return CheckpointMetadata(f"step-{step}", step, 0, "m", value, 0.0, 1)


class TestSchedule:
    @given(st.sampled_from(SCHEDULERS), st.integers(1, 400), st.data())
    def test_no_step_is_wasted_at_rate_zero_and_none_exceeds_the_peak(
        self, name: str, total: int, data: st.DataObject
    ) -> None:
        warmup = data.draw(st.integers(0, total - 1))
        factors = [lr_factor(name, step, total, warmup) for step in range(total)]
        assert all(0.0 < factor <= 1.0 for factor in factors)

    def test_linear_follows_its_closed_form(self) -> None:
        factors = [lr_factor("linear", step, 1000, 100) for step in range(1000)]
        assert factors[:100] == pytest.approx([(step + 1) / 101 for step in range(100)])
        assert factors[100:] == pytest.approx([(1000 - step) / 900 for step in range(100, 1000)])

    def test_cosine_follows_its_closed_form(self) -> None:
        for step in range(100, 1000):
            expected = (1 + math.cos(math.pi * (step - 100) / 900)) / 2
            assert lr_factor("cosine", step, 1000, 100) == pytest.approx(expected, abs=1e-12)

    def test_constant_stays_after_its_warm_up(self) -> None:
        assert {lr_factor("constant", step, 50, 10) for step in range(10, 50)} == {1.0}


class TestPlan:
    def test_steps_cover_every_row_of_every_epoch(self) -> None:
        plan = plan_of(103, batch_size=8, gradient_accumulation_steps=2, num_epochs=3)
        assert (plan.step_size.per_step, plan.steps_per_epoch, plan.total_steps) == (16, 7, 21)

    def test_evaluation_and_saving_come_after_each_epoch_and_at_the_end(self) -> None:
        plan = plan_of(80, batch_size=8, num_epochs=2, max_steps=15)
        assert [step for step in range(1, 16) if plan.evaluates_at(step)] == [10, 15]
        assert [step for step in range(1, 16) if plan.saves_at(step)] == [10, 15]

    def test_given_cadences_are_kept(self) -> None:
        plan = plan_of(80, batch_size=8, num_epochs=1, eval_steps=4, save_steps=3, logging_steps=5)
        assert [step for step in range(1, 11) if plan.evaluates_at(step)] == [4, 8, 10]
        assert [step for step in range(1, 11) if plan.saves_at(step)] == [3, 6, 9, 10]
        assert [step for step in range(1, 11) if plan.logs_at(step)] == [5, 10]

    def test_a_warm_up_as_long_as_the_run_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="warmup_steps is 10, but the run has 10 steps"):
            plan_of(80, batch_size=8, num_epochs=1, warmup_steps=10)


class TestProgress:
    def progress(self, direction: str = "max", patience: int = 2, min_delta: float = 0.0) -> Progress:
        return Progress(direction, EarlyStopping(patience, min_delta), micro_batch_size=8)

    def test_a_dropped_step_moves_the_feed_but_not_the_schedule(self) -> None:
        progress = self.progress()
        progress.advance(result())
        progress.advance(result(math.nan, applied=False, finite=False))
        assert (progress.step, progress.applied_steps, progress.num_bad_steps) == (2, 1, 1)
        assert progress.loss_ema == 1.0

    def test_only_bad_steps_in_a_row_count_together(self) -> None:
        progress = self.progress()
        for finite in (False, False, True, False):
            progress.advance(result(applied=finite, finite=finite))
        assert progress.bad_steps_in_row == 1

    def test_patience_counts_evaluations_without_gain(self) -> None:
        progress = self.progress(patience=2, min_delta=0.05)
        stops = []
        for value in (0.5, 0.53, 0.6, 0.61, 0.62):
            progress.consider({"f1": value}, "f1", epoch=0)
            stops.append(progress.stopped)
        assert stops == ["", "", "", "", "early_stopping"]
        assert progress.best_metric == 0.62  # the best is the best, however small the gain

    def test_a_patience_of_zero_never_stops(self) -> None:
        progress = self.progress(patience=0)
        for _ in range(50):
            progress.consider({"f1": 0.1}, "f1", epoch=0)
        assert progress.stopped == ""

    def test_a_nan_score_is_never_the_best(self) -> None:
        progress = self.progress()
        assert not progress.consider({"f1": math.nan}, "f1", epoch=0)
        assert progress.best_metric is None

    def test_the_first_of_equal_scores_stays_the_best(self) -> None:
        progress = self.progress(direction="min")
        for step in (1, 2):
            progress.step = step
            progress.consider({"loss": 0.5}, "loss", epoch=step)
        assert (progress.best_step, progress.best_epoch) == (1, 1)

    def test_a_rollback_halves_the_rate_and_is_remembered(self) -> None:
        now, earlier = self.progress(), self.progress()
        now.num_rollbacks, now.lr_scale, now.micro_batch_size = 1, 0.5, 4
        back = now.roll_back(earlier)
        assert (back.num_rollbacks, back.lr_scale, back.micro_batch_size, back.step) == (2, 0.25, 4, 0)

    def test_json_keeps_everything(self) -> None:
        progress = self.progress()
        progress.advance(result())
        progress.consider({"f1": 0.5, "per_class": {"a": {"f1": 0.5}}}, "f1", epoch=0)
        assert Progress.from_json(progress.to_json()) == progress


class TestRetention:
    def test_the_best_and_the_newest_stay(self) -> None:
        saved = [checkpoint(step, value) for step, value in ((1, 0.9), (2, 0.1), (3, 0.2), (4, None))]
        assert kept(saved, "max", max_checkpoints=2) == {"step-1", "step-4"}
        assert kept(saved, "min", max_checkpoints=3) == {"step-2", "step-4", "step-3"}

    def test_of_equals_the_earlier_is_the_best(self) -> None:
        assert [c.step for c in ranked([checkpoint(2, 0.5), checkpoint(1, 0.5)], "max")] == [1, 2]

    @given(
        st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 3)
    )
    def test_the_best_is_never_deleted_and_the_limit_holds(
        self, values: list[float | None], limit: int, keep_best: int
    ) -> None:
        saved = [checkpoint(step, value) for step, value in enumerate(values)]
        stay = kept(saved, "max", limit, keep_best)
        assert f"step-{len(values) - 1}" in stay
        assert {c.name for c in ranked(saved, "max")[:keep_best]} <= stay
        assert len(stay) <= max(limit, keep_best + 1)


class TestMetrics:
    def test_statistics_are_those_of_the_population(self) -> None:
        assert MetricStatistics.of([1.0, 2.0, 3.0, math.nan]) == MetricStatistics(3, 2.0, math.sqrt(2 / 3), 1.0, 3.0)

    @pytest.mark.parametrize(
        ("name", "direction"),
        [("eval_loss", "min"), ("macro_f1", "max"), ("eval_accuracy", "max"), ("perplexity", "min"), ("ece", "min"),
         ("pr_auc", "max"), ("fpr", "min"), ("tpr", "max"), ("pinball_loss", "min"), ("bleu", "max"), ("mae", "min")],
    )  # fmt: skip
    def test_the_direction_of_a_metric_is_known_by_its_name(self, name: str, direction: str) -> None:
        assert direction_of(name) == direction

    def test_min_delta_must_be_exceeded(self) -> None:
        assert not is_better(0.55, 0.5, "max", 0.05 + 1e-12)
        assert is_better(0.44, 0.5, "min", 0.05)

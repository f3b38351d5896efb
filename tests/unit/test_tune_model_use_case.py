"""A study is told as a whole by its use case: what is trained, taken up, judged, repeated and chosen."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from application.tuning_request import TuneModelRequest
from application.use_cases.study_work import request_for
from application.use_cases.train_model import TrainModelResponse
from application.use_cases.tune_model import TuneModelUseCase
from domain.exceptions import ConfigurationError, TrainingError
from domain.runs import FINISHED, RUNNING
from domain.study import COMPLETED, FAILED, PRUNED, Study, Trial
from tests.fakes.ports import FakeMonitor, StopsAt
from tests.fakes.runs import FakeRemover
from tests.fakes.studies import (
    FakeAdvisor,
    FakeLedger,
    FakeRuns,
    FakeStudyFiles,
    FakeStudyWatcher,
    FakeTrainings,
    FakeWorkers,
)

SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}
TEXTS = TrainModelRequest(task="text_classification", model_name="encoder-tiny")
FAILURE = TrainModelResponse(success=False, errors=("memory ran out.",), exit_code=1)


@dataclass
class World:
    ledger: FakeLedger = field(default_factory=FakeLedger)
    advisor: FakeAdvisor = field(default_factory=FakeAdvisor)
    files: FakeStudyFiles = field(default_factory=FakeStudyFiles)
    workers: FakeWorkers = field(default_factory=FakeWorkers)
    trainings: FakeTrainings = field(default_factory=FakeTrainings)
    best: FakeTrainings = field(default_factory=FakeTrainings)
    runs: FakeRuns = field(default_factory=FakeRuns)
    remover: FakeRemover = field(default_factory=FakeRemover)
    watcher: FakeStudyWatcher = field(default_factory=FakeStudyWatcher)

    def tune(self, **asked: Any) -> Study:
        request = TuneModelRequest(
            **{"training": TEXTS, "space": SPACE, "trials": 4, "seeds": 2, "output_dir": "study", **asked}
        )
        work: Any = TuneModelUseCase(
            self.ledger,
            self.advisor,
            self.files,
            self.workers,
            self.trainings,  # type: ignore[arg-type]  # of a use case no more than its job is asked
            self.trainings,  # type: ignore[arg-type]
            self.best,  # type: ignore[arg-type]
            self.best,  # type: ignore[arg-type]
            self.runs,  # type: ignore[arg-type]
            self.remover,
        )
        study: Study = work.execute(request, self.watcher)
        return study


def test_the_defaults_come_first_and_the_best_three_and_they_are_trained_again() -> None:
    world = World(advisor=FakeAdvisor(rates=(2e-3, 5e-3, 4e-3, 3e-3)))
    study = world.tune(trials=5)
    assert [each.settings["learning_rate"] for each in study.trials] == [1e-3, 2e-3, 5e-3, 4e-3, 3e-3]
    assert world.trainings.asked[0].learning_rate is None  # as nobody has searched it
    assert [(each.number, each.seed) for each in study.repeats] == [(0, 43), (2, 43), (3, 43), (4, 43)]
    assert study.chosen == 2
    assert study.candidates[0].values == pytest.approx({42: 5.0, 43: 5.1})
    assert study.difference == pytest.approx((4.0, 4.0, 4.0))
    assert study.verdict == "better"
    assert world.best.asked[0].learning_rate == 5e-3
    assert world.best.asked[0].output_dir == "study/best"
    assert world.files.finished is study
    assert world.ledger.is_closed


def test_settings_that_were_only_lucky_with_the_first_seed_are_not_chosen() -> None:
    lucky = TrainModelResponse(success=True, best_metric=9.0, stop_reason="completed")
    unlucky = replace_metric(lucky, 0.1)
    world = World(trainings=FakeTrainings(answers={(3e-3, 42): lucky, (3e-3, 43): unlucky}))
    study = world.tune()
    assert max(study.trials, key=lambda each: each.value or 0.0).settings == {"learning_rate": 3e-3}
    assert study.candidates[0].settings == {"learning_rate": 3e-3}  # mean 4.55 is still the best
    world = World(trainings=FakeTrainings(answers={(3e-3, 42): replace_metric(lucky, 4.2), (3e-3, 43): unlucky}))
    assert world.tune().candidates[0].settings == {"learning_rate": 4e-3}


def replace_metric(response: TrainModelResponse, value: float) -> TrainModelResponse:
    return response.model_copy(update={"best_metric": value})


def test_a_hopeless_trial_ends_at_its_first_score_and_the_defaults_never() -> None:
    world = World(advisor=FakeAdvisor(hopeless=(1e-3, 3e-3)))
    study = world.tune()
    assert [each.state for each in study.trials] == [COMPLETED, COMPLETED, PRUNED, COMPLETED]
    assert study.trials[2].curve == ((5, 1.5),)
    assert study.trials[2].value == 1.5
    assert study.trials[2].kept == {"asked": 1.0}


def test_a_training_that_a_dead_worker_left_is_gone_on_with_first_and_under_its_number() -> None:
    place = "/nowhere/trials/0001"
    there = Trial(1, {"learning_rate": 2e-3}, run_dir=place, curve=((5, 1.0),), value=1.0, total_steps=10)
    defaults = Trial(0, {"learning_rate": 1e-3}, state=COMPLETED, value=1.0, run_dir="/nowhere/trials/0000")
    world = World(ledger=FakeLedger(known={"0000": defaults, "0001": there}, left={"0001"}))
    study = world.tune()
    assert [each.number for each in study.trials] == [0, 1, 2, 3]
    assert study.trials[1].value == pytest.approx(2.0)
    assert world.trainings.asked[0].learning_rate == 2e-3


def test_a_trial_that_was_judged_before_its_worker_died_is_not_trained_on() -> None:
    judged = Trial(1, {"learning_rate": 2e-3}, run_dir="/x/trials/0001", value=1.0, is_hopeless=True)
    defaults = Trial(0, {"learning_rate": 1e-3}, state=COMPLETED, value=1.0)
    world = World(ledger=FakeLedger(known={"0000": defaults, "0001": judged}, left={"0001"}))
    study = world.tune()
    assert study.trials[1].state == PRUNED
    assert 2e-3 not in [each.learning_rate for each in world.trainings.asked]


def test_a_run_that_was_finished_before_its_worker_died_gives_its_score(tmp_path: Any) -> None:
    place = tmp_path / "study/trials/0001"
    place.mkdir(parents=True)
    left = Trial(1, {"learning_rate": 2e-3}, run_dir=str(place))
    defaults = Trial(0, {"learning_rate": 1e-3}, state=COMPLETED, value=1.0)
    world = World(
        ledger=FakeLedger(known={"0000": defaults, "0001": left}, left={"0001"}),
        runs=FakeRuns(known={str(place): (FINISHED, 7.5)}),
    )
    study = world.tune()
    assert (study.trials[1].state, study.trials[1].value) == (COMPLETED, 7.5)
    assert str(place) not in world.trainings.resumed


def test_a_trial_that_fails_is_told_with_its_reason_and_the_study_goes_on() -> None:
    world = World(trainings=FakeTrainings(answers={(3e-3, 42): FAILURE}))
    study = world.tune()
    assert [each.state for each in study.trials] == [COMPLETED, COMPLETED, FAILED, COMPLETED]
    assert study.trials[2].reason == "memory ran out."
    assert (study.exit_code, study.chosen) == (0, 3)
    assert [each.number for each in world.watcher.told if each.seed is None] == [0, 1, 2, 3]


def test_where_all_fail_the_reasons_are_told() -> None:
    failing = {(rate, 42): FAILURE for rate in (1e-3, 2e-3, 3e-3, 4e-3)}
    study = World(trainings=FakeTrainings(answers=failing)).tune()
    assert study.exit_code == 1
    assert study.errors[0] == "no trial was completed."
    assert study.errors[1] == "trial 0: memory ran out."


def test_trials_that_fail_alike_one_after_the_other_end_the_study() -> None:
    failing = {(rate, 42): FAILURE for rate in (1e-3, 2e-3, 3e-3, 4e-3, 5e-3)}
    with pytest.raises(TrainingError, match=r"5 trials in a row have failed alike: memory ran out\."):
        World(trainings=FakeTrainings(answers=failing)).tune(trials=9)


def test_bad_input_of_the_defaults_ends_the_study_and_leaves_nothing() -> None:
    bad = TrainModelResponse(success=False, errors=("rows.csv does not exist.",), exit_code=2)
    world = World(trainings=FakeTrainings(answers={(1e-3, 42): bad}))
    with pytest.raises(ConfigurationError, match=r"rows\.csv does not exist"):
        world.tune()
    assert world.ledger.known == {}
    assert world.files.withdrawn == 1


def test_a_full_disk_ends_the_study_in_a_sentence_and_leaves_the_trial_to_be_taken_up() -> None:
    full = TrainModelResponse(
        success=False, errors=("runs/x cannot be written: No space left on device.",), exit_code=2
    )
    world = World(trainings=FakeTrainings(answers={(3e-3, 42): full}))
    study = world.tune()
    assert (study.exit_code, world.ledger.left) == (1, {"0002"})
    assert study.errors == (
        "runs/x cannot be written: No space left on device. Make room, then the same command goes on.",
    )
    world.trainings.answers = {}
    assert [each.state for each in world.tune().trials] == [COMPLETED] * 4


def test_a_wish_to_stop_leaves_the_trial_and_the_same_request_goes_on() -> None:
    world = World()
    world.watcher.monitor = FakeMonitor("SIGINT")
    study = world.tune()
    assert (study.exit_code, study.errors) == (130, ("stopped (SIGINT) after saving; the same command goes on.",))
    assert world.ledger.left == {"0000"}
    world.watcher.monitor = None
    assert [each.number for each in world.tune().trials] == [0, 1, 2, 3]


def test_a_wish_to_stop_that_comes_when_a_trial_is_over_stops_the_study() -> None:
    world = World()
    world.watcher.monitor = StopsAt(1)  # at the half of a trial nobody wishes it yet, behind its end somebody does
    study = world.tune()
    assert (study.exit_code, study.errors) == (1, ("stopped (cancelled) after saving; the same command goes on.",))
    assert (len(world.trainings.asked), world.ledger.known["0000"].state) == (1, COMPLETED)
    assert world.best.asked == []


def test_a_space_that_is_tried_out_ends_the_search_before_its_trials() -> None:
    study = World(advisor=FakeAdvisor(rates=(2e-3,))).tune(trials=9)
    assert len(study.trials) == 2
    assert study.chosen == 1
    assert study.warnings == ("2 of 9 trials were begun: the space holds no other settings.",)


def test_a_timeout_begins_no_trial_but_the_defaults_and_says_so() -> None:
    study = World().tune(timeout=1e-9)
    assert len(study.trials) == 1
    assert study.warnings == ("1 of 4 trials were begun: the timeout is over; the same command goes on.",)
    assert World().tune().warnings == ()


def test_nothing_is_repeated_while_another_worker_is_at_a_trial_that_may_be_the_best() -> None:
    other = Trial(1, {"learning_rate": 9e-3}, run_dir="/x/trials/0001")

    def ends(ledger: FakeLedger) -> None:
        assert all(each.seed is None for each in ledger.trials())
        ledger.known["0001"] = replace(other, state=COMPLETED, value=9.0)

    world = World(ledger=FakeLedger(known={"0001": other}, on_wait=ends))
    world.ledger.known["0000"] = Trial(0, {"learning_rate": 1e-3}, state=COMPLETED, value=1.0)
    study = world.tune(trials=2)
    assert world.ledger.waits == 1
    assert study.chosen == 1


def test_a_trial_of_other_rows_is_refused() -> None:
    world = World()
    world.ledger.known["0000"] = Trial(0, {"learning_rate": 1e-3}, state=COMPLETED, value=1.0, data="b")
    with pytest.raises(TrainingError, match="other rows"):
        world.tune()
    assert world.ledger.known["0001"].state == FAILED


def test_more_trials_of_a_finished_study_replace_its_best_run(tmp_path: Any) -> None:
    world = World()
    first = world.tune(trials=2)
    place = "study/best"
    world.runs = FakeRuns(known={place: (FINISHED, 2.0)})
    assert world.tune(trials=2).trials == first.trials
    assert world.remover.deleted == []
    assert len(world.best.asked) == 1
    assert world.tune(trials=4).chosen == 3
    assert world.remover.deleted == [place]
    assert world.best.asked[-1].learning_rate == 4e-3


def test_the_best_run_that_another_worker_trains_is_awaited() -> None:
    world = World(runs=FakeRuns(known={"study/best": (RUNNING, 4.0)}))

    def ends(ledger: FakeLedger) -> None:
        world.runs.known = {"study/best": (FINISHED, 4.0)}
        world.files.kept = request_for(TEXTS, Trial(3, {"learning_rate": 4e-3}))

    world.ledger.on_wait = ends
    study = world.tune()
    assert (world.ledger.waits, study.chosen, study.run_dir) == (1, 3, "study/best")
    assert world.best.asked == []


def test_other_workers_are_watched_and_stopped_and_the_rest_is_done_here() -> None:
    world = World()
    study = world.tune(workers=2)
    assert world.workers.is_stopped
    assert len(study.trials) == 4
    assert "2 workers train" in world.watcher.doing


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"trials": 0}, "trials is 0"),
        ({"workers": 0}, "workers is 0"),
        ({"seeds": 11}, "seeds is 11"),
        ({"timeout": -1.0}, "timeout is -1"),
        ({"sampler": "tpee"}, "sampler 'tpee'"),
        ({"pruner": "median2"}, "pruner 'median2'"),
        ({"study": " "}, "study is empty"),
        ({"space": {"seed": [1, 2]}}, "seed is luck"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(asked: dict[str, Any], said: str) -> None:
    world = World()
    with pytest.raises(ConfigurationError, match=said):
        world.tune(**asked)
    assert world.trainings.asked == []

"""The graph of the application can be built, all of it, and any part of it replaced."""

from collections.abc import Callable
from typing import Any

import pytest

from application.training_request import TrainModelRequest
from application.use_cases.audit_dataset import AuditDatasetUseCase
from application.use_cases.backtest import BacktestUseCase
from application.use_cases.clean_runs import CleanRunsUseCase
from application.use_cases.compare_runs import CompareRunsUseCase
from application.use_cases.delete_runs import DeleteRunsUseCase
from application.use_cases.evaluate_model import EvaluateModelUseCase
from application.use_cases.export_model import ExportModelUseCase
from application.use_cases.find_learning_rate import FindLearningRateUseCase
from application.use_cases.list_runs import ListRunsUseCase
from application.use_cases.plan_training import PlanTrainingUseCase
from application.use_cases.predict import PredictUseCase
from application.use_cases.push_model import PushModelUseCase
from application.use_cases.resume_training import ResumeTrainingUseCase
from application.use_cases.scan_tree import ScanTreeUseCase
from application.use_cases.show_run import ShowRunUseCase
from application.use_cases.train_model import TrainModelUseCase
from application.use_cases.tune_model import TuneModelUseCase
from application.use_cases.verify_resume import VerifyResumeUseCase
from infrastructure.answers.answer_files import AnswerFiles
from infrastructure.answers_container import AnswersContainer
from infrastructure.auditing.auditor import DatasetAuditor
from infrastructure.auditing.writing import AuditFiles
from infrastructure.backtest.cutting import TableFolds
from infrastructure.backtest.files import BacktestFiles
from infrastructure.backtest.scoring import FinishedOnFolds
from infrastructure.container import Container
from infrastructure.data.labels.loading import ClassificationData
from infrastructure.estimator import Estimator
from infrastructure.exporting.exporter import Exporter
from infrastructure.hardware import HardwareReport
from infrastructure.parallel.spokesman import Spokesman
from infrastructure.predictors import PredictorSource
from infrastructure.rate_sweep.pictures import RateCurves
from infrastructure.rate_sweep.sweeping import TrainingSweeper
from infrastructure.report_writer import ReportWriter
from infrastructure.runs.forked_trials import ForkedTrials
from infrastructure.runs.outcome_pairs import OutcomePairs
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_remover import RunRemover
from infrastructure.runs.run_store import RunStore
from infrastructure.runs_container import RunsContainer
from infrastructure.scan.baseline_files import BaselineFiles
from infrastructure.scan.examining import SecurityExaminers
from infrastructure.scan.tree import SourceTree
from infrastructure.scan.writing import ReportFiles
from infrastructure.scan_container import ScanContainer
from infrastructure.sharing.hub import HuggingFaceHub
from infrastructure.sharing.shareable import FinishedModels
from infrastructure.tasks.registry import TaskData, TaskModels
from infrastructure.tuning.advisor import OptunaAdvisor
from infrastructure.tuning.files import StudyFiles
from infrastructure.tuning.ledger import StudyLedgers
from infrastructure.tuning.trial_reports import TrialReports
from infrastructure.tuning.workers import StudyWorkers
from infrastructure.workshop import TrainingWorkshop
from tests.fakes.ports import FakeDataset, FakeModel, FakeMonitor, FakeWorld

PARTS: dict[str, type] = {
    "runs": RunStore,
    "datasets": TaskData,
    "models": TaskModels,
    "workshop": TrainingWorkshop,
    "reports": ReportWriter,
    "predictors": PredictorSource,
    "answer_files": AnswerFiles,
    "hardware": HardwareReport,
    "estimator": Estimator,
    "train_model": TrainModelUseCase,
    "plan_training": PlanTrainingUseCase,
    "resume_training": ResumeTrainingUseCase,
    "evaluate_model": EvaluateModelUseCase,
    "predict": PredictUseCase,
    "trials": ForkedTrials,
    "verify_resume": VerifyResumeUseCase,
    "labelled_data": ClassificationData,
    "auditor": DatasetAuditor,
    "archive": RunArchive,
    "audit_files": AuditFiles,
    "audit_dataset": AuditDatasetUseCase,
    "fold_cutter": TableFolds,
    "fold_scorer": FinishedOnFolds,
    "backtest_files": BacktestFiles,
    "spokesmen": Spokesman,
    "backtest": BacktestUseCase,
    "sweeper": TrainingSweeper,
    "rate_curves": RateCurves,
    "find_learning_rate": FindLearningRateUseCase,
    "exporter": Exporter,
    "export_model": ExportModelUseCase,
    "remover": RunRemover,
    "trial_reports": TrialReports,
    "study_ledgers": StudyLedgers,
    "search_advisor": OptunaAdvisor,
    "study_files": StudyFiles,
    "study_workers": StudyWorkers,
    "train_trial": TrainModelUseCase,
    "resume_trial": ResumeTrainingUseCase,
    "tune_model": TuneModelUseCase,
}

PARTS_OF_RUNS: dict[str, type] = {
    "runs": RunStore,
    "archive": RunArchive,
    "remover": RunRemover,
    "outcome_pairs": OutcomePairs,
    "list_runs": ListRunsUseCase,
    "show_run": ShowRunUseCase,
    "compare_runs": CompareRunsUseCase,
    "delete_runs": DeleteRunsUseCase,
    "clean_runs": CleanRunsUseCase,
    "shareable_models": FinishedModels,
    "model_hub": HuggingFaceHub,
    "push_model": PushModelUseCase,
}

PARTS_OF_SCANS: dict[str, type] = {
    "trees": SourceTree,
    "examiners": SecurityExaminers,
    "baselines": BaselineFiles,
    "scan_files": ReportFiles,
    "scan_tree": ScanTreeUseCase,
}
PARTS_OF_ANSWERS = {name: PARTS[name] for name in ("predictors", "answer_files", "evaluate_model", "predict")}
CONTAINERS: tuple[tuple[type, dict[str, type]], ...] = (
    (Container, PARTS),
    (RunsContainer, PARTS_OF_RUNS),
    (ScanContainer, PARTS_OF_SCANS),
    (AnswersContainer, PARTS_OF_ANSWERS),
)


def test_every_part_is_listed_here() -> None:
    for container, parts in CONTAINERS:
        assert set(vars(container)["providers"]) == set(parts)


@pytest.mark.parametrize(("container", "name"), [(made, name) for made, parts in CONTAINERS for name in parts])
def test_every_part_can_be_built_and_is_built_anew_each_time(container: type, name: str) -> None:
    provider: Callable[[], Any] = getattr(container(), name)
    assert type(provider()) is dict(CONTAINERS)[container][name]
    assert provider() is not provider()


@pytest.mark.parametrize("name", ["runs", "datasets", "models", "workshop", "reports"])
def test_a_part_that_is_overridden_is_the_one_that_works(name: str) -> None:
    container, world = Container(), FakeWorld()
    with getattr(container, name).override(world):
        assert getattr(container.train_model(), f"_{name}") is world
    assert type(getattr(container.train_model(), f"_{name}")) is PARTS[name]


def test_a_training_in_a_world_of_fakes_touches_nothing_real() -> None:
    container, world = Container(), FakeWorld()
    for name in ("runs", "datasets", "models", "workshop", "reports"):
        getattr(container, name).override(world)
    response = container.train_model().execute(TrainModelRequest())
    assert (response.success, response.run_id) == (True, "fake-run")
    assert world.calls[0] == "settle"
    assert world.calls[-1] == "write"


def test_resuming_uses_the_same_overridden_parts() -> None:
    container, world = Container(), FakeWorld()
    for name in ("runs", "datasets", "models", "workshop", "reports"):
        getattr(container, name).override(world)
    assert container.resume_training().execute("runs/fake-run").success
    assert world.calls[0] == "reopen"


def test_an_override_of_one_container_is_not_seen_by_another() -> None:
    container, world = Container(), FakeWorld()
    container.runs.override(world)
    assert type(Container().runs()) is RunStore


def test_the_workshop_refuses_parts_that_come_from_elsewhere_by_name() -> None:
    world = FakeWorld()
    parts = (FakeDataset(), world.tracker_made, world.checkpoints_made, FakeMonitor())
    with pytest.raises(TypeError, match="TrainingWorkshop works with ModelBundle, and got FakeModel"):
        TrainingWorkshop().trainer(world.run, TrainModelRequest().resolved(), FakeModel(), *parts)

"""Every adapter keeps its port, which mypy reads in the assignments; what runs here is that none is left out."""

import ast
from typing import Any, get_args

import pytest

from application import (
    backtest_ports,
    dataset_ports,
    export_ports,
    ports,
    push_ports,
    scan_ports,
    sweep_ports,
    tune_ports,
)
from application.monitors import Monitors
from infrastructure.answers.answer_files import AnswerFiles
from infrastructure.auditing.auditor import DatasetAuditor
from infrastructure.auditing.writing import AuditFiles
from infrastructure.backtest.cutting import TableFolds
from infrastructure.backtest.files import BacktestFiles
from infrastructure.backtest.scoring import FinishedOnFolds
from infrastructure.container import Container
from infrastructure.data.labels.loading import ClassificationData, SplitRows
from infrastructure.data.text.loading import SplitPairs, SplitText
from infrastructure.data.windowed.parts import SplitSeries
from infrastructure.data_container import DataContainer
from infrastructure.estimator import Estimator
from infrastructure.exporting.draft import ExportDraft
from infrastructure.exporting.exporter import Exporter
from infrastructure.harvest.clones import MinHashClones
from infrastructure.harvest.folder import Folder
from infrastructure.harvest.functions import PythonFunctions
from infrastructure.harvest.measures import RadonMeasures
from infrastructure.harvest.projects import Projects
from infrastructure.harvest.repository import Repository
from infrastructure.harvest.row_files import RowFiles
from infrastructure.models.bundle import ModelBundle
from infrastructure.prediction import FinishedModel
from infrastructure.predictors import PredictorSource
from infrastructure.rate_sweep.pictures import RateCurves
from infrastructure.rate_sweep.sweeping import TrainingSweeper
from infrastructure.report_writer import ReportWriter
from infrastructure.runs.forked_trials import ForkedTrials
from infrastructure.runs.outcome_pairs import OutcomePairs
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_log import RunLog
from infrastructure.runs.run_remover import RunRemover
from infrastructure.runs.run_store import RunDirectory, RunStore
from infrastructure.runs_container import RunsContainer
from infrastructure.scan.baseline_files import BaselineFiles
from infrastructure.scan.examining import SecurityExaminer, SecurityExaminers
from infrastructure.scan.tree import SourceTree
from infrastructure.scan.writing import ReportFiles
from infrastructure.scan_container import ScanContainer
from infrastructure.scanners.bandit import BanditScanner
from infrastructure.sharing.hub import HuggingFaceHub
from infrastructure.sharing.shareable import FinishedModels
from infrastructure.tasks.registry import TaskData, TaskModels
from infrastructure.training.advanced_trainer import AdvancedTrainer
from infrastructure.training.checkpoint_manager import CheckpointManager
from infrastructure.training.training_metrics_tracker import TrainingMetricsTracker
from infrastructure.tuning.advisor import OptunaAdvisor
from infrastructure.tuning.files import StudyFiles
from infrastructure.tuning.ledger import StudyLedger, StudyLedgers
from infrastructure.tuning.trial_reports import TrialReports
from infrastructure.tuning.workers import StudyWorkers
from infrastructure.workshop import TrainingWorkshop
from presentation.cli.watching import ConsoleMonitor
from tests.support.sources import parsed, sources

monitors: tuple[type[ports.RunMonitor], ...] = (Monitors, RunLog, ConsoleMonitor)
run: tuple[type[ports.Run], ...] = (RunDirectory,)
runs: tuple[type[ports.RunStore], ...] = (RunStore,)
archive: tuple[type[ports.RunArchive], ...] = (RunArchive,)
outcome_pairs: tuple[type[ports.OutcomePairs], ...] = (OutcomePairs,)
remover: tuple[type[ports.RunRemover], ...] = (RunRemover,)
split: tuple[type[ports.SplitDataset], ...] = (SplitRows, SplitText, SplitPairs, SplitSeries)
datasets: tuple[type[ports.DatasetSource], ...] = (TaskData,)
model: tuple[type[ports.TrainableModel], ...] = (ModelBundle,)
models: tuple[type[ports.ModelSource], ...] = (TaskModels,)
tracker: tuple[type[ports.MetricsTracker], ...] = (TrainingMetricsTracker,)
checkpoints: tuple[type[ports.CheckpointStore], ...] = (CheckpointManager,)
trainer: tuple[type[ports.Trainer], ...] = (AdvancedTrainer,)
workshop: tuple[type[ports.Workshop], ...] = (TrainingWorkshop,)
estimator: tuple[type[ports.Estimator], ...] = (Estimator,)
reports: tuple[type[ports.ReportWriter], ...] = (ReportWriter, TrialReports)
predictor: tuple[type[ports.Predictor], ...] = (FinishedModel,)
predictors: tuple[type[ports.PredictorSource], ...] = (PredictorSource,)
answer_files: tuple[type[ports.AnswerFiles], ...] = (AnswerFiles,)
trials: tuple[type[ports.Trials], ...] = (ForkedTrials,)
trees: tuple[type[scan_ports.SourceTrees], ...] = (SourceTree,)
examiner: tuple[type[scan_ports.Examiner], ...] = (SecurityExaminer,)
examiners: tuple[type[scan_ports.Examiners], ...] = (SecurityExaminers,)
baselines: tuple[type[scan_ports.Baselines], ...] = (BaselineFiles,)
scan_files: tuple[type[scan_ports.ScanFiles], ...] = (ReportFiles,)
scanners: tuple[type[dataset_ports.CodeScanner], ...] = (BanditScanner,)
project: tuple[type[dataset_ports.CodeProject], ...] = (Folder, Repository)
projects: tuple[type[dataset_ports.CodeProjects], ...] = (Projects,)
functions: tuple[type[dataset_ports.CodeFunctions], ...] = (PythonFunctions,)
measures: tuple[type[dataset_ports.CodeMeasures], ...] = (RadonMeasures,)
clones: tuple[type[dataset_ports.CloneFinder], ...] = (MinHashClones,)
row_files: tuple[type[dataset_ports.RowFiles], ...] = (RowFiles,)
labelled: tuple[type[dataset_ports.LabelledDataset], ...] = (SplitRows,)
labelled_data: tuple[type[dataset_ports.LabelledData], ...] = (ClassificationData,)
auditor: tuple[type[dataset_ports.DatasetAuditor], ...] = (DatasetAuditor,)
audit_files: tuple[type[dataset_ports.AuditFiles], ...] = (AuditFiles,)
fold_cutter: tuple[type[backtest_ports.FoldCutter], ...] = (TableFolds,)
fold_scorer: tuple[type[backtest_ports.FoldScorer], ...] = (FinishedOnFolds,)
model_hub: tuple[type[push_ports.ModelHub], ...] = (HuggingFaceHub,)
shareable_models: tuple[type[push_ports.ShareableModels], ...] = (FinishedModels,)
exporter: tuple[type[export_ports.ModelExporter], ...] = (Exporter,)
draft: tuple[type[export_ports.Draft], ...] = (ExportDraft,)
backtest_files: tuple[type[backtest_ports.BacktestFiles], ...] = (BacktestFiles,)
sweeper: tuple[type[sweep_ports.RateSweeper], ...] = (TrainingSweeper,)
sweep_pictures: tuple[type[sweep_ports.SweepPictures], ...] = (RateCurves,)
ledger: tuple[type[tune_ports.StudyLedger], ...] = (StudyLedger,)
study_ledgers: tuple[type[tune_ports.StudyLedgers], ...] = (StudyLedgers,)
search_advisor: tuple[type[tune_ports.SearchAdvisor], ...] = (OptunaAdvisor,)
study_files: tuple[type[tune_ports.StudyFiles], ...] = (StudyFiles,)
study_workers: tuple[type[tune_ports.StudyWorkers], ...] = (StudyWorkers,)

CONTAINERS = (Container, RunsContainer, ScanContainer, DataContainer)
# Called by whoever trains, and never by a use case.
OF_OBSERVERS = {"notify", "stop_requested"}
PORTS: dict[str, Any] = {
    name: port
    for module in (ports, scan_ports, dataset_ports, backtest_ports, export_ports, push_ports, sweep_ports, tune_ports)
    for name, port in vars(module).items()
    if getattr(port, "_is_protocol", False) and port.__module__ == module.__name__
}


def checked() -> dict[type, tuple[type, ...]]:
    """Give the adapters of each port, as they stand above."""
    return {
        get_args(get_args(hint)[0])[0]: globals()[name] for name, hint in __annotations__.items() if name != "PORTS"
    }


def test_every_port_has_an_adapter_that_the_type_checker_reads() -> None:
    assert set(checked()) == set(PORTS.values())
    assert all(checked().values())


@pytest.mark.parametrize(
    "name",
    [
        "runs",
        "archive",
        "remover",
        "outcome_pairs",
        "datasets",
        "models",
        "workshop",
        "estimator",
        "reports",
        "predictors",
        "answer_files",
        "trials",
        "trees",
        "examiners",
        "baselines",
        "scan_files",
        "projects",
        "functions",
        "measures",
        "clones",
        "row_files",
        "fold_cutter",
        "fold_scorer",
        "backtest_files",
        "exporter",
        "study_ledgers",
        "search_advisor",
        "study_files",
        "study_workers",
        "model_hub",
        "shareable_models",
    ],
)
def test_what_the_container_gives_to_use_cases_is_what_is_checked(name: str) -> None:
    provider: Any = {
        **Container.providers,
        **RunsContainer.providers,
        **ScanContainer.providers,
        **DataContainer.providers,
    }[name]
    assert provider.provides in globals()[name]


@pytest.mark.parametrize("name", PORTS)
def test_a_port_promises_nothing_that_no_use_case_asks_for(name: str) -> None:
    asked = {
        node.attr
        for path, source in sources("application")
        if path.name != "ports.py"
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Attribute)
    }
    assert {member for member in vars(PORTS[name]) if not member.startswith("_")} - OF_OBSERVERS <= asked

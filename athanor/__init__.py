"""Athanor for people who install it: train, evaluate and predict, and the parts of the library, under one name.

    import athanor

    response = athanor.train(task="text_classification", dataset_path="letters.csv", output_dir="runs/letters")
    print(response.best_metric if response.success else response.errors)

A name is loaded when it is first asked for: `import athanor` waits for no library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from athanor.own_packages import require_own_packages

require_own_packages()

if TYPE_CHECKING:
    from application.answers import Answers
    from application.ports import RunMonitor
    from application.use_cases.build_dataset import BuildDatasetResponse
    from application.use_cases.clean_runs import CleanedRuns
    from application.use_cases.compare_runs import ComparedRuns
    from application.use_cases.delete_runs import DeletedRuns
    from application.use_cases.evaluate_model import EvaluateModelRequest, EvaluateModelResponse
    from application.use_cases.find_learning_rate import FindLearningRateResponse
    from application.use_cases.plan_training import PlanTrainingResponse
    from application.use_cases.predict import PredictRequest
    from application.use_cases.scan_tree import ScanTreeRequest
    from application.use_cases.show_run import ShownRun
    from application.use_cases.train_model import TrainModelRequest, TrainModelResponse
    from athanor.asked_models import evaluate, predict
    from athanor.audits import audit
    from athanor.backtests import backtest
    from athanor.built_rows import build_dataset
    from athanor.exports import export
    from athanor.jobs import plan, resume, train
    from athanor.kept_runs import clean_runs, compare, delete_runs, runs, show_run
    from athanor.learning_rates import find_learning_rate
    from athanor.pushes import push
    from athanor.scans import scan
    from athanor.studies import tune
    from domain.audit import Audit
    from domain.backtest import Backtest, Fold, FoldScores
    from domain.events import EvaluationCompleted, Event, StepCompleted
    from domain.exceptions import (
        AthanorError,
        CheckpointError,
        ConfigurationError,
        DatasetError,
        ExportError,
        HubError,
        ModelError,
        RunError,
        TrainingError,
    )
    from domain.export import Export
    from domain.reading import Reading
    from domain.runs import RunFacts
    from domain.scan import ModelFacts, ScanFinding, ScanReport
    from domain.sharing import PushedModel
    from domain.study import Study, Trial
    from domain.version import VERSION as __version__
    from infrastructure.container import Container
    from infrastructure.models.bundle import ModelBundle
    from infrastructure.models.forecaster import Forecaster, ForecasterConfig
    from infrastructure.training import (
        AdvancedTrainer,
        CheckpointManager,
        CheckpointMetadata,
        ClassificationLoss,
        CodeDataset,
        CombinedQuantileLoss,
        DatasetLoader,
        LanguageModelingLoss,
        MetricEntry,
        MetricStatistics,
        OptimizerBuilder,
        PinballLoss,
        TrainingConfig,
        TrainingMetricsTracker,
        TrainingResult,
        TrainingState,
    )

__all__ = [
    "AdvancedTrainer",
    "Answers",
    "AthanorError",
    "Audit",
    "Backtest",
    "BuildDatasetResponse",
    "CheckpointError",
    "CheckpointManager",
    "CheckpointMetadata",
    "ClassificationLoss",
    "CleanedRuns",
    "CodeDataset",
    "CombinedQuantileLoss",
    "ComparedRuns",
    "ConfigurationError",
    "Container",
    "DatasetError",
    "DatasetLoader",
    "DeletedRuns",
    "EvaluateModelRequest",
    "EvaluateModelResponse",
    "EvaluationCompleted",
    "Event",
    "Export",
    "ExportError",
    "FindLearningRateResponse",
    "Fold",
    "FoldScores",
    "Forecaster",
    "ForecasterConfig",
    "HubError",
    "LanguageModelingLoss",
    "MetricEntry",
    "MetricStatistics",
    "ModelBundle",
    "ModelError",
    "ModelFacts",
    "OptimizerBuilder",
    "PinballLoss",
    "PlanTrainingResponse",
    "PredictRequest",
    "PushedModel",
    "Reading",
    "RunError",
    "RunFacts",
    "RunMonitor",
    "ScanFinding",
    "ScanReport",
    "ScanTreeRequest",
    "ShownRun",
    "StepCompleted",
    "Study",
    "TrainModelRequest",
    "TrainModelResponse",
    "TrainingConfig",
    "TrainingError",
    "TrainingMetricsTracker",
    "TrainingResult",
    "TrainingState",
    "Trial",
    "__version__",
    "audit",
    "backtest",
    "build_dataset",
    "clean_runs",
    "compare",
    "delete_runs",
    "evaluate",
    "export",
    "find_learning_rate",
    "plan",
    "predict",
    "push",
    "resume",
    "runs",
    "scan",
    "show_run",
    "train",
    "tune",
]

# What is not said here is a name of `infrastructure.training`.
_HOMES = {
    name: module
    for module, names in {
        "application.answers": ("Answers",),
        "application.ports": ("RunMonitor",),
        "application.use_cases.build_dataset": ("BuildDatasetResponse",),
        "application.use_cases.clean_runs": ("CleanedRuns",),
        "application.use_cases.compare_runs": ("ComparedRuns",),
        "application.use_cases.delete_runs": ("DeletedRuns",),
        "application.use_cases.evaluate_model": ("EvaluateModelRequest", "EvaluateModelResponse"),
        "application.use_cases.find_learning_rate": ("FindLearningRateResponse",),
        "application.use_cases.plan_training": ("PlanTrainingResponse",),
        "application.use_cases.predict": ("PredictRequest",),
        "application.use_cases.scan_tree": ("ScanTreeRequest",),
        "application.use_cases.show_run": ("ShownRun",),
        "application.use_cases.train_model": ("TrainModelRequest", "TrainModelResponse"),
        "athanor.asked_models": ("evaluate", "predict"),
        "athanor.audits": ("audit",),
        "athanor.backtests": ("backtest",),
        "athanor.built_rows": ("build_dataset",),
        "athanor.exports": ("export",),
        "athanor.jobs": ("plan", "resume", "train"),
        "athanor.kept_runs": ("clean_runs", "compare", "delete_runs", "runs", "show_run"),
        "athanor.learning_rates": ("find_learning_rate",),
        "athanor.pushes": ("push",),
        "athanor.scans": ("scan",),
        "athanor.studies": ("tune",),
        "domain.audit": ("Audit",),
        "domain.backtest": ("Backtest", "Fold", "FoldScores"),
        "domain.events": ("EvaluationCompleted", "Event", "StepCompleted"),
        "domain.exceptions": (
            "AthanorError",
            "CheckpointError",
            "ConfigurationError",
            "DatasetError",
            "ExportError",
            "HubError",
            "ModelError",
            "RunError",
            "TrainingError",
        ),
        "domain.export": ("Export",),
        "domain.reading": ("Reading",),
        "domain.runs": ("RunFacts",),
        "domain.scan": ("ModelFacts", "ScanFinding", "ScanReport"),
        "domain.sharing": ("PushedModel",),
        "domain.study": ("Study", "Trial"),
        "infrastructure.container": ("Container",),
        "infrastructure.models.bundle": ("ModelBundle",),
        "infrastructure.models.forecaster": ("Forecaster", "ForecasterConfig"),
    }.items()
    for name in names
}


def __getattr__(name: str) -> object:
    """Load a name of `__all__` from its module and keep it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        found: object = import_module("domain.version").VERSION
    else:
        found = getattr(import_module(_HOMES.get(name, "infrastructure.training")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

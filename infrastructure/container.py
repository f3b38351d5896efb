"""The whole graph on one screen, but for those who ask finished models, which stand in the container below."""

from dependency_injector import providers

from application.use_cases.audit_dataset import AuditDatasetUseCase
from application.use_cases.backtest import BacktestUseCase
from application.use_cases.export_model import ExportModelUseCase
from application.use_cases.find_learning_rate import FindLearningRateUseCase
from application.use_cases.plan_training import PlanTrainingUseCase
from application.use_cases.resume_training import ResumeTrainingUseCase
from application.use_cases.train_model import TrainModelUseCase
from application.use_cases.tune_model import TuneModelUseCase
from application.use_cases.verify_resume import VerifyResumeUseCase
from infrastructure.answers_container import AnswersContainer
from infrastructure.auditing.auditor import DatasetAuditor
from infrastructure.auditing.writing import AuditFiles
from infrastructure.backtest.cutting import TableFolds
from infrastructure.backtest.files import BacktestFiles
from infrastructure.backtest.scoring import FinishedOnFolds
from infrastructure.data.labels.loading import ClassificationData
from infrastructure.estimator import Estimator
from infrastructure.exporting.exporter import Exporter
from infrastructure.hardware import HardwareReport
from infrastructure.parallel.spokesman import Spokesman
from infrastructure.rate_sweep.pictures import RateCurves
from infrastructure.rate_sweep.sweeping import TrainingSweeper
from infrastructure.report_writer import ReportWriter
from infrastructure.runs.forked_trials import ForkedTrials
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_remover import RunRemover
from infrastructure.runs.run_store import RunStore
from infrastructure.tasks.registry import TaskData, TaskModels
from infrastructure.tuning.advisor import OptunaAdvisor
from infrastructure.tuning.files import StudyFiles
from infrastructure.tuning.ledger import StudyLedgers
from infrastructure.tuning.trial_reports import TrialReports
from infrastructure.tuning.workers import StudyWorkers
from infrastructure.workshop import TrainingWorkshop


class Container(AnswersContainer):
    """Every part of the application; a test overrides what it wants to fake."""

    runs = providers.Factory(RunStore)
    datasets = providers.Factory(TaskData)
    models = providers.Factory(TaskModels)
    workshop = providers.Factory(TrainingWorkshop)
    estimator = providers.Factory(Estimator)
    reports = providers.Factory(ReportWriter)
    spokesmen = providers.Factory(Spokesman)
    exporter = providers.Factory(Exporter)
    hardware = providers.Factory(HardwareReport)
    labelled_data = providers.Factory(ClassificationData)
    auditor = providers.Factory(DatasetAuditor)
    archive = providers.Factory(RunArchive)
    audit_files = providers.Factory(AuditFiles)
    fold_cutter = providers.Factory(TableFolds)
    fold_scorer = providers.Factory(FinishedOnFolds)
    backtest_files = providers.Factory(BacktestFiles)
    sweeper = providers.Factory(TrainingSweeper)
    rate_curves = providers.Factory(RateCurves)
    remover = providers.Factory(RunRemover)
    trial_reports = providers.Factory(TrialReports)
    study_ledgers = providers.Factory(StudyLedgers)
    search_advisor = providers.Factory(OptunaAdvisor)
    study_files = providers.Factory(StudyFiles)
    study_workers = providers.Factory(StudyWorkers, module="athanor.tuning_worker")

    train_model = providers.Factory(
        TrainModelUseCase, runs=runs, datasets=datasets, models=models, workshop=workshop, reports=reports
    )
    plan_training = providers.Factory(
        PlanTrainingUseCase, runs=runs, datasets=datasets, models=models, workshop=workshop, estimator=estimator
    )
    find_learning_rate = providers.Factory(
        FindLearningRateUseCase,
        runs=runs,
        datasets=datasets,
        models=models,
        workshop=workshop,
        sweeper=sweeper,
        pictures=rate_curves,
        train_model=train_model,
    )
    resume_training = providers.Factory(ResumeTrainingUseCase, runs=runs, train_model=train_model)
    export_model = providers.Factory(ExportModelUseCase, exporter=exporter)
    trials = providers.Factory(ForkedTrials, train_model=train_model, resume_training=resume_training)
    verify_resume = providers.Factory(VerifyResumeUseCase, trials=trials)
    audit_dataset = providers.Factory(
        AuditDatasetUseCase, data=labelled_data, auditor=auditor, archive=archive, files=audit_files
    )
    backtest = providers.Factory(
        BacktestUseCase,
        archive=archive,
        workshop=workshop,
        train_model=train_model,
        resume_training=resume_training,
        cutter=fold_cutter,
        scorer=fold_scorer,
        files=backtest_files,
    )
    train_trial = providers.Factory(
        TrainModelUseCase, runs=runs, datasets=datasets, models=models, workshop=workshop, reports=trial_reports
    )
    resume_trial = providers.Factory(ResumeTrainingUseCase, runs=runs, train_model=train_trial)
    tune_model = providers.Factory(
        TuneModelUseCase,
        ledgers=study_ledgers,
        advisor=search_advisor,
        files=study_files,
        workers=study_workers,
        train_trial=train_trial,
        resume_trial=resume_trial,
        train_model=train_model,
        resume_training=resume_training,
        archive=archive,
        remover=remover,
    )

"""The graph of the runs on this disk: to look at them takes no torch, which takes seconds to load."""

from dependency_injector import containers, providers

from application.use_cases.clean_runs import CleanRunsUseCase
from application.use_cases.compare_runs import CompareRunsUseCase
from application.use_cases.delete_runs import DeleteRunsUseCase
from application.use_cases.list_runs import ListRunsUseCase
from application.use_cases.push_model import PushModelUseCase
from application.use_cases.show_run import ShowRunUseCase
from infrastructure.runs.outcome_pairs import OutcomePairs
from infrastructure.runs.run_archive import RunArchive
from infrastructure.runs.run_remover import RunRemover
from infrastructure.runs.run_store import RunStore
from infrastructure.sharing.hub import HuggingFaceHub
from infrastructure.sharing.shareable import FinishedModels


class RunsContainer(containers.DeclarativeContainer):
    """Every part that looks at runs, pairs or removes them; a test overrides what it wants to fake."""

    runs = providers.Factory(RunStore)
    archive = providers.Factory(RunArchive)
    remover = providers.Factory(RunRemover)
    outcome_pairs = providers.Factory(OutcomePairs)
    shareable_models = providers.Factory(FinishedModels)
    model_hub = providers.Factory(HuggingFaceHub)

    list_runs = providers.Factory(ListRunsUseCase, archive=archive)
    show_run = providers.Factory(ShowRunUseCase, archive=archive)
    compare_runs = providers.Factory(CompareRunsUseCase, archive=archive, pairs=outcome_pairs)
    delete_runs = providers.Factory(DeleteRunsUseCase, archive=archive, remover=remover)
    clean_runs = providers.Factory(CleanRunsUseCase, archive=archive, remover=remover)
    push_model = providers.Factory(PushModelUseCase, models=shareable_models, hub=model_hub)

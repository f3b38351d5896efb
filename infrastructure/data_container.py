"""The graph of what makes data sets: it takes no torch, which takes seconds to load."""

from dependency_injector import containers, providers

from application.use_cases.build_dataset import BuildDatasetUseCase
from infrastructure.harvest.clones import MinHashClones
from infrastructure.harvest.functions import PythonFunctions
from infrastructure.harvest.measures import RadonMeasures
from infrastructure.harvest.projects import Projects
from infrastructure.harvest.row_files import RowFiles
from infrastructure.scanners.known import scanner_named


class DataContainer(containers.DeclarativeContainer):
    """Every part that builds rows from source code; a test overrides what it wants to fake."""

    projects = providers.Factory(Projects)
    functions = providers.Factory(PythonFunctions)
    scanner = providers.Factory(scanner_named, "bandit")
    measures = providers.Factory(RadonMeasures)
    clones = providers.Factory(MinHashClones)
    row_files = providers.Factory(RowFiles)

    build_dataset = providers.Factory(
        BuildDatasetUseCase,
        projects=projects,
        functions=functions,
        scanner=scanner,
        measures=measures,
        clones=clones,
        files=row_files,
    )

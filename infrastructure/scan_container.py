"""The graph of a scan: it takes no torch, unless a model of torch must be asked about code that is new to it."""

from dependency_injector import containers, providers

from application.use_cases.scan_tree import ScanTreeUseCase
from infrastructure.scan.baseline_files import BaselineFiles
from infrastructure.scan.examining import SecurityExaminers
from infrastructure.scan.tree import SourceTree
from infrastructure.scan.writing import ReportFiles


class ScanContainer(containers.DeclarativeContainer):
    """Every part of a scan; a test overrides what it wants to fake."""

    trees = providers.Factory(SourceTree)
    examiners = providers.Factory(SecurityExaminers)
    baselines = providers.Factory(BaselineFiles)
    scan_files = providers.Factory(ReportFiles)

    scan_tree = providers.Factory(
        ScanTreeUseCase, trees=trees, examiners=examiners, baselines=baselines, files=scan_files
    )

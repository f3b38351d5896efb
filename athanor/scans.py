"""Look for weaknesses in source code, as `athanor scan` does."""

from os import PathLike, fspath

from application.use_cases.scan_tree import ScanTreeRequest
from domain.scan import EXPECTED_SHARE, ScanReport
from infrastructure.scan_container import ScanContainer

Place = str | PathLike[str]


def scan(
    *paths: Place,
    run: Place | None = None,
    min_severity: str = "medium",
    min_score: float = 0.7,
    expected_share: float = EXPECTED_SHARE,
    baseline: Place | None = None,
    write_baseline: Place | None = None,
    since: str | None = None,
    form: str | None = None,
    output: Place | None = None,
    device: str = "auto",
) -> ScanReport:
    """Look for weaknesses in the Python files below some paths, with Bandit and, where `run` is named, with its model.

    Nothing of the code is run or imported. The report is also written to `output`, as `form` (text, json, sarif or
    html), which else follows from the ending of the name.
    Raises: ConfigurationError, DatasetError, ModelError.
    """

    def path_of(place: Place | None) -> str | None:
        return None if place is None else fspath(place)

    request = ScanTreeRequest(
        paths=tuple(fspath(path) for path in paths),
        run=path_of(run),
        form=form,
        output=path_of(output),
        min_severity=min_severity,
        min_score=min_score,
        expected_share=expected_share,
        baseline=path_of(baseline),
        write_baseline=path_of(write_baseline),
        since=since,
        device=device,
    )
    return ScanContainer().scan_tree().execute(request)

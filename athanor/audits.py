"""What labelled rows give away, before a model learns from them."""

from os import PathLike, fspath
from typing import Any

from application.use_cases.audit_dataset import AuditDatasetRequest
from domain.audit import Audit
from infrastructure.container import Container

Place = str | PathLike[str]


def audit(dataset_path: Place, eval_dataset: Place | None = None, *, run: Place | None = None, **asked: Any) -> Audit:
    """Find clones, doubtful labels, shortcuts and leaks in labelled rows, split as a training would split them.

    `asked` are the other fields of `AuditDatasetRequest`, such as `group_field` and `time_field`. With `output`, a name
    that ends in .html, .json or .txt, the audit is written there.

    Raises: DatasetError, ConfigurationError, RunError.
    """
    request = AuditDatasetRequest.checked(
        dataset_path=fspath(dataset_path),
        eval_dataset=None if eval_dataset is None else fspath(eval_dataset),
        run=None if run is None else fspath(run),
        **asked,
    )
    return Container().audit_dataset().execute(request)

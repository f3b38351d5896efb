"""Which trackers there are, what each needs, and which of them this Python has."""

from collections.abc import Mapping, Sequence
from importlib import metadata, util

from domain.exceptions import ConfigurationError
from domain.tracking import TRACKERS
from infrastructure.trackers.tracker import Tracker

# Slim MLflow leaves out what a store in a file needs.
_NEEDED = {"mlflow": ("mlflow", "sqlalchemy", "alembic")}
_PACKAGES = {"mlflow": ("mlflow", "mlflow-skinny")}
# What the environment of a tracker says unless the user's does: nothing leaves the machine. MLflow tries a server seven
# times within minutes and says nothing; the end of a run waits for it no longer than it takes to tell that it is dead.
_ENVIRONMENT = {
    "mlflow": {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    },
    "wandb": {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"},
}


def require_installed(names: Sequence[str]) -> None:
    """Want what these trackers need. Raises: ConfigurationError with the command that installs it."""
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        packages = [package for name in missing for package in _NEEDED.get(name, (name,)) if not _is_there(package)]
        raise ConfigurationError(
            f"trackers has {' and '.join(missing)}, but this Python has no {' and no '.join(packages)}.",
            remedy=f"Run: pip install 'athanor[{','.join(missing)}]', or take {'it' if len(missing) == 1 else 'them'} "
            "out of trackers.",
        )


def installed() -> dict[str, str]:
    """Give the versions of the trackers that can be used here."""
    return {name: _version(name) for name in TRACKERS if _is_installed(name)}


def environment_of(name: str, users: Mapping[str, str]) -> dict[str, str]:
    """Give the environment in which a tracker works."""
    return {**_ENVIRONMENT.get(name, {}), **users}


def tracker_named(name: str) -> Tracker:
    """Make a tracker. Its library is loaded here, which takes up to seconds. Raises: ImportError."""
    if name == "tensorboard":
        from infrastructure.trackers.tensorboard_tracker import TensorBoardTracker

        return TensorBoardTracker()
    if name == "mlflow":
        from infrastructure.trackers.mlflow_tracker import MlflowTracker

        return MlflowTracker()
    if name == "wandb":
        from infrastructure.trackers.wandb_tracker import WandbTracker

        return WandbTracker()
    assert name == "trackio", name
    from infrastructure.trackers.trackio_tracker import TrackioTracker

    return TrackioTracker()


def _is_installed(name: str) -> bool:
    return all(map(_is_there, _NEEDED.get(name, (name,))))


def _is_there(package: str) -> bool:
    spec = util.find_spec(package)
    # A directory of that name where Python is started, such as the one that wandb writes, is no package.
    return spec is not None and spec.origin is not None


def _version(name: str) -> str:
    for package in _PACKAGES.get(name, (name,)):
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"

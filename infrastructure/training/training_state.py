"""What a checkpoint says of the run it belongs to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from domain.config import TrainingConfig
from domain.exceptions import CheckpointError
from domain.progress import Progress

# Settings that change no weight: a run may be resumed with others.
WITHOUT_EFFECT = ("device", "data_parallel", "logging_steps", "max_checkpoints", "keep_best", "use_mixed_precision")


@dataclass(frozen=True)
class TrainingState:
    """What a checkpoint holds beside tensors: where the run stands, and which settings and data it belongs to."""

    progress: Progress
    settings: Mapping[str, Any]
    data_fingerprint: str

    @classmethod
    def of(cls, progress: Progress, config: TrainingConfig, precision: str, dataset: Any) -> "TrainingState":
        """Describe a run; a data set that has a `fingerprint` is known by it, another by its length."""
        settings = {name: value for name, value in asdict(config).items() if name not in WITHOUT_EFFECT}
        fingerprint = f"{len(dataset)} {getattr(dataset, 'fingerprint', '')}".strip()
        return cls(progress, {**settings, "precision": precision}, fingerprint)

    def to_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {"progress": self.progress.to_json(), "settings": dict(self.settings), "data": self.data_fingerprint}

    def require_same_run(self, saved: Mapping[str, Any], name: str) -> None:
        """Refuse the checkpoint `name` of a run with other settings or data. Raises: CheckpointError saying which."""
        other = [setting for setting, value in self.settings.items() if saved["settings"].get(setting) != value]
        if other or saved["data"] != self.data_fingerprint:
            what = f"settings ({', '.join(other)})" if other else "data"
            raise CheckpointError(
                f"checkpoint {name} was made with other {what} than this run has.",
                remedy="Restore them, or train anew in another directory.",
            )

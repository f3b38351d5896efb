"""One label for a window."""

from collections.abc import Sequence

from torch import Tensor, nn

from infrastructure.data.feed import RowNoise
from infrastructure.data.series.windows import Window
from infrastructure.tasks.adapter import Batch, Evaluation
from infrastructure.tasks.labels.losses import LabelPass, count_labels, label_loss_sum
from infrastructure.tasks.labels.scoring import LabelScoring
from infrastructure.tasks.series.batches import cut_windows, forecast_of


class DirectionClassification:
    """A window and where the price went, with a loss and metrics as labels have them."""

    def __init__(self, scoring: LabelScoring) -> None:
        self._scoring = scoring

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics a run can be judged by."""
        return self._scoring.metric_names

    def collate(self, items: Sequence[Window], noise: RowNoise | None) -> Batch:
        """Cut the windows: history, and `labels` [B]."""
        return cut_windows(items)

    def count_targets(self, batch: Batch) -> float:
        """Count windows, or what their labels weigh."""
        return count_labels(self._scoring, batch["labels"])

    def count_tokens(self, batch: Batch) -> int:
        """Count the windows."""
        return len(batch["values"])

    def loss_sum(self, model: nn.Module, batch: Batch) -> Tensor:
        """Sum the cross-entropy over the windows of the batch."""
        return label_loss_sum(self._scoring, self._logits(model, batch), batch["labels"])

    def evaluation(self) -> Evaluation:
        """Begin a pass over the evaluation part."""
        return LabelPass(self._scoring, self._logits)

    def _logits(self, model: nn.Module, batch: Batch) -> Tensor:
        return forecast_of(model, batch)["logits"].float()

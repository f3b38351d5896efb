"""Whether a model does without padding: tried once, before the first step."""

from contextlib import nullcontext
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from infrastructure.memory import is_out_of_memory
from infrastructure.models.attention import is_ours
from infrastructure.models.unpadded import Trial, layers_to_unpad
from infrastructure.tasks.adapter import items_of, lengths_of, on_device
from infrastructure.training.session import Session

# Rows that the two ways are compared on, from the shortest to the longest.
ROWS_TRIED = 8

_TRIED: "WeakKeyDictionary[nn.Module, str]" = WeakKeyDictionary()


def train_without_padding(session: Session, dataset: Any) -> str:
    """Let the model see real tokens only, if it computes the same then; gives why not, where a person should know.

    Tried with the weights that a model begins with, so that a run taken up again decides alike. All ranks decide alike.
    """
    if session.model not in _TRIED:
        _TRIED[session.model] = _tried(session, dataset)
    return _TRIED[session.model]


def _tried(session: Session, dataset: Any) -> str:
    # Copies of a model on further devices are asked in turn, and hooks would send all of them to the first.
    if getattr(session.task, "packs_rows", False) or session.num_devices > session.parallel.ranks.size:
        return ""
    by_length = np.argsort(lengths_of(dataset), kind="stable")
    rows = by_length[np.linspace(0, len(by_length) - 1, ROWS_TRIED).round().astype(int)]
    batch = session.task.collate(items_of(dataset, rows), None)
    if "attention_mask" not in batch or bool(batch["attention_mask"].all()):
        return ""
    if not is_ours(session.model) or not (stacks := layers_to_unpad(session.model)):
        name = type(session.model).__name__
        return f"padding is computed with the rest: {name} attends in a way of its own or leaves out layers by chance."
    trial, ranks = Trial(stacks), session.parallel.ranks
    batch_there, num_targets = on_device(batch, session.device), max(1.0, session.task.count_targets(batch))
    # In fp32 what rounding explains is least; a model that is kept in fewer bits is computed as it will be.
    is_whole = all(parameter.dtype == torch.float32 for parameter in session.model.parameters())
    form = torch.float32 if is_whole else session.precision.form
    session.forward.eval()

    def passes() -> Tensor:
        with session.parallel.sharing_lost_memory(), nullcontext() if is_whole else session.precision.autocast():
            loss: Tensor = session.forward(session.task.loss_sum, batch_there) / num_targets
        return loss

    try:
        with torch.no_grad():
            reason = ranks.first_said(trial.difference(passes, batch, session.device, form))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        reason = "memory ran out while it was tried"
    if not reason:
        return ""
    trial.undo()
    return f"padding is computed with the rest by {type(session.model).__name__}: {reason}."

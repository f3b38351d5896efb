"""A training on data of the hub, said so that it means the same rows for ever."""

from application.training import Training
from application.training_request import TrainModelRequest
from domain.hub_names import HubData, names_hub
from infrastructure.data.hub.parts import settled_part, settled_parts


def with_settled_data(training: Training, request: TrainModelRequest) -> Training:
    """Name commit, config and part of data of the hub, and score on the part that they come with for that.

    Nothing is asked of the hub where all of it has been said. Raises: DatasetError.
    """
    changed = {}
    if names_hub(training.dataset_path):
        learnt, scored = settled_parts(HubData.of(training.dataset_path))
        changed["dataset_path"] = str(learnt)
        leaves_open = request.leaves_open("eval_dataset") and request.leaves_open("validation_split")
        if scored is not None and leaves_open and "eval_dataset" in type(training).model_fields:
            changed["eval_dataset"] = str(scored)
    if training.eval_path and names_hub(training.eval_path):
        changed["eval_dataset"] = str(settled_part(HubData.of(training.eval_path), part=""))
    return training.changed(**changed) if changed else training

"""Which tensor of a session one of a checkpoint is for."""

from torch import Tensor

from infrastructure.spread_tensors import is_spread
from infrastructure.training.checkpoint_files import Reading
from infrastructure.training.session import Session


def reading_of(session: Session) -> Reading:
    """Say how the ranks of a session read a checkpoint: together, and of weights that are spread each its own rows.

    The moments and the average of a weight are spread as that is.
    """
    weights = {name: tensor for name, tensor in session.trained.state_dict().items() if is_spread(tensor)}
    # By their numbers in the groups, which is what an optimizer calls them by.
    trained = dict(enumerate(weight for group in session.optimizer.param_groups for weight in group["params"]))

    def held(part: str, name: str) -> Tensor | None:
        if part == "model":
            return weights.get(name)
        if part == "extra":
            return weights.get(name.removeprefix("average/"))
        kind, _, rest = name.partition("/")  # state/NUMBER/MOMENT
        number = rest.partition("/")[0]
        return trained.get(int(number)) if part == "optimizer" and kind == "state" and number.isdecimal() else None

    return Reading(session.parallel.ranks, held)

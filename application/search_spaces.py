"""The space that a tuning searches, checked against what the settings of a training may be."""

from collections.abc import Mapping
from itertools import combinations, islice, product
from typing import Any, get_args

from application.groups.known import NAMES
from application.training import understands
from application.training_request import TrainModelRequest
from domain.exceptions import ConfigurationError
from domain.search_space import Choice, Dimension, Range, default_space, written_space
from domain.task import task_named

MAX_FAULTS = 20
MOST_TRIED = 100  # values of one setting, or pairs of two, that are looked at before a study begins


def space_of(
    request: TrainModelRequest, written: Mapping[str, Any] | None
) -> tuple[dict[str, Dimension], tuple[str, ...]]:
    """Decide what is searched: what a person wrote or what suits the task, without what the request says itself.

    Gives with it what left the space by that. Raises: ConfigurationError with every fault of the space.
    """
    training = request.resolved()
    task = task_named(request.task)
    if written is None:
        space = default_space(training.model_dump())
    else:
        known = {name for name in NAMES if understands(task, name)}
        space, faults = written_space(written, NAMES, known, _whole_ones(), training.metric_name)
        faults += [fault for name, dimension in space.items() for fault in _broken(request, {name: dimension})]
        if not faults:  # what each may be by itself two may not be together
            faults = [fault for pair in combinations(space.items(), 2) for fault in _broken(request, dict(pair))]
        if faults:
            raise ConfigurationError.of(list(dict.fromkeys(faults))[:MAX_FAULTS])
        space = {name: _as_read(request, name, dimension) for name, dimension in space.items()}
    fixed = [name for name in space if _is_said(request, name)]
    left = {name: dimension for name, dimension in space.items() if name not in fixed}
    if not left:
        raise ConfigurationError(
            f"nothing is left to search: the training says itself what {', '.join(fixed)} "
            f"{'is' if len(fixed) == 1 else 'are'}.",
            remedy="Leave one of them out of options, --set and --config, or name others with --space.",
        )
    notes: tuple[str, ...] = ()
    if written is not None and fixed:
        notes = (f"not searched, because the training says what they are: {', '.join(fixed)}.",)
    return left, notes


def default_values(request: TrainModelRequest, space: Mapping[str, Dimension]) -> dict[str, Any]:
    """Give what the settings of a space are where nobody searches them."""
    known = request.resolved().model_dump(mode="json")
    return {name: known[name] for name in space}


def _is_said(request: TrainModelRequest, name: str) -> bool:
    said = name in request.model_fields_set and getattr(request, name) is not None
    rows = {"batch_size", "batch_tokens"}
    return said or (name in rows and any(getattr(request, each) is not None for each in rows))


def _whole_ones() -> list[str]:
    return [
        name
        for name, about in TrainModelRequest.model_fields.items()
        if {int, float} & set(kinds := (about.annotation, *get_args(about.annotation))) == {int} and bool not in kinds
    ]


def _broken(request: TrainModelRequest, space: Mapping[str, Dimension]) -> list[str]:
    """Say which rules of the training some values break, that it does not break without them."""
    faults: dict[str, None] = {}
    for values in islice(product(*map(_ends, space.values())), MOST_TRIED):
        try:
            request.changed(**dict(zip(space, values, strict=True))).resolved()
        except ConfigurationError as error:
            faults |= dict.fromkeys(error.messages)
    return list(faults)


def _ends(dimension: Dimension) -> tuple[Any, ...]:
    return dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)


def _as_read(request: TrainModelRequest, name: str, dimension: Dimension) -> Dimension:
    """Take values as the setting reads them: 1e-4 is a text for YAML and a number for a rate."""
    if isinstance(dimension, Range):
        return dimension
    return Choice(tuple(getattr(request.changed(**{name: value}), name) for value in dimension.values))

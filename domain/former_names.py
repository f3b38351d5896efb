"""Settings that had another name once: run files and programs of then are still read."""

from collections.abc import Mapping
from typing import Any

from domain.exceptions import ConfigurationError
from domain.showing import shown

FORMER = "data_parallel"
_TODAY = {True: "data_parallel", False: "auto"}


def by_todays_names(values: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Give settings by the names of today, and a word about one that asked for something by its former name.

    Every run file of then holds `data_parallel: false`, which asks for nothing.
    Raises: ConfigurationError for a value that it did not have, or beside the name of today.
    """
    if FORMER not in values:
        return dict(values), ""
    named = {name: value for name, value in values.items() if name != FORMER}
    value = values[FORMER]
    if value is None:
        return named, ""
    if not isinstance(value, bool):
        raise ConfigurationError(
            f"{FORMER} is {shown(value)}, but was true or false, and is called parallel now.",
            remedy=f"Use parallel={_TODAY[True]} for all GPUs of one process, or leave it at auto.",
        )
    if value and named.get("parallel") not in (None, _TODAY[value]):
        raise ConfigurationError(
            f"{FORMER} is true and parallel {shown(named['parallel'])}, but both are the same setting.",
            remedy=f"Drop {FORMER}.",
        )
    if value:
        return {**named, "parallel": _TODAY[value]}, f"{FORMER}=true is called parallel={_TODAY[value]} now."
    return {"parallel": _TODAY[value], **named}, ""

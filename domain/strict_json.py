"""JSON that every parser reads: NaN and infinities are no JSON, and stand as null."""

import json
import math
from collections.abc import Mapping
from typing import Any


def strict_json(value: Any, **options: Any) -> str:
    """Write a value with the options of `json.dumps`; what is no finite number becomes null."""
    return json.dumps(finite(value), allow_nan=False, **options)


def finite(value: Any) -> Any:
    """Copy nested mappings and lists with None for what is no finite number; tuples become lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: finite(item) for name, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value

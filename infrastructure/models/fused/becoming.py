"""Layers that become fused ones in place, and plain ones again where they are copied or leave the process."""

from typing import Any

from torch import nn


class Fused:
    """A way to compute for a layer of a library: stands before its class in the bases of what the layer becomes.

    A fused layer has the parameters, buffers and hooks of the plain one and is of its class too; a copy of it, and what
    is read back from a pickle, is plain.
    """

    def __reduce_ex__(self, protocol: Any) -> Any:
        made: Any = super().__reduce_ex__(protocol)
        return object.__new__, (next(filter(_is_plain, type(self).__mro__)),), *made[2:]


# Whose layers may become fused ones; those of anybody else stay as they are.
MAKERS = ("torch", "transformers", "infrastructure")

# Layers of one class become layers of one class, as whoever looks for such layers expects.
_MADE: dict[tuple[type, type], type] = {}


def become(layer: nn.Module, fused: type[Fused]) -> None:
    """Let a layer compute as `fused` does, unless it is fused already or of a class that somebody else made."""
    if _is_plain(type(layer)):
        bases = (fused, type(layer))
        layer.__class__ = _MADE.setdefault(bases, type(fused.__name__, bases, {"__module__": fused.__module__}))


def _is_plain(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in MAKERS and not issubclass(kind, Fused)

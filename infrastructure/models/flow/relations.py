"""How the tokens of code are related, by names, lines and bindings: what attention is given a bonus for."""

import torch
from torch import Tensor

from infrastructure.code_reading.bindings import TARGET, VALUE
from infrastructure.code_reading.calls import COMES_FROM, GOES_INTO
from infrastructure.code_reading.lexing import LINES
from infrastructure.code_reading.vocabulary import FIRST_LINE, FIRST_NAME, NUM_NAMES

SAME_NAME, SAME_LINE, LAST_VALUE, ANY_VALUE, NEAR, BY_CALL = range(6)
NUM_RELATIONS = 6
NEIGHBOURS = 2


def relations(ids: Tensor, roles: Tensor, links: Tensor) -> Tensor:
    """Relate each token to each, [W, R, L, L] as truth values, from ids and roles [W, L] and links [W, L, 2].

    Equal placeholders; tokens of one line; a use of a name and the value that its last line bound to it; a use and any
    earlier value of its name; neighbours; a parameter and its arguments, a function and what it returns, a call and its
    function. Values are those of the line, whatever their names.
    Source: relations as a bonus of attention, Hellendoorn et al., ICLR 2020.
    """
    length = ids.shape[1]
    place = torch.arange(length, device=ids.device)
    is_name = (ids >= FIRST_NAME) & (ids < FIRST_NAME + NUM_NAMES)
    same = (ids[:, :, None] == ids[:, None, :]) & is_name[:, :, None]
    line = ((ids >= FIRST_LINE) & (ids < FIRST_LINE + len(LINES))).cumsum(1)  # [W, L]
    same_line = line[:, :, None] == line[:, None, :]
    last, bound = _bindings(ids, roles, line)
    value = (roles == VALUE)[:, None, :]
    last_value = (line[:, None, :] == last[:, :, None]) & value
    any_value = bound.gather(2, line[:, None, :].expand(-1, length, -1)) & value
    near = ((place[:, None] - place[None, :]).abs() <= NEIGHBOURS).expand_as(same)
    goes = links[..., GOES_INTO][:, None, :] == place[None, :, None]
    comes = links[..., COMES_FROM][:, :, None] == place[None, None, :]
    return torch.stack([same, same_line, last_value, any_value, near, goes | comes], 1)


def _bindings(ids: Tensor, roles: Tensor, line: Tensor) -> tuple[Tensor, Tensor]:
    """Give of each use the last line that bound its name [W, L], -1 for none, and all such lines [W, L, L].

    Lines count that stand before that of the use; a target uses nothing.
    """
    length = ids.shape[1]
    name = torch.where((ids >= FIRST_NAME) & (ids < FIRST_NAME + NUM_NAMES), ids - FIRST_NAME, NUM_NAMES)
    is_target = (roles == TARGET) & (name < NUM_NAMES)
    # binds[w, n, k]: line n of window w binds the name k
    binds = torch.zeros(ids.shape[0], length, NUM_NAMES + 1, dtype=torch.bool, device=ids.device)
    flat = (line * (NUM_NAMES + 1) + torch.where(is_target, name, NUM_NAMES)).long()
    binds.view(ids.shape[0], -1).scatter_(1, flat, True)
    binds[:, :, NUM_NAMES] = False
    by_use = binds.transpose(1, 2).gather(1, name[:, :, None].expand(-1, -1, length))  # [W, L, lines]
    number = torch.arange(length, device=ids.device)
    before = by_use & (number < line[:, :, None]) & ~is_target[:, :, None]
    last = torch.where(before, number, -1).amax(2)
    return last, before


def as_bonus(found: Tensor, weights: Tensor) -> Tensor:
    """Weigh relations [W, R, L, L] by those of each head [H, R]: what is added to its scores, [W, H, L, L]."""
    # One product for each window: a matrix against all of them at once would first be copied into another order.
    each = weights.to(found.dtype).expand(found.shape[0], -1, -1)
    return torch.bmm(each, found.flatten(2)).unflatten(2, found.shape[2:])

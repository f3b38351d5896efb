"""Texts that a search with beams finds: the likeliest by their mean log-probability a token."""

from collections.abc import Iterator

import torch
from torch import Tensor

from infrastructure.models.decoding.batch import Batch
from infrastructure.models.decoding.ends import Texts
from infrastructure.models.decoding.waiting import Waiting, kept_of
from infrastructure.writing.ends import Ends

NEVER = -1e9  # the score of what must not be chosen


@torch.no_grad()
def write_by_beams(batch: Batch, waiting: Waiting, ends: Ends) -> Iterator[tuple[int, list[int]]]:
    """Write on from prompts; gives the number of each and its new tokens, as their searches end.

    Decides as the library's search does with a length penalty of 1 and without stopping early, each prompt by itself:
    a search ends once its likeliest open text is no better than the worst of as many ended ones as there are beams.
    """
    device, num_beams = batch.device, batch.copies
    texts, found = Texts(ends, device), _Found(num_beams, device)
    scores = torch.empty(0, num_beams, device=device)  # of the open texts [prompts, beams]
    tokens = torch.empty(0, dtype=torch.long, device=device)
    candidates = max(2, 1 + len(ends.tokens)) * num_beams
    numbers: list[int] = []
    while waiting or numbers:
        logits = [batch.advance(tokens)] if numbers else []
        if joining := waiting.joining(batch):
            logits.append(batch.join([waiting.prompts[number] for number in joining]).repeat_interleave(num_beams, 0))
            texts.join([waiting.rooms[number] for number in joining for _ in range(num_beams)])
            found.join(len(joining))
            first = scores.new_full((len(joining), num_beams), NEVER)
            first[:, 0] = 0.0  # the beams of a prompt are alike as yet
            scores = torch.cat((scores, first))
            numbers += joining
        likely = torch.cat(logits).log_softmax(-1)  # [prompts * beams, V]
        size = likely.shape[-1]
        top, at = (likely.view(len(numbers), num_beams, size) + scores[:, :, None]).flatten(1).topk(candidates)
        rows = torch.arange(len(numbers), device=device)[:, None] * num_beams
        parents, following = rows + at // size, at % size  # [prompts, candidates]
        ended = texts.ended(parents.flatten(), following.flatten()).view_as(parents)
        lengths = texts.lengths[::num_beams, None] + 1
        found.consider(top / lengths, ended, texts, parents, following)
        running = top + ended * NEVER
        chosen = running.topk(num_beams)[1]
        chosen = chosen.gather(1, _in_place(parents.gather(1, chosen) - rows))
        scores, parents, tokens = (each.gather(1, chosen) for each in (running, parents, following))
        parents, tokens = parents.flatten(), tokens.flatten()
        texts.follow(parents)
        texts.write(tokens)
        batch.follow(parents)
        over = ended.all(1) | ~found.can_be_beaten(scores.amax(1, keepdim=True) / lengths)
        if gone := over.nonzero().flatten().tolist():
            for prompt in gone:
                yield numbers[prompt], ends.without(found.ids[prompt][0])
            order = kept_of(len(numbers), gone)
            batch.keep(order)
            kept = torch.tensor(order, dtype=torch.long, device=device)
            rows = (kept[:, None] * num_beams + torch.arange(num_beams, device=device)).flatten()
            texts.follow(rows)
            found.keep(order)
            scores, tokens, numbers = scores[kept], tokens[rows], [numbers[prompt] for prompt in order]


def _in_place(parents: Tensor) -> Tensor:
    """Say which of the texts that go on [prompts, beams] comes where, so that as few as can be must be copied.

    The first that goes on from a beam of `parents` stays where that is, and others come where none goes on.
    """
    is_first = ~(parents[:, :, None] == parents[:, None, :]).tril(-1).any(-1)
    goes_on = torch.zeros_like(parents, dtype=torch.bool).scatter(1, parents, True)
    free = goes_on.int().argsort(dim=1, stable=True)  # beams from which none goes on come first
    others = free.gather(1, ((~is_first).cumsum(1) - 1).clamp(min=0))
    return torch.where(is_first, parents, others).argsort(1)


class _Found:
    """The best ended texts of each prompt, at most as many as there are beams, best first."""

    def __init__(self, num_beams: int, device: torch.device) -> None:
        self.ids: list[list[list[int]]] = []
        self._scores = torch.empty(0, num_beams, device=device)
        self._are_texts = torch.empty(0, num_beams, dtype=torch.bool, device=device)

    def join(self, count: int) -> None:
        """Begin with nothing for more prompts."""
        num_beams = self._scores.shape[1]
        self.ids += [[[] for _ in range(num_beams)] for _ in range(count)]
        self._scores = torch.cat((self._scores, self._scores.new_full((count, num_beams), NEVER)))
        self._are_texts = torch.cat((self._are_texts, self._are_texts.new_zeros(count, num_beams)))

    def consider(self, means: Tensor, ended: Tensor, texts: Texts, rows: Tensor, tokens: Tensor) -> None:
        """Take in candidates that have ended, all [prompts, candidates]: `rows` of `texts` with `tokens` behind them.

        Only the likeliest, as many as there are beams, count as found: the others are there to go on from.
        """
        num_beams = self._scores.shape[1]
        just = ended.clone()
        just[:, num_beams:] = False
        prompts = just.any(1).nonzero().flatten()
        if not len(prompts):
            return
        are_texts = torch.cat((self._are_texts[prompts], just[prompts]), 1)
        scores = torch.cat((self._scores[prompts], means[prompts] + ~just[prompts] * NEVER), 1)
        self._scores[prompts], best = scores.topk(num_beams)
        self._are_texts[prompts] = are_texts.gather(1, best)
        for prompt, places in zip(prompts.tolist(), best.tolist(), strict=True):
            known = self.ids[prompt]
            self.ids[prompt] = [
                known[place]
                if place < num_beams
                else texts.with_token(rows[prompt, place - num_beams], tokens[prompt, place - num_beams])
                for place in places
            ]

    def can_be_beaten(self, means: Tensor) -> Tensor:
        """Say of which prompts [prompts] an open text of mean [prompts, 1] would be better than what was found."""
        worst = torch.where(self._are_texts, self._scores.amin(1, keepdim=True), NEVER)
        return (means > worst).any(1)

    def keep(self, order: list[int]) -> None:
        """Keep the prompts of `order` alone."""
        self.ids = [self.ids[prompt] for prompt in order]
        self._scores, self._are_texts = self._scores[order], self._are_texts[order]

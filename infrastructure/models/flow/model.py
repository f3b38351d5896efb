"""The reader: an encoder whose heads are given a bonus for related tokens, and what it says of each token."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

from infrastructure.code_reading.bindings import NUM_ROLES
from infrastructure.code_reading.verdict import LEAST_SHARE, Judging
from infrastructure.code_reading.vocabulary import PAD
from infrastructure.models.flow.grams import Grams
from infrastructure.models.flow.relations import (
    BY_CALL,
    LAST_VALUE,
    NEAR,
    NUM_RELATIONS,
    SAME_LINE,
    SAME_NAME,
    as_bonus,
    relations,
)

NORM_EPS = 1e-5
ROTARY_BASE = 10_000.0
NEVER = -1e4
# Heads that begin with a bonus for relations, in scores: from nothing they are found late or never.
FIRST_BONUS = (
    {SAME_NAME: 4.0},
    {SAME_LINE: 3.0},
    {LAST_VALUE: 5.0, BY_CALL: 5.0},
    {NEAR: 3.0},
)
# The largest numbers that a config may name; what the weights hold is compared with it as well.
MOST_HEADS, MOST_LAYERS, MOST_NAMES, MOST_GRAMS = 256, 256, 100_000, 1_000_000


class FlowConfig(PreTrainedConfig):
    """Shape of a reader. `marks` name what is told of each token; the first is what decides the verdict.

    `kinds` are numbers of weaknesses (CWE) that are told apart, 0 for those of no known kind. A model without kinds
    tells the labels apart itself. `negative_label` is the place of the label that names no weakness, and `num_grams` of
    how many runs of tokens it knows what they say by themselves.
    Raises: ValueError for what cannot be.
    """

    model_type = "athanor_flow"

    def __init__(
        self,
        vocab_size: int = 512,
        hidden_size: int = 64,
        intermediate_size: int = 96,
        num_layers: int = 2,
        num_heads: int = 2,
        negative_label: int = 0,
        marks: Sequence[str] = ("harmful",),
        kinds: Sequence[int] = (),
        dropout: float = 0.0,
        num_grams: int = 0,
        **settings: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.negative_label = negative_label
        self.marks = list(marks)
        self.kinds = list(kinds)
        self.dropout = dropout
        self.num_grams = num_grams
        super().__init__(**settings)
        self._require(int(self.num_labels or 0))

    def _require(self, num_labels: int) -> None:
        sizes = (self.vocab_size, self.hidden_size, self.intermediate_size, self.num_layers, self.num_heads)
        if not all(type(size) is int and size > 0 for size in (*sizes, num_labels)):
            raise ValueError("sizes must be whole numbers above 0")
        if self.num_heads > MOST_HEADS or self.num_layers > MOST_LAYERS:
            raise ValueError(f"at most {MOST_LAYERS} layers of {MOST_HEADS} heads can be")
        if self.hidden_size % (2 * self.num_heads):
            raise ValueError(f"hidden_size {self.hidden_size} is no even multiple of num_heads {self.num_heads}")
        if type(self.negative_label) is not int or not 0 <= self.negative_label < num_labels or num_labels < 2:
            raise ValueError(f"negative_label {self.negative_label!r} is none of {num_labels} labels, at least two")
        if not self.marks or not all(isinstance(name, str) for name in self.marks) or len(self.marks) > MOST_NAMES:
            raise ValueError("marks must be names, at least one")
        if not all(type(kind) is int and kind >= 0 for kind in self.kinds) or len(self.kinds) > MOST_NAMES:
            raise ValueError("kinds must be numbers")
        if type(self.num_grams) is not int or not 0 <= self.num_grams <= MOST_GRAMS:
            raise ValueError(f"num_grams is {self.num_grams!r}, but must be a whole number up to {MOST_GRAMS:,}")
        if not isinstance(self.dropout, int | float) or not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout!r}, but must be at least 0 and below 1")


class FlowClassifier(PreTrainedModel):
    """Tells of each token what it is marked as, and of a window which kind of weakness it would be.

    A pre-normalised encoder with rotary positions and gated units, as ModernBERT is (Warner et al., 2024), every layer
    of which sees the whole window. Each head of each layer adds to its scores a learnt bonus for each relation.
    """

    config: FlowConfig
    config_class = FlowConfig
    base_model_prefix = "flow"
    main_input_name = "input_ids"
    severities: Tensor

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config)
        width, num_labels = config.hidden_size, int(config.num_labels or 0)
        self.embeddings = nn.Embedding(config.vocab_size, width, padding_idx=PAD)
        self.roles = nn.Embedding(NUM_ROLES, width)
        self.embedding_norm = nn.LayerNorm(width, eps=NORM_EPS, bias=False)
        self.layers = nn.ModuleList(FlowLayer(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(width, eps=NORM_EPS, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.marks = nn.Linear(width, len(config.marks))
        self.kinds = nn.Linear(width, len(config.kinds) or num_labels - 1)
        if config.kinds:
            # How often each kind has each label but the negative one, [K, C - 1]; rows sum to 1.
            self.register_buffer("severities", torch.full((len(config.kinds), num_labels - 1), 1.0 / (num_labels - 1)))
        self.grams = Grams(config.num_grams, 1 + self.kinds.out_features) if config.num_grams else None
        self.post_init()

    @torch.no_grad()
    def start_from(self, known: np.ndarray, scores: np.ndarray, rarity: np.ndarray, bias: np.ndarray) -> None:
        """Answer by runs of tokens [G] alone, until layers have learnt something.

        `scores` [G, 1 + K] and `bias` [1 + K] are those of a weakness, and of each kind.
        """
        self.config.num_grams = len(known)
        self.grams = Grams(len(known), scores.shape[1])
        self.grams.take(known, scores, rarity)
        self.marks.weight[0] = 0.0
        self.marks.bias[0] = float(bias[0])
        self.kinds.weight.zero_()
        self.kinds.bias.copy_(torch.from_numpy(bias[1:]))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, FlowLayer):
            nn.init.zeros_(module.bonus)
            for head, sizes in enumerate(FIRST_BONUS[: module.num_heads]):
                for relation, size in sizes.items():
                    module.bonus[head, relation] = size
        elif isinstance(module, nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=0.02, a=-0.06, b=0.06)
            if module.padding_idx is not None:
                module.weight[PAD] = 0.0
        elif isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02, a=-0.06, b=0.06)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)

    def forward(self, input_ids: Tensor, roles: Tensor, links: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Give of windows `marks` [W, L, M] and `kinds` [W, K], scores before a sigmoid and a softmax, in fp32.

        Shapes: input_ids, roles and attention_mask [W, L], links [W, L, 2]. A kind is told from the tokens that decide
        the verdict.
        """
        tokens = self.dropout(self.embedding_norm(self.embeddings(input_ids) + self.roles(roles)))  # [W, L, D]
        turns = _turns(input_ids.shape[1], self.config.hidden_size // self.config.num_heads, tokens.device)
        form = _product_form(tokens)
        # What is padding is one relation more, whose bonus nothing outweighs: a mask would be a pass over all scores.
        hidden = (attention_mask == 0)[:, None, None, :].expand(-1, 1, input_ids.shape[1], -1)
        related = torch.cat([relations(input_ids, roles, links), hidden], dim=1).to(form)  # [W, R + 1, L, L]
        for layer in self.layers:
            tokens = layer(tokens, related, turns)
        tokens = self.norm(tokens)
        marks = self.marks(tokens).float()
        worst = marks[..., 0].detach().masked_fill(attention_mask == 0, -torch.inf).softmax(-1)  # [W, L]
        pooled = torch.matmul(worst.to(tokens.dtype).unsqueeze(1), tokens).squeeze(1)
        return {"marks": marks, "kinds": self.kinds(pooled).float()}

    @property
    def judging(self) -> Judging:
        """What it knows beside its layers."""
        severities = self.severities.cpu().numpy() if self.config.kinds else None
        return Judging(self.config.negative_label, severities, None if self.grams is None else self.grams.in_arrays())

    def severities_of(self, kinds: Tensor) -> Tensor:
        """Give log-probabilities [B, C - 1] of the labels of weak code from scores of kinds [B, K]."""
        log_kinds = functional.log_softmax(kinds, dim=-1)
        if not self.config.kinds:
            return log_kinds
        shares = self.severities.clamp_min(LEAST_SHARE).log()  # [K, C - 1]
        return torch.logsumexp(log_kinds[:, :, None] + shares, dim=1)


class FlowLayer(nn.Module):
    """Attention with a bonus for relations, then a gated unit."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.num_heads = config.num_heads
        self.attention_norm = nn.LayerNorm(width, eps=NORM_EPS, bias=False)
        self.queries_keys_values = nn.Linear(width, 3 * width, bias=False)
        self.bonus = nn.Parameter(torch.empty(config.num_heads, NUM_RELATIONS))
        self.out = nn.Linear(width, width, bias=False)
        self.unit_norm = nn.LayerNorm(width, eps=NORM_EPS, bias=False)
        self.wide = nn.Linear(width, 2 * config.intermediate_size, bias=False)
        self.narrow = nn.Linear(config.intermediate_size, width, bias=False)

    def forward(self, tokens: Tensor, related: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        """Shapes: tokens and result [W, L, D], related [W, R + 1, L, L] with padding last, turns two of [L, D / H]."""
        tokens = tokens + self.out(self._mixed(self.attention_norm(tokens), related, turns))
        content, gate = self.wide(self.unit_norm(tokens)).chunk(2, dim=-1)
        return tokens + self.narrow(functional.gelu(content) * gate)

    def _mixed(self, tokens: Tensor, related: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        heads = self.queries_keys_values(tokens).unflatten(-1, (3, self.num_heads, -1))  # [W, L, 3, H, S]
        queries, keys = _turned(heads[:, :, :2].permute(2, 0, 3, 1, 4).contiguous(), turns)  # each [W, H, L, S]
        values = heads[:, :, 2].transpose(1, 2)
        queries = queries * queries.shape[-1] ** -0.5
        bonus = as_bonus(related, functional.pad(self.bonus, (0, 1), value=NEVER))  # [W, H, L, L]
        scores = torch.matmul(queries, keys.transpose(-1, -2)) + bonus
        weights = torch.softmax(scores, dim=-1)  # sums are taken in fp32, whatever the format
        return torch.matmul(weights, values).transpose(1, 2).flatten(2)


def _product_form(tokens: Tensor) -> torch.dtype:
    """Give the number format in which matrices are multiplied here."""
    device = tokens.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tokens.dtype


def _turns(length: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give cosines and sines [L, S] of rotary positions. Source: Su et al., RoFormer, 2021."""
    rate = ROTARY_BASE ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
    angle = torch.arange(length, device=device, dtype=torch.float32)[:, None] * rate  # [L, S / 2]
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos(), angle.sin()


def _turned(heads: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    cosine, sine = (turn.to(heads.dtype) for turn in turns)
    front, behind = heads.chunk(2, dim=-1)
    return heads * cosine + torch.cat([-behind, front], dim=-1) * sine

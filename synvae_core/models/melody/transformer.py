"""Blocks of a causal transformer, over all steps at once or the next step alone.

Vaswani et al. 2017, "Attention Is All You Need", arXiv 1706.03762; pre-norm, with ReLU.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


@runtime_checkable
class TransformerSizes(Protocol):
    """Sizes of a transformer, which are part of a configuration."""

    @property
    def channels(self) -> int: ...

    @property
    def blocks(self) -> int: ...

    @property
    def heads(self) -> int: ...

    @property
    def hidden_channels(self) -> int: ...

    @property
    def dropout(self) -> float: ...


class Cache(NamedTuple):
    """Keys and values of the steps so far, of one block of the transformer."""

    keys: Float[Tensor, "b h t c"]
    values: Float[Tensor, "b h t c"]


class Block(nn.Module):
    """Block of a transformer: causal self-attention and an MLP, both residual and pre-norm."""

    def __init__(self, config: TransformerSizes):
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.channels)
        self.queries_keys_values = nn.Linear(config.channels, 3 * config.channels)
        self.attended = nn.Linear(config.channels, config.channels)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(config.channels),
            nn.Linear(config.channels, config.hidden_channels),
            nn.ReLU(),
            nn.Linear(config.hidden_channels, config.channels),
            nn.Dropout(config.dropout),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Float[Tensor, "b t c"], cache: Cache | None = None, step: int = 0
    ) -> Float[Tensor, "b t c"]:
        """All steps at once or, with a cache, the next step alone, which is added to the cache."""
        qkv = self.queries_keys_values(self.attention_norm(x))
        query, key, value = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if cache is None:
            heard = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            cache.keys[:, :, step], cache.values[:, :, step] = key[:, :, 0], value[:, :, 0]
            past = (cache.keys[:, :, : step + 1], cache.values[:, :, : step + 1])
            heard = F.scaled_dot_product_attention(query, *past)
        x = x + self.dropout(self.attended(heard.transpose(1, 2).flatten(2)))
        return x + self.perceptron(x)

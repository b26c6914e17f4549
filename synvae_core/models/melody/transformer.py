"""Blocks of a causal transformer, over all steps at once or the next step alone.

Vaswani et al. 2017, "Attention Is All You Need", arXiv 1706.03762; pre-norm, with ReLU.
"""

from collections.abc import Iterator
from typing import Protocol, cast, runtime_checkable

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


# Keys and values of the steps so far, of one block of the transformer.
Cache = Float[Tensor, "two b h t of_head"]


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

    def forward(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        """All steps at once."""
        qkv = self.queries_keys_values(self.attention_norm(x))
        query, key, value = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.dropout(self.attended(heard.transpose(1, 2).flatten(2)))
        return x + self.perceptron(x)

    def cache(self, batch: int, steps: int) -> Cache:
        """Empty cache of so many steps of a batch."""
        weight = self.attended.weight
        return weight.new_empty(2, batch, self.heads, steps, len(weight) // self.heads)

    def step(self, x: Float[Tensor, "b c"], cache: Cache, step: int) -> Float[Tensor, "b c"]:
        """The next step alone, whose key and value are added to the cache."""
        qkv = self.queries_keys_values(self.attention_norm(x))
        qkv = qkv.unflatten(-1, (3, self.heads, 1, x.shape[1] // self.heads))
        cache[:, :, :, step] = qkv[:, 1:, :, 0].transpose(0, 1)
        past = cache[:, :, :, : step + 1]
        heard = F.scaled_dot_product_attention(qkv[:, 0], past[0], past[1])
        x = x + self.dropout(self.attended(heard.flatten(1)))
        return x + self.perceptron(x)


class Blocks(nn.ModuleList):
    """Blocks of a transformer, one after another."""

    def __init__(self, config: TransformerSizes):
        super().__init__(Block(config) for _ in range(config.blocks))

    def __iter__(self) -> Iterator[Block]:
        return cast(Iterator[Block], super().__iter__())

    def forward(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b t c"]:
        """All steps at once."""
        for block in self:
            x = block(x)
        return x

    def step(self, x: Float[Tensor, "b c"], caches: list[Cache], step: int) -> Float[Tensor, "b c"]:
        """The next step alone, which is added to the caches."""
        for block, cache in zip(self, caches, strict=True):
            x = block.step(x, cache, step)
        return x

    def caches(self, batch: int, steps: int) -> list[Cache]:
        """Empty caches of so many steps of a batch, one for each block."""
        return [block.cache(batch, steps) for block in self]

"""Which rows make the batches of an epoch.

Tensors stay as they are (uint8 for pictures and melodies), in memory or mapped from a file, and
batches are gathered by index: no worker processes.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Int
from torch import Tensor

BLOCK = 1 << 12  # rows of a mapped file that are read together
GROUP = 1 << 10  # blocks that are shuffled as one: 4 million rows in memory at a time


def batches(
    n: int, length: int, batch_size: int, generator: torch.Generator
) -> Iterator[Int[Tensor, " b"]]:
    """The first `length` of n rows in random order; the last batch may be smaller.

    Beyond a few million rows whole blocks are drawn, and shuffled a group of blocks at a time:
    neither the order nor the rows it touches at a time outgrow the memory.
    """
    rest = torch.zeros(0, dtype=torch.long, device=generator.device)
    for rows in shuffle_rows(n, generator):
        rest = torch.cat([rest, rows])
        while length and len(rest) >= min(batch_size, length):
            yield rest[: min(batch_size, length)]
            rest, length = rest[batch_size:], max(0, length - batch_size)
        if not length:
            return


def shuffle_rows(n: int, generator: torch.Generator) -> Iterator[Int[Tensor, " rows"]]:
    """All of n rows in random order, in one piece or, where they are too many, in several."""
    if n <= BLOCK * GROUP:
        yield torch.randperm(n, generator=generator, device=generator.device)
        return
    blocks = torch.randperm(math.ceil(n / BLOCK), generator=generator, device=generator.device)
    within = torch.arange(BLOCK, device=generator.device)
    for group in blocks.split(GROUP):
        rows = (group[:, None] * BLOCK + within).flatten()
        rows = rows[rows < n]
        yield rows[torch.randperm(len(rows), generator=generator, device=generator.device)]

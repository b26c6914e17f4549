"""Random batches of row numbers for an epoch.

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
    """Batches of the first `length` of n row numbers in random order; the last may be smaller.

    Beyond 4 million rows, blocks of rows are drawn in random order and shuffled within groups of
    blocks, so that the permutation and the rows read at a time fit in memory.
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
    """Random order of n rows, in one piece or, beyond 4 million, in several."""
    if n <= BLOCK * GROUP:
        yield torch.randperm(n, generator=generator, device=generator.device)
        return
    blocks = torch.randperm(math.ceil(n / BLOCK), generator=generator, device=generator.device)
    within = torch.arange(BLOCK, device=generator.device)
    for group in blocks.split(GROUP):
        rows = (group[:, None] * BLOCK + within).flatten()
        rows = rows[rows < n]
        yield rows[torch.randperm(len(rows), generator=generator, device=generator.device)]

"""Near-duplicate pictures, mirrored or not, by the correlation of small grey copies."""

import numpy as np
import scipy
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

NEAR = 0.95  # least correlation of the small grey copies of near-duplicates
_GRID = 16  # their side
_ROWS = 1 << 8  # pictures that are compared with all others at a time


def near_duplicates(
    images: UInt8[Tensor, "n c h w"], *, near: float = NEAR
) -> Int[np.ndarray, " n"]:
    """Group number of each picture, the same for near-duplicates.

    Two pictures are near-duplicates if their small grey copies, one mirrored or not, correlate by
    `near` or more; groups are the connected components.

    Raises:
        ValueError: if there is no picture, or `near` is not within 0..1.
    """
    if not len(images) or not 0 < near <= 1:
        raise ValueError(
            f"pictures are compared at a correlation within 0..1: got {len(images)} pictures and "
            f"a correlation of {near}"
        )
    small, both = _small(images), _small_and_mirrored(images)
    pairs = [
        (small[start : start + _ROWS] @ both.T >= near).nonzero() + torch.tensor([start, 0])
        for start in range(0, len(small), _ROWS)
    ]
    row, column = torch.cat(pairs).numpy().T
    links = scipy.sparse.coo_array(
        (np.ones(len(row), bool), (row, column % len(small))), shape=(len(small),) * 2
    )
    return scipy.sparse.csgraph.connected_components(links, directed=False)[1].astype(np.int64)


def nearly_repeat(
    images: UInt8[Tensor, "n c h w"], others: UInt8[Tensor, "m c h w"], *, near: float = NEAR
) -> Bool[np.ndarray, " n"]:
    """True for each picture that is a near-duplicate of one of the others, as `near_duplicates`."""
    both = _small_and_mirrored(others)
    found = [(rows @ both.T >= near).any(1) for rows in _small(images).split(_ROWS)]
    return torch.cat(found).numpy()


def _small_and_mirrored(images: Tensor) -> Float[Tensor, "twice grid"]:
    """Small grey copies, and after them the mirrored ones."""
    small = _small(images)
    mirrored = small[:, :-1].unflatten(1, (_GRID, _GRID)).flip(-1).flatten(1)
    return torch.cat([small, torch.cat([mirrored, small[:, -1:]], 1)])


def _small(images: Tensor) -> Float[Tensor, "n grid"]:
    """Small grey copies, standardised to mean 0 and norm 1, and a last column: 1 if constant."""
    grey = images.float().mean(1, keepdim=True) / 255
    small = F.adaptive_avg_pool2d(grey, _GRID).flatten(1)
    small = small - small.mean(1, keepdim=True)
    length = small.norm(dim=1, keepdim=True)
    flat = length < 1e-3
    return torch.cat([torch.where(flat, 0.0, small / length.clamp(min=1e-3)), flat.float()], 1)

"""Cells of pictures that look alike, by k-means of their pixels: kinds, without labels."""

import numpy as np
from jaxtyping import Integer, Num
from threadpoolctl import threadpool_limits
from torch import Tensor

CELLS = 30


def picture_cells(
    images: Num[Tensor, "n c h w"], *, cells: int = CELLS, seed: int = 0
) -> Integer[np.ndarray, " n"]:
    """Cell of each picture, 0 to `cells` - 1; fewer cells for fewer than ten pictures each.

    Args:
        images: one for each row, in any range; distances are Euclidean, of all numbers alike.
    """
    from sklearn.cluster import KMeans

    rows = images.flatten(1).float().cpu().numpy()
    cells = min(len(rows), max(2, min(cells, len(rows) // 10)))
    with threadpool_limits(1):  # the same numbers on any number of cores
        return KMeans(cells, n_init=3, random_state=seed).fit_predict(rows)

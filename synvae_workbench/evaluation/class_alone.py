"""Vector quantisation of pictures by k-means cells of their latents."""

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from torch import Tensor


def class_alone(
    latents: Float[Tensor, "n z"], *, cells: int = 10, seed: int = 0
) -> Int[np.ndarray, " n"]:
    """Row of the item nearest to the centre of each item's k-means cell.

    Where each item is given what belongs to that row, such as its melody, one learns the cell and
    nothing else. No labels take part.

    Args:
        seed: of the first centres, the best of ten times.

    Raises:
        ValueError: unless 1 <= cells <= n and latents are finite.
    """
    if not 1 <= cells <= len(latents):
        raise ValueError(f"cells is 1 to {len(latents)}, of as many latents: got {cells}")
    values = latents.double().numpy()
    means = KMeans(cells, n_init=10, random_state=seed)
    to_centres = means.fit_transform(values)
    outside = means.labels_[:, None] != np.arange(cells)
    return np.where(outside, np.inf, to_centres).argmin(0)[means.labels_]

"""Two-dimensional maps of latent spaces, by t-SNE or UMAP.

t-SNE: van der Maaten & Hinton 2008, "Visualizing Data using t-SNE". UMAP: McInnes et al. 2018,
arXiv 1802.03426.
"""

import numpy as np
import torch
from jaxtyping import Float
from sklearn import manifold
from torch import Tensor


def latent_map(
    latents: Float[Tensor, "n z"], *, method: str = "tsne", perplexity: float = 30.0, seed: int = 0
) -> Float[np.ndarray, "n 2"]:
    """Embeds latents in the plane by t-SNE or UMAP, such that neighbours stay neighbours.

    Args:
        method: "tsne" (scikit-learn) or "umap", whose first use compiles for some seconds.
        perplexity: effective number of neighbours; UMAP's number of neighbours.
        seed: of what is random in it; one seed, one map.

    Raises:
        ValueError: unless 1 < perplexity < n - 1, all latents are finite, and the method is known.
    """
    if not torch.isfinite(latents).all():
        raise ValueError("latents are finite numbers: got NaN or infinity; did training diverge?")
    if not 1 < perplexity < len(latents) - 1:
        raise ValueError(
            f"perplexity is above 1 and below items - 1: got {perplexity} with {len(latents)} items"
        )
    points = latents.cpu().numpy().astype(np.float32)
    if method == "tsne":
        start = "pca" if points.shape[1] > 1 else "random"
        tsne = manifold.TSNE(2, perplexity=perplexity, init=start, random_state=seed)
        return tsne.fit_transform(points)
    if method == "umap":
        import umap  # its compiler takes seconds to load

        # With a seed it runs on one thread; said at once, it does not warn.
        mapper = umap.UMAP(n_neighbors=max(2, round(perplexity)), random_state=seed, n_jobs=1)
        return mapper.fit_transform(points)
    raise ValueError(f"method {method!r} is unknown; choose tsne or umap")

"""Data copying: distances of samples to their nearest training pictures, against held-out ones.

A small distance is no proof of copying: held-out pictures are near training pictures, too, and
smooth pictures are nearer to all others than sharp ones. So it is compared with the distances of
held-out pictures and of their reconstructions, which are as smooth as samples. After Meehan,
Chaudhuri & Dasgupta 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models",
arXiv 2004.05675, without its cells, for which a hundred pictures are too few.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from synvae_core.metrics.retrieval import nearest_across
from synvae_core.types import LOWER, Measure

MEASURES = (Measure("copied_against_{unseen}", LOWER, 0, 1),)


class Nearest(NamedTuple):
    """Nearest neighbour of each of n pictures, whether mirrored, and its squared error."""

    rows: Int[Tensor, " n"]
    is_mirrored: Bool[Tensor, " n"]
    squared_error: Float[Tensor, " n"]


@torch.no_grad()
def nearest_pictures(
    pictures: Float[Tensor, "n c h w"], training: Float[Tensor, "m c h w"]
) -> Nearest:
    """Nearest training picture of each picture, as it is or mirrored, by squared error.

    Raises:
        ValueError: unless there are pictures on both sides, of one shape and finite.
    """
    if pictures.shape[1:] != training.shape[1:]:
        raise ValueError(
            f"pictures are compared by their pixels: got shapes {tuple(pictures.shape[1:])} and "
            f"{tuple(training.shape[1:])}"
        )
    both = torch.cat([training, training.flip(-1)])
    nearest = nearest_across(pictures.flatten(1), both.flatten(1), k=1)[:, 0]
    error = (pictures.double() - both[nearest].double()).square().flatten(1).sum(1)
    return Nearest(nearest % len(training), nearest >= len(training), error.to(pictures.dtype))


def copied_share(samples: Float[Tensor, " n"], held_out: Float[Tensor, " m"]) -> float:
    """Probability that a sample is nearer to the training pictures than a held-out picture is.

    Over all pairs of a sample and a held-out picture, each with its nearest training picture
    (Mann-Whitney): 0.5 if samples are as new as held-out pictures, 1 if all are copies. Ties count
    half.

    Args:
        samples: squared error of each sample to its nearest training picture.
        held_out: the same of pictures that the model was not trained on.

    Raises:
        ValueError: if there is none on either side, or one is not finite.
    """
    for name, errors in (("samples", samples), ("held-out pictures", held_out)):
        if not len(errors) or not torch.isfinite(errors).all():
            raise ValueError(f"{name} have finite distances, at least one: got {errors.tolist()}")
    nearer = (samples[:, None] < held_out).double() + 0.5 * (samples[:, None] == held_out).double()
    return nearer.mean().item()

"""Terms by which pictures that are alike come to sound alike, without labels.

A distance-preserving embedding, as by multidimensional scaling (Kruskal 1964, "Multidimensional
Scaling by Optimizing Goodness of Fit to a Nonmetric Hypothesis", Psychometrika 29, 1-27) and as
from pictures to sounds in Port et al. 2020, "Earballs: Neural Transmodal Translation", arXiv
2005.13291. Distances of latents are weighted by how much of each latent is heard, see
`metrics.audible_weights`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.losses.terms import Losses
from synvae_core.types import SynVaeOutput

LEAST = 1e-12  # least squared distance: the root of 0 has no gradient
FARTHEST = 3.0  # of what is heard, in standard deviations of the prior: few notes say more


@dataclass(frozen=True)
class Likeness:
    """Weights of the terms of `likeness_losses`, as shares of the mean squared error of a batch.

    Attributes:
        likeness: of `distance_mismatch`, of latents and the pictures' target coordinates.
        steadiness: of the distance of a picture's latents from those of the same, moved a little.
        commitment: of the distance of a picture's latents from what is heard in its notes.
        heard: of `distance_mismatch` as well, of what is heard in the notes in place of latents.
        audible: weight of each latent in distances; empty: 1.

    Raises:
        ValueError: if a weight is negative or not finite, or no latent is heard.
    """

    likeness: float = 0.0
    steadiness: float = 0.0
    commitment: float = 0.0
    heard: float = 0.0
    audible: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "audible", tuple(map(float, self.audible)))
        values = (self.likeness, self.steadiness, self.commitment, self.heard, *self.audible)
        if not all(0 <= value < float("inf") for value in values):
            raise ValueError(f"weights of likeness: expected finite ones of 0 or more, got {self}")
        if self.audible and not any(self.audible):
            raise ValueError(
                "no latent is heard: give one a weight in `audible`, or leave it empty"
            )

    def weights(self, mu: Float[Tensor, "b z"]) -> Float[Tensor, " z"]:
        """Weight of each latent in distances.

        Raises:
            ValueError: if there are more or fewer weights than latents.
        """
        if not self.audible:
            return mu.new_ones(mu.shape[1])
        if len(self.audible) != mu.shape[1]:
            raise ValueError(
                f"`audible` has {len(self.audible)} weights, expected {mu.shape[1]}, one a latent: "
                "compute them of the melody model that is trained with"
            )
        return mu.new_tensor(self.audible)


def likeness_losses(
    output: SynVaeOutput,
    likeness: Likeness,
    *,
    targets: Float[Tensor, "b d"] | None = None,
    moved: Float[Tensor, "b z"] | None = None,
) -> Losses:
    """Loss of pictures sounding unlike others that they look like, as a share of another loss.

        L = likeness M(m, t)  +  steadiness |m - m*|^2_w  +  commitment |m - sg(mu')|^2_w
            +  heard M(mu', t)
        |v|^2_w = sum_i w_i^2 v_i^2 / sum_i w_i^2

    m are the means of the visual posteriors, m* those of the same pictures moved a little, mu' the
    means of the melody encoder's posteriors given the notes, at most 3 from 0; w are the weights
    of the latents, M is `distance_mismatch`, sg stops the gradient. What is heard lacks what notes
    cannot hold: `heard` moves what is alike to latents that are heard well. `commitment` is that of
    VQ-VAE, van den Oord et al. 2017, arXiv 1711.00937, by ear.

    Args:
        targets: t, coordinates of the pictures, alike where the pictures are; None leaves M out.
        moved: m*; None leaves steadiness out.

    Returns:
        `loss` and the terms that there are, unweighted: `likeness` and `heard_likeness`, one value
        for the whole batch; `steadiness`; `heard_distance`.
    """
    mu, weights = output.visual.mu, likeness.weights(output.visual.mu)
    heard = output.auditive.mu.detach().clamp(-FARTHEST, FARTHEST)
    terms = {"heard_distance": weighted_distance(mu, heard, weights)}
    loss = likeness.commitment * terms["heard_distance"]
    if moved is not None:
        terms["steadiness"] = weighted_distance(mu, moved, weights)
        loss = loss + likeness.steadiness * terms["steadiness"]
    if targets is not None:
        terms["likeness"] = distance_mismatch(mu * weights, targets).expand_as(loss)
        loss = loss + likeness.likeness * terms["likeness"]
        if likeness.heard:
            told = distance_mismatch(output.auditive.mu * weights, targets)
            terms["heard_likeness"] = told.expand_as(loss)
            loss = loss + likeness.heard * terms["heard_likeness"]
    return {"loss": loss, **terms}


def distance_mismatch(
    points: Float[Tensor, "b z"], targets: Float[Tensor, "b d"]
) -> Float[Tensor, ""]:
    """1 - Pearson's correlation of the distances of points and of their targets, over all pairs.

    In 0..2: 0 where one is a scaled rigid motion of the other, about 1 where they have nothing to
    do with each other. 1, without a gradient, where all distances of either are equal, as in a
    batch of two.
    """
    found, wanted = pair_distances(points), pair_distances(targets)
    if len(found) < 2:
        return 1 - 0 * found.sum()
    found, wanted = found - found.mean(), wanted - wanted.mean()
    power = found.square().sum() * wanted.square().sum()
    return 1 - (found * wanted).sum() / power.clamp(min=LEAST).sqrt()


def pair_distances(points: Float[Tensor, "n d"]) -> Float[Tensor, " pairs"]:
    """Euclidean distances of all pairs of points; those at one place are 1e-6 apart."""
    # All with all: picked pair by pair, threads would add up a point's gradient in any order.
    squared = (points[:, None] - points).square().sum(2)
    above = torch.ones_like(squared, dtype=torch.bool).triu(1)
    return squared[above].clamp(min=LEAST).sqrt()


def weighted_distance(
    first: Float[Tensor, "b z"], second: Float[Tensor, "b z"], weights: Float[Tensor, " z"]
) -> Float[Tensor, " b"]:
    """Squared Euclidean distance of points, in coordinates that are weighted, per unit weight."""
    squared = weights.square()
    return (squared * (first - second).square()).sum(1) / squared.sum()

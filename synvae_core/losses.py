"""Loss terms as free functions: one value per example, the unit in the first line.

The terms are those of Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114.
Weights between terms belong to the objectives, not here.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def normal_kl(mu: Float[Tensor, "b z"], logvar: Float[Tensor, "b z"]) -> Float[Tensor, "b"]:
    """KL from N(mu, exp(logvar)) to N(0, I), in nats, summed over the latent dimensions."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(-1)


def free_bits(kl: Float[Tensor, "b"], bits: float) -> Float[Tensor, "b"]:
    """What of an example's KL, in nats, exceeds a number of bits that cost nothing.

    Kingma et al. 2016, arXiv 1606.04934, on the whole code as in MusicVAE, arXiv 1803.05428.
    """
    return (kl - bits * math.log(2)).clamp(min=0)


def normal_mismatch(z: Float[Tensor, "b z"]) -> Float[Tensor, ""]:
    """How far the points of a batch, as a whole, are from draws of N(0, I); about 0 for such draws.

    The squared Wasserstein distance of each coordinate to N(0, 1), exact in one dimension (as
    along each slice in Kolouri et al. 2018, arXiv 1804.01947), and a third of the squared
    covariances of different coordinates (Kumar et al. 2018, arXiv 1711.00848), less what chance
    gives them in a batch of this size. Points, not posteriors, so that those who listen at the
    means hear what was measured.
    """
    n, dim = z.shape
    middle = (torch.arange(n, device=z.device, dtype=z.dtype) + 0.5) / n
    quantiles = torch.special.ndtri(middle)[:, None]
    marginal = (z.sort(0).values - quantiles).square().mean(0).sum()
    centred = z - z.mean(0)
    covariance = centred.T @ centred / n
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    chance = dim * (dim - 1) * (n - 1) / n**2
    return marginal + (off_diagonal - chance) / 3


def squared_error(
    reconstruction: Float[Tensor, "b *shape"], target: Float[Tensor, "b *shape"]
) -> Float[Tensor, "b"]:
    """Squared error in squared units of the input, summed over everything but the batch."""
    return (reconstruction - target).square().flatten(1).sum(-1)


def event_cross_entropy(
    logits: Float[Tensor, "b t events"], events: Int[Tensor, "b t"]
) -> Float[Tensor, "b"]:
    """Negative log-likelihood of the events, in nats, summed over the steps."""
    return F.cross_entropy(logits.transpose(1, 2), events, reduction="none").sum(-1)

"""Loss terms as free functions: one value per example, the unit in the first line.

The terms are those of Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114.
Weights between terms belong to the objectives, not here.
"""

import math

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

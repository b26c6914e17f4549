"""Latent usage of a VAE: KL to the prior, active dimensions and the aggregate posterior.

A dimension is active if its posterior mean varies over the data: Burda et al. 2016, "Importance
Weighted Autoencoders", arXiv 1509.00519. The prior is N(0, I) throughout.
"""

import math
from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor

from synvae_core.losses import normal_kl
from synvae_core.types import Measure, TooFewError

ACTIVE_VARIANCE = 0.01

MEASURES = (
    Measure("kl_bits", None, 0),
    Measure("notes/bits", None, 0),  # of melodies under a language
    Measure("aggregate_kl_bits", None, 0),
    Measure("active_dimensions", None, 0),
    Measure("posterior_sd", None, 0),
    Measure("bits_per_second", None, 0),
    Measure("numbers_per_second", None, 0),
)


class LatentUsage(NamedTuple):
    """Usage of each dimension of a latent space, over the posteriors of a data set.

    `kl_bits` is the mean KL to the prior; `mean_variance` the variance of the posterior means;
    `aggregate_mean` and `aggregate_sd` are the moments of the aggregate posterior, the mixture of
    all posteriors; those of the prior are 0 and 1.
    """

    kl_bits: Float[Tensor, " z"]
    mean_variance: Float[Tensor, " z"]
    aggregate_mean: Float[Tensor, " z"]
    aggregate_sd: Float[Tensor, " z"]

    @property
    def active(self) -> Bool[Tensor, " z"]:
        """Mask of the active dimensions, whose posterior means have a variance above 0.01."""
        return self.mean_variance > ACTIVE_VARIANCE

    @property
    def aggregate_kl_bits(self) -> Float[Tensor, " z"]:
        """KL in bits of a Gaussian with the moments of the aggregate posterior to N(0, 1)."""
        logvar = 2 * self.aggregate_sd.log()
        return _kl_bits(self.aggregate_mean[None], logvar[None])[0]

    def summary(self) -> dict[str, float]:
        """Sums of `kl_bits` and `aggregate_kl_bits`, and the number of active dimensions."""
        return {
            "kl_bits": self.kl_bits.sum().item(),
            "active_dimensions": float(self.active.sum()),
            "aggregate_kl_bits": self.aggregate_kl_bits.sum().item(),
        }


def latent_usage(mu: Float[Tensor, "n z"], logvar: Float[Tensor, "n z"]) -> LatentUsage:
    """Usage of the latent space by the posteriors N(mu, exp(logvar)) of `n` melodies.

    Raises:
        ValueError: if there are fewer than two.
    """
    if len(mu) < 2:
        raise TooFewError(f"latent usage needs 2 posteriors or more, got {len(mu)}")
    mu, logvar = mu.double(), logvar.double()
    variance = mu.var(0, correction=0)
    return LatentUsage(
        kl_bits=_kl_bits(mu, logvar).mean(0),
        mean_variance=variance,
        aggregate_mean=mu.mean(0),
        aggregate_sd=(variance + logvar.exp().mean(0)).sqrt(),
    )


def _kl_bits(mu: Float[Tensor, "n z"], logvar: Float[Tensor, "n z"]) -> Float[Tensor, "n z"]:
    nats = normal_kl(mu.reshape(-1, 1), logvar.reshape(-1, 1))
    return nats.reshape(mu.shape) / math.log(2)

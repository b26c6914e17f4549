"""Draws from posteriors, as in Kingma & Welling 2014, "Auto-Encoding Variational Bayes"."""

import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.types import Posterior


def reparameterise(
    posterior: Posterior, generator: torch.Generator | None = None
) -> Float[Tensor, "b z"]:
    """A sample of the posterior through which gradients pass."""
    noise = torch.randn(
        posterior.mu.shape,
        generator=generator,
        dtype=posterior.mu.dtype,
        device=posterior.mu.device,
    )
    return posterior.mu + noise * (0.5 * posterior.logvar).exp()

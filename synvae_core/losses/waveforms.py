"""Losses of the VAEs of raw waveforms.

Engel et al. 2020, "DDSP: Differentiable Digital Signal Processing", arXiv 2001.04643, for the
spectral distance.
"""

from jaxtyping import Float
from torch import Tensor

from synvae_core.losses.terms import Losses, multi_scale_spectral, normal_kl, squared_error
from synvae_core.types import Posterior, WaveformOutput


def coefficient_loss(
    reconstruction: Float[Tensor, "b components"],
    posterior: Posterior,
    coefficients: Float[Tensor, "b components"],
    energy: Float[Tensor, " b"],
    *,
    beta: float,
) -> Losses:
    """Loss of the fully connected VAE: squared error over the energy + beta x KL.

        L = |c' - c|^2 / E  +  beta KL(q(z|c) || N(0, I))

    c are the coefficients of a window's principal components, c' their reconstruction, E the energy
    of the window. For windows in the span of the components the error is that of the waveform; what
    lies outside cannot be learnt.

    Args:
        energy: sum of the squared samples, above 0.

    Returns:
        `loss`; `error_share`, without a unit; `kl_nats`.
    """
    error = squared_error(reconstruction, coefficients) / energy
    kl = normal_kl(*posterior)
    return {"loss": error + beta * kl, "error_share": error, "kl_nats": kl}


def spectral_loss(output: WaveformOutput, windows: Float[Tensor, "b n"], *, beta: float) -> Losses:
    """Loss of the convolutional VAE: multi-scale spectral distance + beta x KL per dimension.

        L = S(w', w)  +  beta KL(q(z|w) || N(0, I)) / dim z

    w is a window of a waveform, w' its reconstruction and S `multi_scale_spectral`, which ignores
    phase: a squared error of the samples beside it makes every hit softer and the rhythm worse.
    The KL is averaged over the latent dimensions, since longer windows have more of them.

    Returns:
        `loss`; `spectral_distance`, without a unit; `kl_nats`, summed over the dimensions.
    """
    spectral = multi_scale_spectral(output.reconstruction, windows)
    kl = normal_kl(*output.posterior)
    numbers = output.posterior.mu.shape[1]
    loss = spectral + beta * kl / numbers
    return {"loss": loss, "spectral_distance": spectral, "kl_nats": kl}

"""Terms of losses: one value per example, with the unit in the first line.

Those of VAEs are of Kingma & Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

# Terms by name, one value per example; `loss` is the one to be minimised.
Losses = dict[str, Float[Tensor, " b"]]

LIKELIHOODS = ("squared", "bernoulli")
LEAST_DEVIATION = 1e-3  # a feature that hardly varies says nothing, and its noise should not count


def normal_kl(mu: Float[Tensor, "b z"], logvar: Float[Tensor, "b z"]) -> Float[Tensor, " b"]:
    """KL from N(mu, exp(logvar)) to N(0, I), in nats, summed over the latent dimensions."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(-1)


def free_bits(kl: Float[Tensor, " b"], bits: float) -> Float[Tensor, " b"]:
    """KL beyond the free bits, in nats: max(0, kl - bits ln 2).

    Kingma et al. 2016, arXiv 1606.04934, over all dimensions together as in MusicVAE, arXiv
    1803.05428.
    """
    return (kl - bits * math.log(2)).clamp(min=0)


def normal_mismatch(z: Float[Tensor, "b z"]) -> Float[Tensor, ""]:
    """Distance of a batch of points, as a whole, from N(0, I); about 0 for samples of it.

        D = sum_i W2(z_i, N(0, 1))^2  +  (sum_{i != j} cov(z_i, z_j)^2 - chance) / 3

    The squared Wasserstein distance of each coordinate to N(0, 1), exact in one dimension (as
    along each slice in Kolouri et al. 2018, arXiv 1804.01947), and a third of the squared
    covariances of different coordinates (Kumar et al. 2018, arXiv 1711.00848), less their
    expectation for samples of N(0, I) in a batch of this size. It is of points, not of posteriors,
    so that it describes what is decoded.
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
    reconstruction: Float[Tensor, " b *shape"], target: Float[Tensor, " b *shape"]
) -> Float[Tensor, " b"]:
    """Squared error in squared units of the input, summed over all but the batch dimension."""
    return (reconstruction - target).square().flatten(1).sum(-1)


def feature_distance(
    features: Float[Tensor, "b d"], target: Float[Tensor, "b d"], deviation: Float[Tensor, " d"]
) -> Float[Tensor, " b"]:
    """Squared difference of pictures' features, in units of their variance, the mean over features.

        D(f, t) = 1/d  sum_i  (f_i - t_i)^2 / s_i^2

    0 for the same features, 1 on average from the mean of all pictures, and 2 between two pictures
    that have nothing to do with each other. A perceptual loss as in Johnson, Alahi & Fei-Fei 2016,
    arXiv 1603.08155, of means over all places: it counts what is shown, and not where.

    Args:
        features, target: f and t, of `models.features`.
        deviation: s, the standard deviation of each feature over many pictures.
    """
    return ((features - target) / deviation.clamp(min=LEAST_DEVIATION)).square().mean(1)


def picture_error(
    reconstruction: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], likelihood: str
) -> Float[Tensor, " b"]:
    """Reconstruction error, summed over the pixels: squared, or "bernoulli" cross-entropy in nats.

    Raises:
        ValueError: if the likelihood is unknown.
    """
    check_likelihood(likelihood)
    if likelihood == "squared":
        return squared_error(reconstruction, target)
    error = F.binary_cross_entropy(reconstruction.float(), target, reduction="none")
    return error.flatten(1).sum(-1)


def check_likelihood(likelihood: str) -> None:
    """Raises a ValueError that names the likelihoods unless this is one."""
    if likelihood not in LIKELIHOODS:
        raise ValueError(
            f"likelihood {likelihood!r} is unknown; choose of {', '.join(LIKELIHOODS)}"
        )


def event_cross_entropy(
    logits: Float[Tensor, "b t events"], events: Int[Tensor, "b t"]
) -> Float[Tensor, " b"]:
    """Negative log-likelihood of the events, in nats, summed over the steps."""
    return F.cross_entropy(logits.transpose(1, 2), events, reduction="none").sum(-1)


def multi_scale_spectral(
    reconstruction: Float[Tensor, "b n"],
    target: Float[Tensor, "b n"],
    *,
    sizes: tuple[int, ...] = (2048, 1024, 512, 256, 128, 64),
    floor: float = 1e-4,
) -> Float[Tensor, " b"]:
    """Multi-scale spectral distance: L1 of magnitudes and of their logarithms, without a unit.

    At each window size, the sum of absolute differences over the target's sum, and the mean
    absolute difference of logarithms (base e); then the mean over the sizes. Phase is ignored.
    Engel et al. 2020, "DDSP", arXiv 2001.04643, whose linear term is a mean: relative to the
    target, quiet loops count as much as loud ones.

    Args:
        sizes: of Hann windows, in samples; the hop is a quarter.
        floor: added to magnitudes before the logarithm; a sine of amplitude 1 has 1.
    """
    total = reconstruction.new_zeros(len(reconstruction))
    for size in sizes:
        ours, theirs = (magnitudes(each, size) for each in (reconstruction, target))
        share = (ours - theirs).abs().sum((1, 2)) / (theirs.sum((1, 2)) + floor)
        logarithms = (ours + floor).log() - (theirs + floor).log()
        total = total + share + logarithms.abs().mean((1, 2))
    return total / len(sizes)


def magnitudes(waveforms: Float[Tensor, "b n"], size: int) -> Float[Tensor, "b bins frames"]:
    """Magnitude spectrogram with Hann windows of `size` samples and a hop of a quarter.

    Both ends are padded with zeros. A sine of amplitude 1 has 1 at its frequency.
    """
    window = torch.hann_window(size, dtype=waveforms.dtype, device=waveforms.device)
    spectrum = torch.stft(
        waveforms, size, size // 4, window=window, pad_mode="constant", return_complex=True
    )
    # The root of a sum, rather than abs, so that the gradient is finite where there is silence.
    power = spectrum.real.square() + spectrum.imag.square()
    return (power + 1e-12).sqrt() * (2 / window.sum())

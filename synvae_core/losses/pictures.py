"""Losses of pictures: SynVAE, VAEs of pictures alone, and classifiers.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218; Kingma &
Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114.
"""

import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from synvae_core.losses.terms import Losses, normal_kl, normal_mismatch, squared_error
from synvae_core.types import SynVaeOutput, VaeOutput


def synvae_loss(
    output: SynVaeOutput,
    images: Float[Tensor, "b c h w"],
    *,
    beta: float = 0.0,
    commitment: float = 0.0,
    musicality: float = 0.0,
) -> Losses:
    """Loss of SynVAE: squared error of the pictures rebuilt from music, and latent regularisation.

        L = |x' - x|^2  +  beta KL(q(z|x) || N(0, I))  +  commitment |z - sg(mu')|^2
            +  musicality sg(mean |x' - x|^2) D(z_1 .. z_b)

    x is the picture, z a draw of its posterior q(z|x), mu' the mean of what the melody encoder
    hears in the melody of z, x' the picture drawn of mu'; sg stops the gradient, and the mean is
    that of the batch.

    `commitment` keeps the copied gradient true (van den Oord et al. 2017, arXiv 1711.00937). D is
    `normal_mismatch`: it holds the latents of a batch to N(0, I) together, each one free to be
    where it likes, which is where the melody model's own melodies come from. `musicality` is a
    share of the squared error, so that one value fits small pictures and large ones.

    Args:
        images: in [0, 1].

    Returns:
        `loss`; `squared_error` and `commitment` in squared units; `kl_nats`; `normal_mismatch`,
        the same for all of the batch.
    """
    error = squared_error(output.reconstruction, images)
    kl = normal_kl(*output.visual)
    distance = squared_error(output.z, output.auditive.mu.detach())
    mismatch = normal_mismatch(output.z).expand_as(error)
    regularisation = beta * kl + commitment * distance
    regularisation = regularisation + musicality * error.detach().mean() * mismatch
    return {
        "loss": error + regularisation,
        "squared_error": error,
        "kl_nats": kl,
        "commitment": distance,
        "normal_mismatch": mismatch,
    }


def picture_vae_loss(output: VaeOutput, images: Float[Tensor, "b c h w"], *, beta: float) -> Losses:
    """Loss of a VAE of pictures, such as the visual VAE and that of faces.

        L = |x' - x|^2  +  beta KL(q(z|x) || N(0, I))

    x is the picture, x' its reconstruction from a draw of q(z|x), both in [0, 1]. L / beta is
    minus the evidence lower bound, but for a constant, of a Gaussian likelihood whose variance is
    beta / 2.

    Returns:
        `loss`; `squared_error`, summed over the pixels; `kl_nats`.
    """
    error = squared_error(output.reconstruction, images)
    kl = normal_kl(*output.posterior)
    return {"loss": error + beta * kl, "squared_error": error, "kl_nats": kl}


def classifier_loss(
    logits: Float[Tensor, "b classes"],
    labels: Int[Tensor, " b"] | Bool[Tensor, "b classes"],
    *,
    double_softmax: bool = False,
) -> Losses:
    """Loss of a classifier: cross-entropy of the labels, in nats.

        one label y:             L = -log softmax(s)_y
        labels y_k of 0 or 1:    L = -sum_k  y_k log sigmoid(s_k) + (1 - y_k) log sigmoid(-s_k)

    Args:
        logits: s.
        labels: class ids, or booleans where an example may have several labels.
        double_softmax: as published with SynVAE, arXiv 1909.01218, the probabilities of the classes
            (softmax(s), of several labels sigmoid(s)) are taken for their logits, so that no class
            is ever sure: the loss of one label in K classes stays above log(1 + (K - 1) / e).

    Returns:
        `loss`.
    """
    if labels.ndim == 1:
        logits = logits.softmax(-1) if double_softmax else logits
        return {"loss": F.cross_entropy(logits, labels, reduction="none")}
    logits = logits.sigmoid() if double_softmax else logits
    loss = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    return {"loss": loss.sum(-1)}

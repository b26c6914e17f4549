"""Losses of picture models: SynVAE, picture VAEs, classifiers and features without labels.

Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music", arXiv 1909.01218; Kingma &
Welling 2014, "Auto-Encoding Variational Bayes", arXiv 1312.6114; Chen et al. 2020, "A Simple
Framework for Contrastive Learning of Visual Representations", arXiv 2002.05709.
"""

import math

import torch
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
    """Loss of SynVAE: squared error of the reconstruction from music + latent regularisation.

        L = |x' - x|^2  +  beta KL(q(z|x) || N(0, I))  +  commitment |z - sg(mu')|^2
            +  musicality sg(mean |x' - x|^2) D(z_1 .. z_b)

    x is the picture, z a sample of its posterior q(z|x), mu' the mean of the melody encoder's
    posterior given the melody of z, x' the picture decoded from mu'; sg stops the gradient, and
    the mean is over the batch.

    `commitment` keeps the straight-through gradient accurate, as the commitment loss of VQ-VAE
    does (van den Oord et al. 2017, arXiv 1711.00937). D is `normal_mismatch`: it pulls the batch
    as a whole, not each posterior, to N(0, I), the prior of the melody model. `musicality` is
    relative to the squared error, so that one value fits pictures of any size.

    Args:
        images: in [0, 1].

    Returns:
        `loss`; `squared_error` and `commitment` in squared units; `kl_nats`; `normal_mismatch`,
        one value for the whole batch.
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
    """Loss of a picture VAE, such as the visual VAE and that of faces: squared error + beta x KL.

        L = |x' - x|^2  +  beta KL(q(z|x) || N(0, I))

    x is the picture, x' its reconstruction from a sample of q(z|x), both in [0, 1]. L / beta is,
    up to a constant, the negative ELBO with a Gaussian likelihood of variance beta / 2.

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
    """Cross-entropy of the labels, in nats: softmax of one label, sigmoids of several.

        one label y:             L = -log softmax(s)_y
        labels y_k of 0 or 1:    L = -sum_k  y_k log sigmoid(s_k) + (1 - y_k) log sigmoid(-s_k)

    Args:
        logits: s.
        labels: class ids, or booleans where an example may have several labels.
        double_softmax: take probabilities (softmax(s), of several labels sigmoid(s)) for logits, as
            published with SynVAE, arXiv 1909.01218. Confidence is then bounded: the loss of one
            label in K classes stays above log(1 + (K - 1) / e).

    Returns:
        `loss`.
    """
    if labels.ndim == 1:
        logits = logits.softmax(-1) if double_softmax else logits
        return {"loss": F.cross_entropy(logits, labels, reduction="none")}
    logits = logits.sigmoid() if double_softmax else logits
    loss = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    return {"loss": loss.sum(-1)}


def contrastive_loss(
    one: Float[Tensor, "b d"], other: Float[Tensor, "b d"], *, temperature: float
) -> Losses:
    """NT-Xent of SimCLR: cross-entropy of telling a picture's other view among all in the batch.

        l(i, j) = -log  exp(s_ij / T) / sum_{k != i} exp(s_ik / T)
        L       = (l(i, i') + l(i', i)) / 2

    s is the cosine of two projections, i and i' are the two views of one picture, k is any of the
    2 b views, and T the temperature.

    Args:
        one, other: projections of the two views of each picture, in the same order.

    Returns:
        `loss`, in nats, log(2 b - 1) where no view is told from another; `matched`, the share of
        the picture's two views whose nearest is the other one.

    Raises:
        ValueError: unless the temperature is above 0.
    """
    if temperature <= 0:
        raise ValueError(f"the temperature is above 0, got {temperature}: 0.1 to 0.5 are usual")
    views = F.normalize(torch.cat([one, other]), dim=1)
    count = len(views)
    itself = torch.eye(count, dtype=torch.bool, device=views.device)
    scores = (views @ views.T / temperature).masked_fill(itself, -math.inf)
    partners = torch.arange(count, device=views.device).roll(len(one))
    loss = F.cross_entropy(scores, partners, reduction="none")
    matched = (scores.argmax(1) == partners).to(loss.dtype)
    return {"loss": loss.view(2, -1).mean(0), "matched": matched.view(2, -1).mean(0)}

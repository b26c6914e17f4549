"""Losses of speech to image: the VAE, and generator and discriminator of the VAE-GAN.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354, after Larsen
et al. 2016, arXiv 1512.09300: the generator is the VAE. Hinge losses are those of Miyato et al.
2018, arXiv 1802.05957; mismatched pairs of picture and speech are rejected as in Reed et al. 2016,
arXiv 1605.05396; the style encoder is that of Bao et al. 2017, "CVAE-GAN", arXiv 1703.10155.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from synvae_core.losses.terms import Losses, check_likelihood, normal_kl, picture_error
from synvae_core.types import SpokenPicture

GAMES = ("bce", "hinge")


@dataclass(frozen=True)
class GeneratorTerms:
    """Weights of the terms of `generator_loss`, its likelihood and its adversarial loss.

    Raises:
        ValueError: if the likelihood or the game is unknown.
    """

    adversarial: float = 1.0
    alpha: float = 0.2  # of the reconstruction
    beta: float = 0.5  # of the KL of the speech latents
    style: float = 0.0  # of the KL of the style, within alpha
    likelihood: str = "squared"  # or "bernoulli", cross-entropy in nats
    game: str = "bce"  # non-saturating, as published; or "hinge"

    def __post_init__(self) -> None:
        check_likelihood(self.likelihood)
        check_game(self.game)


def speech_vae_loss(
    drawn: SpokenPicture,
    pictures: Float[Tensor, "b c h w"],
    *,
    beta: float,
    likelihood: str = "squared",
) -> Losses:
    """Loss of the speech-to-image VAE: reconstruction + beta x KL.

        L = R(x', x)  +  beta KL(q(z|s) || N(0, I))
        R = |x' - x|^2  ("squared")  or  -sum x log x' + (1 - x) log(1 - x')  ("bernoulli")

    s is a spectrogram of speech, x a picture of what it says, x' the picture decoded from a sample
    of q(z|s). The paper does not state its likelihood.

    Args:
        pictures: in [0, 1].

    Returns:
        `loss`; `picture_error`, R, summed over the pixels; `kl_nats`.

    Raises:
        ValueError: if the likelihood is unknown.
    """
    error = picture_error(drawn.reconstruction, pictures, likelihood)
    kl = normal_kl(*drawn.posterior)
    return {"loss": error + beta * kl, "picture_error": error, "kl_nats": kl}


def discriminator_loss(
    real: Float[Tensor, " b"], rejected: Sequence[Float[Tensor, " b"]], *, game: str = "bce"
) -> Losses:
    """Discriminator loss of the VAE-GAN: real pictures against generated and mismatched ones.

        L = A(D(x))  +  mean_j A(-D(x_j))
        A(s) = -log sigmoid(s)  ("bce")  or  max(0, 1 - s)  ("hinge")

    D gives the logit of being real; x is a real picture, x_1 a generated one; others may follow,
    such as real pictures with the speech of others.

    Args:
        real: D(x).
        rejected: D(x_j), those of generated pictures first.

    Returns:
        `loss`; `d_real` and `d_drawn`, the probabilities of being real of real and generated
        pictures; `d_accuracy`, the share of the two that is classified right, 0, 0.5 or 1.

    Raises:
        ValueError: if the game is unknown.
    """
    lost = [adversarial_loss(logits, game, real=False) for logits in rejected]
    accuracy = ((real > 0).float() + (rejected[0] <= 0).float()) / 2
    return {
        "loss": adversarial_loss(real, game, real=True) + torch.stack(lost).mean(0),
        "d_real": real.sigmoid(),
        "d_drawn": rejected[0].sigmoid(),
        "d_accuracy": accuracy,
    }


def generator_loss(
    logits: Float[Tensor, " b"],
    drawn: SpokenPicture,
    pictures: Float[Tensor, "b c h w"],
    terms: GeneratorTerms,
) -> Losses:
    """Generator loss of the VAE-GAN: adversarial + alpha x reconstruction + beta x KL.

        L = adversarial G(D(x'))  +  alpha (R(x'', x) + style KL(q(n|x, z) || N(0, I)))
            +  beta KL(q(z|s) || N(0, I))
        G(d) = -log sigmoid(d)  ("bce", non-saturating)  or  -d  ("hinge")

    s is the spectrogram, x the real picture, x' the generated one, R as in `speech_vae_loss`. With
    a style encoder x'' is decoded with the style n of x, so that x' may differ from x in what
    speech does not say; without one, as published, x'' = x' and the KL of n is 0.

    Args:
        logits: D(x'), of the generated pictures.
        pictures: real ones, in [0, 1].

    Returns:
        `loss`; `adversarial`, G; `picture_error`, R; `kl_nats`; `style_kl_nats`.
    """
    adversarial = adversarial_loss(logits, terms.game, real=True, generator=True)
    compared = drawn.reconstruction if drawn.styled is None else drawn.styled
    error = picture_error(compared, pictures, terms.likelihood)
    of_style = error.new_zeros(()) if drawn.style is None else normal_kl(*drawn.style)
    kl = normal_kl(*drawn.posterior)
    reconstruction = terms.alpha * (error + terms.style * of_style)
    return {
        "loss": terms.adversarial * adversarial + reconstruction + terms.beta * kl,
        "adversarial": adversarial,
        "picture_error": error,
        "kl_nats": kl,
        "style_kl_nats": of_style.expand_as(error),
    }


def adversarial_loss(
    logits: Float[Tensor, " b"], game: str, *, real: bool, generator: bool = False
) -> Float[Tensor, " b"]:
    """Adversarial loss of logits of being real, with the target real or generated.

    Args:
        game: "bce", binary cross-entropy in nats, or "hinge".
        real: the target.
        generator: the generator's loss; its hinge is without the discriminator's margin of 1.

    Raises:
        ValueError: if the game is unknown.
    """
    check_game(game)
    signed = logits if real else -logits
    if game == "bce":
        return F.softplus(-signed)
    return -signed if generator else F.relu(1 - signed)


def check_game(game: str) -> None:
    """Raises a ValueError that names the adversarial losses unless this is one."""
    if game not in GAMES:
        raise ValueError(f"game {game!r} is unknown; choose of {', '.join(GAMES)}")

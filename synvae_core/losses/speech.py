"""Losses of speech to image: the VAE, and both players of the VAE-GAN.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354, after Larsen
et al. 2016, arXiv 1512.09300: the generator is the VAE. The hinge losses are those of Miyato et al.
2018, arXiv 1802.05957; pictures with other speech are rejected as in Reed et al. 2016, arXiv
1605.05396; a style encoder as in Bao et al. 2017, "CVAE-GAN", arXiv 1703.10155.
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
    """Weights of the terms of `generator_loss`, and which likelihood and adversarial loss they are.

    Raises:
        ValueError: if the likelihood or the game is unknown.
    """

    adversarial: float = 1.0
    alpha: float = 0.2  # of the reconstruction
    beta: float = 0.5  # of the KL of the speech code
    style: float = 0.0  # of the KL of the style, within alpha
    likelihood: str = "squared"  # or "bernoulli", cross-entropy in nats
    game: str = "bce"  # not saturating, as published; or "hinge"

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
    """Loss of the speech-to-image VAE: reconstruction of the picture, and beta times the KL.

        L = R(x', x)  +  beta KL(q(z|s) || N(0, I))
        R = |x' - x|^2  ("squared")  or  -sum x log x' + (1 - x) log(1 - x')  ("bernoulli")

    s is a spectrogram of speech, x a picture of what it says, x' the picture drawn of a draw of
    q(z|s). The published likelihood is not known.

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
    """Loss of the VAE-GAN's discriminator: real pictures are to pass, all others to be rejected.

        L = A(D(x))  +  mean_j A(-D(x_j))
        A(s) = -log sigmoid(s)  ("bce")  or  max(0, 1 - s)  ("hinge")

    D gives logits of being real; x is a real picture, x_1 a drawn one, and there may be others,
    such as real pictures beside other speech.

    Args:
        real: D(x).
        rejected: D(x_j), those of drawn pictures first.

    Returns:
        `loss`; the probabilities of being real `d_real` and, of the drawn pictures, `d_drawn`;
        `d_accuracy`, which of the two are on their side, 0, 0.5 or 1.

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
    """Loss of the VAE-GAN's generator: adversarial + alpha x reconstruction + beta x KL.

        L = adversarial G(D(x'))  +  alpha (R(x'', x) + style KL(q(n|x, z) || N(0, I)))
            +  beta KL(q(z|s) || N(0, I))
        G(s) = -log sigmoid(s)  ("bce", not saturating)  or  -s  ("hinge")

    s is the spectrogram, x the real picture, x' the drawn one, R as of `speech_vae_loss`. A model
    with a style encoder draws x'' in the style n of the real picture, so that pictures may differ
    from it in what speech does not say; without one x'' = x' and the KL of n is 0. As published
    there is no style.

    Args:
        logits: D(x'), of the pictures drawn.
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
    """Adversarial loss of logits of being real, where pictures are to pass as real, or as drawn.

    Args:
        game: "bce", in nats, or "hinge", whose discriminator is content with a margin of 1.
        generator: the loss is the generator's.

    Raises:
        ValueError: if the game is unknown.
    """
    check_game(game)
    signed = logits if real else -logits
    if game == "bce":
        return F.softplus(-signed)
    return -signed if generator else F.relu(1 - signed)


def check_game(game: str) -> None:
    """Raises a ValueError that names the games unless this is one."""
    if game not in GAMES:
        raise ValueError(f"game {game!r} is unknown; choose of {', '.join(GAMES)}")

"""What a VAE and a discriminator play for: the losses of both, and warnings when the game is over.

The VAE-GAN of Żelaszczyk & Mańdziuk 2021, arXiv 2109.13354, after Larsen et al. 2016, arXiv
1512.09300: the generator is the VAE. The hinge losses are those of Miyato et al. 2018, arXiv
1802.05957; pictures with other speech are rejected as in Reed et al. 2016, arXiv 1605.05396.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from synvae_core.losses import normal_kl
from synvae_core.models.speech.discriminator import Discriminator
from synvae_core.models.speech.to_image import SpokenPicture
from synvae_core.schedules import linear_warmup
from synvae_workbench.training.objectives import Losses
from synvae_workbench.training.speech_image import Speech, check_likelihood, picture_error

GAMES = ("bce", "hinge")


@dataclass(frozen=True)
class AdversarialObjective:
    """Adversarial loss + alpha * picture error + beta * KL; each weight may warm up by steps.

    With `style`, the error is that of the picture drawn in the style of the real one, and `style`
    times the KL of that style, in nats, is added to it: so pictures may differ from the real one in
    what speech does not say. As published there is no such thing. The batches are pictures in bytes
    and their labels, which serve the pairing alone.
    """

    speech: Speech
    alpha: float = 0.2
    beta: float = 0.5
    alpha_warmup: int = 0  # steps
    beta_warmup: int = 0
    adversarial_warmup: int = 0  # with one, the generator begins as a VAE
    likelihood: str = "squared"  # or "bernoulli", cross-entropy in nats
    game: str = "bce"  # not saturating, as published; or "hinge"
    mismatched: bool = False  # the discriminator also rejects pictures beside other speech
    style: float = 0.0  # more keeps from the style what speech says
    augment: bool = True  # vary the spectrograms

    def __post_init__(self) -> None:
        check_likelihood(self.likelihood)
        _check_game(self.game)

    def discriminator_losses(
        self,
        discriminator: Any,
        pictures: Float[Tensor, "b c h w"],
        drawn: Float[Tensor, "b c h w"],
        code: Float[Tensor, "b z"],
    ) -> Losses:
        """How badly real and drawn pictures are told apart, beside the code of their speech."""
        shown, codes = [pictures, drawn], [code, code]
        if self.mismatched:  # labels stay out of it: one in ten has a recording of its digit
            shown, codes = [*shown, pictures], [*codes, code.roll(1, 0)]
        real, *rejected = discriminator(torch.cat(shown), torch.cat(codes)).chunk(len(shown))
        lost = [game_loss(self.game, logits, real=False) for logits in rejected]
        accuracy = ((real > 0).float() + (rejected[0] <= 0).float()) / 2
        return {
            "discriminator_loss": game_loss(self.game, real, real=True) + torch.stack(lost).mean(0),
            "d_real": real.sigmoid(),
            "d_drawn": rejected[0].sigmoid(),
            "d_accuracy": accuracy,
            "spread": spread(drawn, pictures).expand(len(pictures)),
        }

    def generator_losses(
        self,
        discriminator: Discriminator,
        pictures: Float[Tensor, "b c h w"],
        drawn: SpokenPicture,
        step: int,
    ) -> Losses:
        """How little the discriminator is deceived, and what makes the generator a VAE."""
        judged, code = drawn.reconstruction, drawn.posterior.mu.detach()
        if discriminator.compares:  # its norms must see what it was trained on: real ones too
            judged, code = torch.cat([judged, pictures]), torch.cat([code, code])
        logits = discriminator(judged, code)[: len(pictures)]
        adversarial = game_loss(self.game, logits, real=True, deceiving=True)
        compared = drawn.reconstruction if drawn.styled is None else drawn.styled
        error = picture_error(compared, pictures, self.likelihood)
        of_style = error.new_zeros(()) if drawn.style is None else normal_kl(*drawn.style)
        kl = normal_kl(*drawn.posterior)
        weight = linear_warmup(step, steps=self.adversarial_warmup)
        alpha = self.alpha * linear_warmup(step, steps=self.alpha_warmup)
        beta = self.beta * linear_warmup(step, steps=self.beta_warmup)
        return {
            "generator_loss": (
                weight * adversarial + alpha * (error + self.style * of_style) + beta * kl
            ),
            "adversarial": adversarial,
            "picture_error": error,
            "kl_nats": kl,
            "style_kl_nats": of_style.expand_as(error),
        }


def game_loss(
    game: str, logits: Float[Tensor, " b"], *, real: bool, deceiving: bool = False
) -> Float[Tensor, " b"]:
    """What logits of being real lose where the pictures should pass as real, or as drawn.

    Args:
        game: "bce", in nats, or "hinge", whose discriminator is content with a margin of 1.
        deceiving: the loss is the generator's.

    Raises:
        ValueError: if the game is unknown.
    """
    _check_game(game)
    signed = logits if real else -logits
    if game == "bce":
        return F.softplus(-signed)
    return -signed if deceiving else F.relu(1 - signed)


def spread(drawn: Float[Tensor, "b c h w"], real: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """The variance of pixels over drawn pictures as a share of that over real ones."""
    most = real.var(0, correction=0).sum().clamp(min=1e-12)
    return drawn.var(0, correction=0).sum() / most


class UnbalancedWarning(UserWarning):
    """One side of the game has won, or all pictures have become one."""


class BalanceWatch:
    """Warns, once for each reason, when an epoch shows that the game is over.

    Args:
        description: of the run.
        accuracy: of the discriminator, above which the generator learns nothing from it.
        deceived: mean probability of being real of drawn pictures less that of real ones, above
            which the discriminator has lost.
        alike: share of the real pictures' variance below which the drawn ones are all alike.
    """

    def __init__(
        self,
        description: str,
        *,
        accuracy: float = 0.98,
        deceived: float = 0.1,
        alike: float = 0.2,
    ):
        self.description = description
        self.accuracy, self.deceived, self.alike = accuracy, deceived, alike
        self.warned: set[str] = set()

    def look(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Takes in the means of an epoch."""
        told, drawn, real = (figures[name] for name in ("d_accuracy", "d_drawn", "d_real"))
        if told > self.accuracy:
            self._say(
                f"the discriminator wins: it told {told:.1%} of the pictures of epoch {epoch} "
                "apart; lower its learning rate or raise alpha"
            )
        if drawn - real > self.deceived:
            self._say(
                f"the generator wins: in epoch {epoch} its pictures passed as real with "
                f"probability {drawn:.2f}, real ones with {real:.2f}; raise the discriminator's "
                "learning rate"
            )
        if figures["spread"] < self.alike:
            self._say(
                f"the pictures are all alike: in epoch {epoch} they varied by "
                f"{figures['spread']:.1%} of what real ones do; raise alpha, lower beta or begin "
                "afresh with another seed"
            )

    def _say(self, sentence: str) -> None:
        reason = sentence.partition(":")[0]
        if reason not in self.warned:
            self.warned.add(reason)
            warnings.warn(f"{self.description}: {sentence}", UnbalancedWarning, stacklevel=4)


def _check_game(game: str) -> None:
    if game not in GAMES:
        raise ValueError(f"game {game!r} is unknown; choose of {', '.join(GAMES)}")

"""Objectives of generator and discriminator of a VAE-GAN, and warnings of lost balance.

Żelaszczyk & Mańdziuk 2021, arXiv 2109.13354; the losses are in `synvae_core.losses.speech`.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from synvae_core.losses import (
    GeneratorTerms,
    Losses,
    check_game,
    check_likelihood,
    discriminator_loss,
    generator_loss,
)
from synvae_core.models.speech.discriminator import Discriminator
from synvae_core.schedules import linear_warmup
from synvae_core.types import SpokenPicture
from synvae_workbench.training.speech_image import Speech


@dataclass(frozen=True)
class AdversarialObjective:
    """Both losses of the VAE-GAN, `discriminator_loss` and `generator_loss`, with weight warm-up.

    A batch is pictures in bytes and their labels; labels only choose the recordings.
    """

    speech: Speech
    alpha: float = 0.2
    beta: float = 0.5
    alpha_warmup: int = 0  # steps
    beta_warmup: int = 0
    adversarial_warmup: int = 0  # with it, the generator begins as a VAE
    likelihood: str = "squared"  # or "bernoulli", cross-entropy in nats
    game: str = "bce"  # the non-saturating GAN loss, as published; or "hinge"
    mismatched: bool = False  # also reject real pictures with the code of other speech
    style: float = 0.0  # weight of the style loss: keeps the speech's content out of the style
    augment: bool = True  # vary the spectrograms

    def __post_init__(self) -> None:
        check_likelihood(self.likelihood)
        check_game(self.game)

    def discriminator_losses(
        self,
        discriminator: Any,
        pictures: Float[Tensor, "b c h w"],
        drawn: Float[Tensor, "b c h w"],
        code: Float[Tensor, "b z"],
    ) -> Losses:
        """Discriminator loss on real and generated pictures, each with the code of its speech."""
        shown, codes = [pictures, drawn], [code, code]
        if self.mismatched:  # labels are not used: one pair in ten still shares its digit
            shown, codes = [*shown, pictures], [*codes, code.roll(1, 0)]
        real, *rejected = discriminator(torch.cat(shown), torch.cat(codes)).chunk(len(shown))
        losses = discriminator_loss(real, rejected, game=self.game)
        return {
            "discriminator_loss": losses.pop("loss"),
            **losses,
            "spread": spread(drawn, pictures).expand(len(pictures)),
        }

    def generator_losses(
        self,
        discriminator: Discriminator,
        pictures: Float[Tensor, "b c h w"],
        drawn: SpokenPicture,
        step: int,
    ) -> Losses:
        """Generator loss: adversarial + alpha x reconstruction + beta x KL."""
        judged, code = drawn.reconstruction, drawn.posterior.mu.detach()
        if discriminator.compares:  # its batch norms need real pictures too, as in training
            judged, code = torch.cat([judged, pictures]), torch.cat([code, code])
        logits = discriminator(judged, code)[: len(pictures)]
        terms = GeneratorTerms(
            adversarial=linear_warmup(step, steps=self.adversarial_warmup),
            alpha=self.alpha * linear_warmup(step, steps=self.alpha_warmup),
            beta=self.beta * linear_warmup(step, steps=self.beta_warmup),
            style=self.style,
            likelihood=self.likelihood,
            game=self.game,
        )
        losses = generator_loss(logits, drawn, pictures, terms)
        return {"generator_loss": losses.pop("loss"), **losses}


def spread(drawn: Float[Tensor, "b c h w"], real: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Pixel variance over generated pictures, as a share of that over real ones: 0 at collapse."""
    most = real.var(0, correction=0).sum().clamp(min=1e-12)
    return drawn.var(0, correction=0).sum() / most


class UnbalancedWarning(UserWarning):
    """Generator or discriminator dominates, or the generator has collapsed to one picture."""


class BalanceWatch:
    """Warning, once for each reason, of lost balance between generator and discriminator.

    Args:
        description: of the run.
        accuracy: of the discriminator, above which the generator gets no useful gradient.
        excess: of `d_drawn` over `d_real`, above which the discriminator is no longer useful.
        spread: below which the generator has collapsed to one picture.
    """

    def __init__(
        self,
        description: str,
        *,
        accuracy: float = 0.98,
        excess: float = 0.1,
        spread: float = 0.2,
    ):
        self.description = description
        self.accuracy, self.excess, self.spread = accuracy, excess, spread
        self.warned: set[str] = set()

    def look(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Checks the means of an epoch."""
        told, drawn, real = (figures[name] for name in ("d_accuracy", "d_drawn", "d_real"))
        if told > self.accuracy:
            self._say(
                f"the discriminator wins: it told {told:.1%} of the pictures of epoch {epoch} "
                "apart; lower its learning rate or raise alpha"
            )
        if drawn - real > self.excess:
            self._say(
                f"the generator wins: in epoch {epoch} its pictures passed as real with "
                f"probability {drawn:.2f}, real ones with {real:.2f}; raise the discriminator's "
                "learning rate"
            )
        if figures["spread"] < self.spread:
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

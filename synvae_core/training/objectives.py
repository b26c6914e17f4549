"""Objectives: a batch and a step in, named losses per example out, one function per family.

Every objective returns its terms by name, each (b,), and under `loss` the weighted sum that is
minimised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from synvae_core.losses import event_cross_entropy, free_bits, normal_kl, squared_error
from synvae_core.metrics.latents import ACTIVE_VARIANCE
from synvae_core.models.configurations import Recipe
from synvae_core.models.synvae import SynVae
from synvae_core.music.melody import FIRST_NOTE, NUM_EVENTS
from synvae_core.schedules import exponential_rise, inverse_sigmoid, linear_warmup

Losses = dict[str, Float[Tensor, "b"]]
Objective = Callable[[Any, tuple[Tensor, ...], int, torch.Generator], Losses]


@dataclass(frozen=True)
class MelodyObjective:
    """Cross-entropy of the events and beta times the KL beyond the free bits, on moved melodies.

    The schedules of the recipe, `models.configurations.Recipe`, say how beta and the share of the
    decoder's own draws in what it reads change with the step.
    """

    recipe: Recipe

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        recipe = self.recipe
        events = transpose_randomly(batch[0].long(), recipe.transpose, generator)
        sampling = inverse_sigmoid(step, rate=recipe.sampling_rate)
        logits, posterior = model(events, generator, sampling=sampling)
        cross_entropy = event_cross_entropy(logits, events)
        kl = normal_kl(*posterior)
        beta = recipe.beta * linear_warmup(step, steps=recipe.beta_warmup)
        beta *= exponential_rise(step, rate=recipe.beta_rate)
        active = (posterior.mu.detach().var(0, correction=0) > ACTIVE_VARIANCE).sum()
        return {
            "loss": cross_entropy + beta * free_bits(kl, recipe.free_bits),
            "cross_entropy_nats": cross_entropy,
            "kl_nats": kl,
            "active_units": active.to(kl.dtype).expand_as(kl),
        }


@dataclass(frozen=True)
class SynVaeObjective:
    """Squared error of the picture rebuilt from the music, beta times the visual KL, commitment.

    The commitment is the squared distance of z to the mean of what the melody encoder hears in
    its melody (van den Oord et al. 2017, arXiv 1711.00937): it keeps z where melodies live and
    the copied gradient true.
    """

    beta: float
    commitment: float
    augment: bool = True  # small random shifts, turns and scalings of the pictures

    def __call__(
        self, model: SynVae, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = to_unit(batch[0])
        images = jitter(images, generator) if self.augment else images
        output = model(images, generator=generator)
        error = squared_error(output.reconstruction, images)
        kl = normal_kl(*output.visual)
        commitment = squared_error(output.z, output.auditive.mu.detach())
        return {
            "loss": error + self.beta * kl + self.commitment * commitment,
            "squared_error": error,
            "kl_nats": kl,
            "commitment": commitment,
        }


@dataclass(frozen=True)
class ClassifierObjective:
    """Cross-entropy of the labels."""

    augment: bool = True

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images, labels = to_unit(batch[0]), batch[1]
        images = jitter(images, generator) if self.augment else images
        return {"loss": F.cross_entropy(model(images), labels, reduction="none")}


def to_unit(images: UInt8[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pictures of 0..255 as floats in [0, 1]."""
    return images.float() / 255


def jitter(
    images: Float[Tensor, "b c h w"],
    generator: torch.Generator,
    *,
    shift: float = 0.1,
    turn: float = 0.2,
    scale: float = 0.1,
) -> Float[Tensor, "b c h w"]:
    """Each picture moved, turned and scaled a little at random.

    Args:
        shift: standard deviation of the shift, as a share of half the side.
        turn: standard deviation of the turn, in radians.
        scale: standard deviation of the relative scaling.
    """
    n = len(images)
    noise = torch.randn(n, 4, generator=generator, device=images.device).clamp(-2, 2)
    angle, size = turn * noise[:, 0], 1 + scale * noise[:, 1]
    cos, sin = size * angle.cos(), size * angle.sin()
    rows = torch.stack([cos, -sin, shift * noise[:, 2], sin, cos, shift * noise[:, 3]], 1)
    grid = F.affine_grid(rows.view(n, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def transpose_randomly(
    events: Int[Tensor, "b t"], most: int, generator: torch.Generator
) -> Int[Tensor, "b t"]:
    """Each melody moved by up to `most` semitones, as far as its pitches stay in range."""
    is_note = events >= FIRST_NOTE
    lowest = torch.where(is_note, events, NUM_EVENTS).amin(1, keepdim=True)
    highest = torch.where(is_note, events, 0).amax(1, keepdim=True)
    shift = torch.randint(
        -most, most + 1, (len(events), 1), generator=generator, device=events.device
    )
    shift = torch.minimum(torch.maximum(shift, FIRST_NOTE - lowest), NUM_EVENTS - 1 - highest)
    return torch.where(is_note, events + shift, events)

"""Objectives: a batch and a step in, named losses per example out, one function per family.

Every objective returns its terms by name, each (b,), and under `loss` the weighted sum that is
minimised.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from synvae_core.losses import (
    event_cross_entropy,
    free_bits,
    normal_kl,
    normal_mismatch,
    squared_error,
)
from synvae_core.metrics.latents import ACTIVE_VARIANCE
from synvae_core.models.melody.configurations import Recipe
from synvae_core.music.melody import FIRST_NOTE, NUM_EVENTS
from synvae_core.schedules import exponential_rise, inverse_sigmoid, linear_warmup
from synvae_workbench.training.pictures import pictures_of

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
class VisualObjective:
    """Squared error of the picture, and beta times the KL."""

    beta: float
    augment: bool = False

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = pictures_of(batch, generator, augment=self.augment)
        output = model(images, generator=generator)
        error = squared_error(output.reconstruction, images)
        kl = normal_kl(*output.posterior)
        return {"loss": error + self.beta * kl, "squared_error": error, "kl_nats": kl}


@dataclass(frozen=True)
class SynVaeObjective:
    """Squared error of the picture rebuilt from the music, and what keeps its code in order.

    beta weighs the visual KL, which holds each picture's posterior to N(0, I). musicality weighs
    `losses.normal_mismatch`, which holds the latents of a batch to N(0, I) together, each one free
    to be where it likes: where the melody model's own melodies come from. It is a share of the
    squared error, so that one value fits small pictures and large ones. The commitment is the
    squared distance of z to the mean of what the melody encoder hears in its melody (van den Oord
    et al. 2017, arXiv 1711.00937): it keeps the copied gradient true.
    """

    beta: float = 0.0
    commitment: float = 0.0
    musicality: float = 0.0
    augment: bool = True  # small random shifts, turns and scalings of half of the pictures

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = pictures_of(batch, generator, augment=self.augment)
        output = model(images, generator=generator)
        error = squared_error(output.reconstruction, images)
        kl = normal_kl(*output.visual)
        commitment = squared_error(output.z, output.auditive.mu.detach())
        mismatch = normal_mismatch(output.z).expand_as(error)
        order = self.beta * kl + self.commitment * commitment
        order = order + self.musicality * error.detach().mean() * mismatch
        return {
            "loss": error + order,
            "squared_error": error,
            "kl_nats": kl,
            "commitment": commitment,
            "normal_mismatch": mismatch,
        }


@dataclass(frozen=True)
class ClassifierObjective:
    """Cross-entropy of the labels, in nats: class ids (b,) or booleans (b, classes), each alone.

    `squashed_twice`, as published for SynVAE, takes the probabilities of the classes for their
    logits, so that none is ever sure.
    """

    augment: bool = True
    squashed_twice: bool = False

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        labels = batch[-1]
        logits = model(pictures_of(batch[:-1], generator, augment=self.augment))
        if labels.ndim == 1:
            logits = logits.softmax(-1) if self.squashed_twice else logits
            return {"loss": F.cross_entropy(logits, labels, reduction="none")}
        logits = logits.sigmoid() if self.squashed_twice else logits
        loss = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
        return {"loss": loss.sum(-1)}


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

"""Objectives: a batch and a step in, named losses per example out, one class per family.

An objective prepares the batch, runs the model and weighs the terms of its loss by schedules of the
step. The loss itself, with its equation, is in `synvae_core.losses`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from synvae_core.losses import (
    Losses,
    classifier_loss,
    melody_vae_loss,
    picture_vae_loss,
    synvae_loss,
)
from synvae_core.metrics.latents import ACTIVE_VARIANCE
from synvae_core.models.melody.recipe import Recipe
from synvae_core.music.melody import FIRST_NOTE, NUM_EVENTS
from synvae_core.schedules import exponential_rise, inverse_sigmoid, linear_warmup
from synvae_workbench.training.pictures import pictures_of

Objective = Callable[[Any, tuple[Tensor, ...], int, torch.Generator], Losses]


@dataclass(frozen=True)
class MelodyObjective:
    """`losses.melody_vae_loss` of melodies that are transposed at random, and the active units.

    The schedules of the recipe say how beta and the share of the decoder's own draws in what it
    reads change with the step.
    """

    recipe: Recipe

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        recipe = self.recipe
        events = transpose_randomly(batch[0].long(), recipe.transpose, generator)
        sampling = inverse_sigmoid(step, rate=recipe.sampling_rate)
        logits, posterior = model(events, generator, sampling=sampling)
        beta = recipe.beta * linear_warmup(step, steps=recipe.beta_warmup)
        beta *= exponential_rise(step, rate=recipe.beta_rate)
        losses = melody_vae_loss(logits, posterior, events, beta=beta, bits=recipe.free_bits)
        active = (posterior.mu.detach().var(0, correction=0) > ACTIVE_VARIANCE).sum()
        kl = losses["kl_nats"]
        return losses | {"active_units": active.to(kl.dtype).expand_as(kl)}


@dataclass(frozen=True)
class VisualObjective:
    """`losses.picture_vae_loss` of pictures."""

    beta: float
    augment: bool = False

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = pictures_of(batch, generator, augment=self.augment)
        return picture_vae_loss(model(images, generator=generator), images, beta=self.beta)


@dataclass(frozen=True)
class SynVaeObjective:
    """`losses.synvae_loss` of pictures: rebuilt from their melodies, with latent regularisation."""

    beta: float = 0.0
    commitment: float = 0.0
    musicality: float = 0.0
    augment: bool = True  # small random shifts, turns and scalings of half of the pictures

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = pictures_of(batch, generator, augment=self.augment)
        return synvae_loss(
            model(images, generator=generator),
            images,
            beta=self.beta,
            commitment=self.commitment,
            musicality=self.musicality,
        )


@dataclass(frozen=True)
class ClassifierObjective:
    """`losses.classifier_loss` of pictures and labels: class ids (b,) or booleans (b, classes)."""

    augment: bool = True
    double_softmax: bool = False  # as published for SynVAE

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = pictures_of(batch[:-1], generator, augment=self.augment)
        return classifier_loss(model(images), batch[-1], double_softmax=self.double_softmax)


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

"""Training objectives: from a batch and a step to named losses per example, one class a system.

An objective prepares the batch, runs the model and weighs the terms of its loss by schedules of the
step. The loss itself, with its equation, is in `synvae_core.losses`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from synvae_core.losses import (
    Likeness,
    Losses,
    classifier_loss,
    likeness_losses,
    melody_vae_loss,
    picture_vae_loss,
    synvae_loss,
)
from synvae_core.metrics.latents import ACTIVE_VARIANCE
from synvae_core.models.melody.recipe import Recipe
from synvae_core.music.coding import Coding
from synvae_core.schedules import exponential_rise, inverse_sigmoid, linear_warmup
from synvae_workbench.training.content import Content
from synvae_workbench.training.pictures import jitter, move_a_pixel, prepare_pictures

Objective = Callable[[Any, tuple[Tensor, ...], int, torch.Generator], Losses]


@dataclass(frozen=True)
class MelodyObjective:
    """`losses.melody_vae_loss` of randomly transposed melodies, and the number of active units.

    Beta and the rate of scheduled sampling follow the schedules of the recipe.
    """

    recipe: Recipe

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        recipe = self.recipe
        events = transpose_randomly(batch[0].long(), recipe.transpose, generator, model.coding)
        sampling = inverse_sigmoid(step, rate=recipe.sampling_rate)
        (logits, plan), posterior = model(events, generator, sampling=sampling)
        beta = recipe.beta * linear_warmup(step, steps=recipe.beta_warmup)
        beta *= exponential_rise(step, rate=recipe.beta_rate)
        losses = melody_vae_loss(
            logits, posterior, events, beta=beta, bits=recipe.free_bits, plan_nats=plan
        )
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
        images = prepare_pictures(batch, generator, augment=self.augment)
        return picture_vae_loss(model(images, generator=generator), images, beta=self.beta)


@dataclass(frozen=True)
class SynVaeObjective:
    """`losses.synvae_loss` of pictures: reconstruction through melodies, latent regularisation.

    With weights of `likeness`, `losses.likeness_losses` as a share of the mean squared error. Its
    own weight wants the pictures' coordinates, `likeness.target_coordinates`, as the last tensor of
    a batch. Steadiness compares each picture with itself, moved by up to a pixel and jittered.

    With a weight of `content`, their distance in the features of a frozen network is added, as a
    share of the mean squared error.
    """

    beta: float = 0.0
    commitment: float = 0.0
    musicality: float = 0.0
    augment: bool = True  # small random shifts, rotations and scalings of half the pictures
    likeness: Likeness = field(default_factory=Likeness)
    musicality_warmup: int = 0  # steps over which its weight rises from 0; 0: none
    content: Content = field(default_factory=Content)
    frozen: bool = False  # batches hold the encoder's frozen features, after the pictures

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        alike, targets = self.likeness, None
        if alike.likeness:
            *pictures, targets = batch
            if not pictures or targets.ndim != 2:
                raise ValueError(
                    "likeness wants the pictures' coordinates as the last tensor of a batch: give "
                    "likeness.target_coordinates, or validate by an objective without likeness"
                )
            batch = tuple(pictures)
        frozen = None
        if self.frozen:
            *pictures, frozen = batch
            batch = tuple(pictures)
        images = prepare_pictures(batch, generator, augment=self.augment)
        output = model(images, frozen=frozen, generator=generator)
        losses = synvae_loss(
            output,
            images,
            beta=self.beta,
            commitment=self.commitment,
            musicality=self.musicality * linear_warmup(step, steps=self.musicality_warmup),
        )
        losses = self.content.added(losses, output.reconstruction, images)
        if not (alike.likeness or alike.steadiness or alike.commitment):
            return losses
        moved = None
        if alike.steadiness:
            moved = model.image_encoder(jitter(move_a_pixel(images, generator), generator)).mu
        more = likeness_losses(output, alike, targets=targets, moved=moved)
        share = losses["squared_error"].detach().mean()
        return losses | more | {"loss": losses["loss"] + share * more["loss"]}


@dataclass(frozen=True)
class ClassifierObjective:
    """`losses.classifier_loss` of pictures and labels: class ids (b,) or booleans (b, classes)."""

    augment: bool = True
    double_softmax: bool = False  # as published for SynVAE

    def __call__(
        self, model: Any, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        images = prepare_pictures(batch[:-1], generator, augment=self.augment)
        return classifier_loss(model(images), batch[-1], double_softmax=self.double_softmax)


def transpose_randomly(
    events: Int[Tensor, "b t"], most: int, generator: torch.Generator, coding: Coding
) -> Int[Tensor, "b t"]:
    """Random transposition of each melody by up to `most` semitones, within the pitch range."""
    pitches = coding.starts(events)
    lowest = torch.where(pitches > 0, pitches, coding.highest).amin(1, keepdim=True)
    highest = pitches.amax(1, keepdim=True).clamp(min=coding.lowest)
    shift = torch.randint(
        -most, most + 1, (len(events), 1), generator=generator, device=events.device
    )
    shift = torch.minimum(torch.maximum(shift, coding.lowest - lowest), coding.highest - highest)
    return coding.transpose(events, shift)

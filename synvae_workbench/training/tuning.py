"""Second stage of a SynVAE's training, on what will be played: picture decoder, and critic.

In the first stage the decoder draws from one random sample of each posterior, while the encoder
and its latents still move. What is played in the end is the best of several takes, of an encoder
that stays. Trained on these the decoder draws better, and no note changes by it but through the
choice among takes. The critic learns to tell the same melodies from tunes, and has its say in that
choice from then on (`critic`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Integer, UInt8
from lightning_fabric import Fabric
from torch import Tensor, nn

from synvae_core.losses import Losses, squared_error
from synvae_core.models.synvae import SynVae, withhold_looks
from synvae_workbench.progress import progress
from synvae_workbench.training.checkpoints import History
from synvae_workbench.training.content import Content
from synvae_workbench.training.critic import MOST, train_critic
from synvae_workbench.training.loop import FitConfig, RunOptions, fit
from synvae_workbench.training.pictures import to_unit

TAKES = 4  # of each training picture: more gain little, and cost as much each
BLOCK = 500  # pictures played at once
LEARNING_RATE, BATCH_SIZE = 0.002, 128
OPTIONS = {"warmup_steps": 10, "weight_decay": 0.01, "gradient_clip": 50.0}


@dataclass(frozen=True)
class DecoderObjective:
    """Squared error of pictures drawn from auditive latents, with content as in `SynVaeObjective`.

    A batch has pictures, auditive latents and, of a model with performance, looks: half of them, at
    random, are withheld.
    """

    content: Content = field(default_factory=Content)

    def __call__(
        self, model: nn.Module, batch: tuple[Tensor, ...], step: int, generator: torch.Generator
    ) -> Losses:
        pictures, auditive, *looks = batch
        images = to_unit(pictures)
        if looks:
            looks = [withhold_looks(looks[0], generator)]
        rebuilt = model(auditive, *looks)
        error = squared_error(rebuilt, images)
        return self.content.added({"squared_error": error, "loss": error}, rebuilt, images)


class _Drawing(nn.Module):
    """The picture decoder of a SynVAE as a model of its own, which shares its weights."""

    def __init__(self, model: SynVae):
        super().__init__()
        self.synvae = model

    def forward(
        self, auditive: Float[Tensor, "b z"], looks: Int[Tensor, "b 4"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        return self.synvae.draw(auditive, looks)


class Heard(NamedTuple):
    """What is played of pictures, and heard."""

    melodies: Int[Tensor, "n t"]
    auditive: Float[Tensor, "n z"]
    looks: Int[Tensor, "n 4"] | None  # of a model with a performance


def tune(
    model: SynVae,
    images: UInt8[Tensor, "n c h w"],
    tunes: Integer[np.ndarray, "m t"],
    *,
    passes: int,
    frozen: Float[Tensor, "n features"] | None = None,
    content: Content | None = None,
    seed: int = 0,
    fabric: Fabric | None = None,
) -> History:
    """Trains the picture decoder on the takes of pictures, and, where it has a price, the critic.

    Each is trained once. Returns the mean losses of the decoder in each pass.

    Args:
        model: a trained one, in evaluation mode; its configuration notes what was trained.
        tunes: that the melody model was trained on.
        passes: of the decoder over the pictures; 0: none.
        frozen: features that the encoder would compute of the pictures, if they are known.
        content: as in training.

    Raises:
        ValueError: if the decoder has been tuned before, with other passes.
    """
    config = model.config
    if config.tuning not in (0, passes):
        raise ValueError(
            f"the picture decoder has been tuned for {config.tuning} passes already: ask for "
            f"as many in place of {passes}, or train under another name"
        )
    history: History = []
    decoder, critic = config.tuning != passes, config.critic_price > 0 and not config.critic
    if not decoder and not critic:
        return history
    few = slice(None if decoder else MOST)
    heard = hear_takes(model, images[few], None if frozen is None else frozen[few])
    if decoder:
        rows = (images, heard.auditive, *(() if heard.looks is None else (heard.looks,)))
        fit_config = FitConfig(passes, BATCH_SIZE, LEARNING_RATE, seed=seed, **OPTIONS)
        run = RunOptions("Picture decoder", fabric=fabric)
        objective = DecoderObjective(content or Content())
        history = _tune_decoder(model, objective, rows, fit_config, run)
    if critic:
        train_critic(model, heard.melodies, tunes, seed=seed)
    return history


def _tune_decoder(
    model: SynVae,
    objective: DecoderObjective,
    rows: tuple[Tensor, ...],
    config: FitConfig,
    run: RunOptions,
) -> History:
    trained = {id(p) for p in _decoder_parameters(model)}
    before = {p: p.requires_grad for p in model.parameters()}
    try:
        for parameter in before:
            parameter.requires_grad_(id(parameter) in trained)
        history = fit(_Drawing(model), objective, rows, config, run)
    finally:
        for parameter, wanted in before.items():
            parameter.requires_grad_(wanted)
    model.config = replace(model.config, tuning=config.epochs)
    return history


def _decoder_parameters(model: SynVae) -> Iterator[nn.Parameter]:
    yield from model.image_decoder.parameters()
    if model.config.performance:
        yield from model.look_input.parameters()


@torch.no_grad()
def hear_takes(
    model: SynVae,
    images: UInt8[Tensor, "n c h w"],
    frozen: Float[Tensor, "n features"] | None = None,
) -> Heard:
    """What is played of pictures, the best of a few takes each.

    The price of twins is left out: it wants five more melodies of each picture.
    """
    device = next(model.parameters()).device
    config = model.config
    known = [None] * len(images) if frozen is None else frozen.split(BLOCK)
    blocks = progress(images.split(BLOCK), description="Melodies of training pictures")
    parts: list[tuple[Tensor, ...]] = []
    try:
        model.config = replace(config, takes=min(TAKES, config.takes), twin_price=0.0)
        for block, seen in zip(blocks, known, strict=False):
            pixels = to_unit(block.to(device))
            visual = model.image_encoder(pixels, None if seen is None else seen.to(device))
            looks = model.looks(pixels)
            played = model.music.decode(model.best_take(pixels, visual, looks))
            auditive = model.music.encoder(played).mu
            found = (played, auditive) if looks is None else (played, auditive, looks)
            parts.append(tuple(each.cpu() for each in found))
    finally:
        model.config = config
    melodies, heard, *looks = (torch.cat(each) for each in zip(*parts, strict=True))
    return Heard(melodies, heard, looks[0] if looks else None)

"""Best of K samples ("takes") of a picture's posterior, by rate-distortion cost.

Samples differ in how much their notes tell of the picture, in how likely the notes are as music,
in how much they sound like those of the same picture moved by a pixel, in whether what comes back,
the latents of the notes or the picture that is rebuilt from them, lies where the picture does, and
in what a critic tells them from tunes by. The cost of a take is the error of the rebuilt picture,
with prices for the surprise of the notes, which is their negative log-likelihood, for unlikeness,
for latents that the notes do not tell, for a cycle that does not close, and for the critic's logit.
Rate-distortion optimisation as in video coding: Sullivan & Wiegand 1998, IEEE Signal Processing
Magazine 15(6), 74-90. Cycle consistency: Zhu et al. 2017, "Unpaired Image-to-Image Translation
using Cycle-Consistent Adversarial Networks", arXiv 1703.10593.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Integer
from torch import Tensor

from synvae_core.models.critic import Critic
from synvae_core.models.melody.vae import MelodyVae
from synvae_core.models.visual import ImageEncoder, moved_pictures
from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.rolls import roll_codes, rolls_of
from synvae_core.types import Decoded, Posterior

AT_ONCE = 256  # takes; bounds the memory, and larger batches are slower per take
LEAST_STEP = 0.1  # least sigma of takes: without a KL term posteriors collapse to points
MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))  # of twins: pixels, down and to the right


@runtime_checkable
class Prices(Protocol):
    """Number of takes, and what is paid beside the error of the picture."""

    @property
    def takes(self) -> int: ...

    @property
    def surprise_price(self) -> float: ...

    @property
    def twin_price(self) -> float: ...

    @property
    def told_price(self) -> float: ...

    @property
    def cycle_price(self) -> float: ...

    @property
    def critic_price(self) -> float: ...


@runtime_checkable
class Player(Protocol):
    """What plays pictures and rebuilds them: a SynVAE."""

    image_encoder: ImageEncoder
    music: MelodyVae
    critic: Critic | None

    @property
    def config(self) -> Prices: ...

    def play_and_hear(self, z: Float[Tensor, "b z"]) -> tuple[Decoded, Posterior]: ...

    def draw(
        self, auditive: Float[Tensor, "b z"], looks: Int[Tensor, "b 4"] | None = None
    ) -> Float[Tensor, "b c h w"]: ...


class _Asked(NamedTuple):
    """Pictures whose takes are compared."""

    images: Float[Tensor, "b c h w"]
    mu: Float[Tensor, "b z"]
    looks: Int[Tensor, "b 4"] | None
    twins: Float32[np.ndarray, "b m _"] | None  # rolls of their melodies


@torch.no_grad()
def best_take(
    model: Player,
    images: Float[Tensor, "b c h w"],
    visual: Posterior,
    looks: Int[Tensor, "b 4"] | None = None,
) -> Float[Tensor, "b z"]:
    """Latents of the best of K samples of each posterior, the mean and K - 1 draws around it.

        cost(z) = log |x' - x|^2  +  surprise_price * nats of surprise of the notes of z
                                  +  twin_price * unlikeness of the notes to the twins'
                                  +  told_price * mean of (mu' - mu(x))^2 over the latents
                                  +  cycle_price * mean of (mu(x') - mu(x))^2 over the latents
                                  +  critic_price * logit of the critic, if there is one

    x' is the picture rebuilt from the notes and, if given, the looks; mu are means of the visual
    posteriors, mu' those of the auditive posterior, of the notes. The twins are the picture moved
    by a pixel: what sounds like them sounds like itself, as a voice that is asked twice
    (`unlikeness`, 0 to some 1). With K = 1 it is the mean.
    """
    config = model.config
    if config.takes == 1 or not len(images):
        return visual.mu
    # The same noise for all pictures: the melody of one does not depend on the others.
    seeded = torch.Generator().manual_seed(0)
    steps = torch.randn(config.takes, visual.mu.shape[1], generator=seeded)
    steps = steps.index_fill(0, torch.tensor(0), 0).to(visual.mu)
    sigma = (0.5 * visual.logvar).exp().clamp(min=LEAST_STEP)
    asked = _Asked(images, visual.mu, looks, _twins(model, images) if config.twin_price else None)
    costs = [
        _cost(model, visual.mu[:, None] + some * sigma[:, None], asked)
        for some in steps.split(max(1, AT_ONCE // len(images)))
    ]
    return visual.mu + steps[torch.cat(costs, 1).argmin(1)] * sigma


def _cost(model: Player, z: Float[Tensor, "b k z"], asked: _Asked) -> Float[Tensor, "b k"]:
    """Rate-distortion cost of K samples: see `best_take`."""
    config, takes = model.config, z.shape[:2]
    decoded, auditive = model.play_and_hear(z.flatten(0, 1))
    looks = None if asked.looks is None else asked.looks.repeat_interleave(takes[1], 0)
    rebuilt = model.draw(auditive.mu, looks)
    error = rebuilt.unflatten(0, takes) - asked.images[:, None]
    cost = error.square().flatten(2).sum(2).log()
    if decoded.surprise is not None:
        cost = cost + config.surprise_price * decoded.surprise.unflatten(0, takes)
    critic = model.critic if config.critic_price else None
    if asked.twins is not None or critic is not None:
        played = model.music.coding.canonical(decoded.notes.argmax(-1))
    if asked.twins is not None:
        events = played.unflatten(0, takes).cpu().numpy()
        far = unlikeness(melody_rolls(events, model.music.coding), asked.twins)
        cost = cost + config.twin_price * torch.from_numpy(far).to(cost)
    if config.told_price:
        told = auditive.mu.unflatten(0, takes)
        cost = cost + config.told_price * (told - asked.mu[:, None]).square().mean(2)
    if config.cycle_price:
        again = model.image_encoder(rebuilt).mu.unflatten(0, takes)
        cost = cost + config.cycle_price * (again - asked.mu[:, None]).square().mean(2)
    if critic is not None:
        cost = cost + config.critic_price * critic(played).unflatten(0, takes)
    return cost


def _twins(model: Player, images: Float[Tensor, "b c h w"]) -> Float32[np.ndarray, "b m _"]:
    """Rolls of the melodies of pictures as they are and moved, of the means of posteriors."""
    moved = moved_pictures(images, MOVES)
    melodies = model.music.decode(model.image_encoder(moved.flatten(0, 1)).mu)
    twins = melodies.unflatten(0, moved.shape[:2]).cpu().numpy()
    return melody_rolls(twins, model.music.coding)


def melody_rolls(
    events: Integer[np.ndarray, "b n t"], coding: Coding = ONE_VOICE
) -> Float32[np.ndarray, "b n _"]:
    """Blurred piano rolls of melodies (`music.rolls`), as rows.

    Raises:
        ValueError: unless the coding is of one voice.
    """
    rolls = rolls_of(roll_codes(events.reshape(-1, events.shape[-1]), coding))
    return rolls.reshape(*events.shape[:2], -1)


def unlikeness(
    ours: Float32[np.ndarray, "b k _"], theirs: Float32[np.ndarray, "b m _"]
) -> Float32[np.ndarray, "b k"]:
    """Mean distance by ear of each melody to others, as a share of that without a note in common.

        |a - b| / sqrt(|a|^2 + |b|^2), of blurred piano rolls a and b, as `melody_rolls` has them

    0: identical; 1: no two notes near each other, whatever the length.
    """
    squares, other_squares = (np.square(each).sum(-1) for each in (ours, theirs))
    both = squares[:, :, None] + other_squares[:, None]
    apart = both - 2 * ours @ theirs.transpose(0, 2, 1)
    return np.sqrt(np.maximum(apart, 0) / np.maximum(both, 1e-6)).mean(2)

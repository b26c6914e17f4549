"""Audibility of each latent of a melody model: how far its melody moves when it alone changes."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float

from synvae_core.metrics.melody_distances import MELODY_DISTANCES, paired_distances
from synvae_core.models.melody.vae import MelodyVae

EARS = ("opti3", "earth_mover", "blurred_roll")  # rendering sounds takes long
MOST_DRAWS, FEWEST_DRAWS = 60, 15
MELODIES = 2700  # by default, of all latents together


def audible_weights(
    model: MelodyVae, *, draws: int | None = None, ears: Sequence[str] = EARS, seed: int = 0
) -> Float[np.ndarray, " z"]:
    """Root mean square distance of melodies that differ in one latent, of each latent.

    As a share of the root mean square distance of unrelated melodies, and the mean of these shares
    over the ears: 0 of a latent that is not heard, about 1 of one that makes another melody. So
    `|w * (z - z')|` says how far the melodies of z and z' are from each other. To 4 digits.

    Args:
        draws: samples of the prior; in each, every latent is drawn anew in turn. By default 60,
            fewer of a model of many latents.
        ears: names of `MELODY_DISTANCES`.

    Raises:
        ValueError: if there are fewer than two draws, or all melodies of the model sound alike.
    """
    size = model.config.latent_dim
    if draws is None:
        draws = min(MOST_DRAWS, max(FEWEST_DRAWS, MELODIES // size))
    if draws < 2:
        raise ValueError(f"draws of audible_weights: expected 2 or more, got {draws}")
    generator = torch.Generator().manual_seed(seed)
    z, anew = torch.randn(2, draws, size, generator=generator)
    changed = z.expand(size, -1, -1).clone()  # latent, draw, latent
    each = torch.arange(size)
    changed[each, :, each] = anew.T
    latents = torch.cat([z[None], changed]).flatten(0, 1).to(model.device)
    melodies = model.decode(latents).cpu().numpy().reshape(size + 1, draws, -1)
    shares = []
    for name in ears:
        ear = partial(MELODY_DISTANCES[name], coding=model.coding)
        far, *moved = (
            np.sqrt(np.mean(paired_distances(ear, melodies[0], others) ** 2))
            for others in (np.roll(melodies[0], 1, axis=0), *melodies[1:])
        )
        shares.append(np.array(moved) / far if far else np.zeros(size))
    weights = np.mean(shares, axis=0)
    if not weights.any():
        raise ValueError(
            f"all {draws} melodies of the model sound alike: train it longer, or lower its "
            "KL weight, so that its latents are heard"
        )
    return weights.round(4)

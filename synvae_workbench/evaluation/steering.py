"""Attribute steering of melodies, by interpolation towards nearby tunes that have the attribute.

Adding an attribute vector, from the mean latent of the tunes with least of an attribute to that of
those with most (`MelodyVae.attribute_vector`), leads to where no tunes are. Here a melody is
interpolated towards single tunes that are near to it, have what is asked for, and otherwise
resemble it. Of the melodies decoded on these ways, the one of least cost is taken: what is missing
of the attributes asked for, plus what changed of all else. Nothing is trained, and attributes are
those of the notes that are played.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from synvae_core.models.melody.vae import MelodyVae
from synvae_core.music.attributes import (
    eighth_syncopation,
    mean_interval,
    mean_pitch,
    note_density,
    sixteenth_syncopation,
)
from synvae_workbench.data.cache import cache_folder, cached_arrays, digest_of, weights_of

NEIGHBOURS = 24  # tunes that a melody goes towards
WAYS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)  # how far: shares of the way
SPILL = 0.3  # how much farther a tune counts that differs in what was not asked for
SHORTFALL = 10.0  # and one that lacks what was asked for
KEEP = 0.15  # what a standard deviation of anything else costs, beside one of what was asked for


class Tunes(NamedTuple):
    """Tunes to steer towards: latents, attribute values, and their spread."""

    latents: Float[Tensor, "n z"]
    attributes: Float[np.ndarray, "n a"]  # the columns are those of `STEERABLE`
    spread: Float[np.ndarray, " a"]  # standard deviations of the columns, 1 where there is none


def syncopation(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, " n"]:
    """Share of the notes that are syncopated, on the sixteenths or on the eighths."""
    return sixteenth_syncopation(events) + eighth_syncopation(events)


STEERABLE = {
    "notes": note_density,
    "pitch": mean_pitch,
    "leaps": mean_interval,
    "syncopation": syncopation,
}


def attribute_values(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, "n a"]:
    """Values of each of the `STEERABLE` attributes, in the units of `music.attributes`."""
    return np.stack([attribute(events) for attribute in STEERABLE.values()], 1)


def steering_tunes(model: MelodyVae, events: Integer[np.ndarray, "n t"]) -> Tunes:
    """Encodes tunes for `steer`, by the means of their posteriors, and measures them.

    Raises:
        ValueError: if there are fewer than two, or the model cannot read them.
    """
    if len(events) < 2:
        raise ValueError(f"steering goes towards tunes: got {len(events)}, give 2 or more")
    return _measured(model.encode(np.asarray(events, np.int64), sample=False), events)


def cached_tunes(
    model: MelodyVae, events: Integer[np.ndarray, "n t"], *, cache: Path | None = None
) -> Tunes:
    """As `steering_tunes`; latents are cached by the model's weights and the tunes.

    Ten thousand tunes take seconds to encode.

    Args:
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.
    """
    events = np.asarray(events, np.int64)

    def build() -> dict[str, np.ndarray]:
        return {"latents": steering_tunes(model, events).latents.cpu().numpy()}

    settings = (repr(model.config), events.shape)
    digest = digest_of(settings, weights_of(model) | {"tunes": events.tobytes()})
    path = cache_folder(cache) / f"tunes-{digest}.npz"
    latents = cached_arrays(path, ["latents"], build)["latents"]
    return _measured(torch.from_numpy(latents).to(model.device), events)


def _measured(latents: Float[Tensor, "n z"], events: Integer[np.ndarray, "n t"]) -> Tunes:
    attributes = attribute_values(events)
    spread = attributes.std(0)
    return Tunes(latents, attributes, np.where(spread > 1e-6, spread, 1.0))


def steer(
    model: MelodyVae,
    z: Float[Tensor, " z"],
    more: Mapping[str, float],
    tunes: Tunes,
) -> Int[np.ndarray, " t"]:
    """Decodes a latent point with more, or less, of some attributes, and else as it is.

    Args:
        model: whose latent space z and the tunes are in.
        more: by names of `STEERABLE`, in standard deviations of the tunes; what is not named, or 0,
            is to stay as it is.

    Raises:
        ValueError: for another name, or an amount that is not finite.
    """
    asked = np.array([more.get(name, 0.0) for name in STEERABLE], float)
    if set(more) - set(STEERABLE) or not np.isfinite(asked).all():
        raise ValueError(f"steering takes finite amounts of {', '.join(STEERABLE)}, got {more}")
    plain = model.decode(z[None]).cpu().numpy()
    if not asked.any():
        return plain[0]
    wanted = attribute_values(plain)[0] / tunes.spread + asked
    near = tunes.latents[_neighbours(z, wanted, asked, tunes)]
    ways = torch.tensor(WAYS, dtype=z.dtype, device=z.device)[:, None, None]
    played = model.decode((z + ways * (near - z)).flatten(0, 1)).cpu().numpy()
    played = np.concatenate([plain, played])
    missed = np.abs(attribute_values(played) / tunes.spread - wanted)
    cost = (played != plain).mean(1) + missed @ np.where(asked != 0, 1.0, KEEP)
    return played[cost.argmin()]


def _neighbours(z: Tensor, wanted: np.ndarray, asked: np.ndarray, tunes: Tunes) -> Tensor:
    """Indices of the tunes that are near and have what is asked for."""
    differ = wanted - tunes.attributes / tunes.spread
    lacking = (np.sign(asked) * differ).clip(0).sum(1)
    spill = np.where(asked == 0, differ**2, 0).sum(1)
    farther = torch.from_numpy(1 + SPILL * spill + SHORTFALL * lacking).to(z)
    distance = (tunes.latents - z).square().sum(1) * farther
    return distance.topk(min(NEIGHBOURS, len(distance)), largest=False).indices

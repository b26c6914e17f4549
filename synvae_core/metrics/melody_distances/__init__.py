"""Distances between melodies as a listener may hear them, none by a model's latents.

`MELODY_DISTANCES` has each of them by name: a function of melodies (n, t) to distances (n, n) or,
with others (m, t), to distances (n, m); 0 between a melody and itself. Melodies are of one length.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer

from synvae_core.metrics.melody_distances.blurred_roll import blurred_roll_distances
from synvae_core.metrics.melody_distances.earth_mover import earth_mover_distances
from synvae_core.metrics.melody_distances.opti3 import opti3_distances
from synvae_core.metrics.melody_distances.pitch_edits import pitch_edit_distances
from synvae_core.metrics.melody_distances.sound import sound_distances

MelodyDistance = Callable[..., Float[np.ndarray, "n m"]]

MELODY_DISTANCES: dict[str, MelodyDistance] = {
    "opti3": opti3_distances,
    "pitch_edits": pitch_edit_distances,
    "earth_mover": earth_mover_distances,
    "blurred_roll": blurred_roll_distances,
    "sound": sound_distances,
}
PAIRED_AT_ONCE = 10  # melodies; of a square of distances only the diagonal is kept


def paired_distances(
    distance: MelodyDistance, first: Integer[np.ndarray, "n t"], second: Integer[np.ndarray, "n t"]
) -> Float[np.ndarray, " n"]:
    """Distance of each melody to the one in the same place of a second set."""
    starts = range(0, len(first), PAIRED_AT_ONCE)
    parts = [slice(start, start + PAIRED_AT_ONCE) for start in starts]
    return np.concatenate([np.diagonal(distance(first[part], second[part])) for part in parts])


__all__ = [
    "MELODY_DISTANCES",
    "MelodyDistance",
    "blurred_roll_distances",
    "earth_mover_distances",
    "opti3_distances",
    "paired_distances",
    "pitch_edit_distances",
    "sound_distances",
]

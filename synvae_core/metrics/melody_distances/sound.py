"""Distance of rendered sounds, by the loudness of mel bands over time."""

import numpy as np
import scipy
from jaxtyping import Float, Integer

from synvae_core.metrics.sound_features import sound_features
from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE


def sound_distances(
    first: Integer[np.ndarray, "n t"],
    second: Integer[np.ndarray, "m t"] | None = None,
    *,
    coding: Coding = ONE_VOICE,
) -> Float[np.ndarray, "n m"]:
    """Root mean square difference of the loudness of 40 mel bands in eighths of a second, in dB.

    Each melody is rendered by itself, as a piano, at 120 quarters a minute.
    """
    ours = sound_features(first, coding=coding)["spectrum"]
    theirs = ours if second is None else sound_features(second, coding=coding)["spectrum"]
    return spectrum_distances(ours, theirs)


def spectrum_distances(
    first: Float[np.ndarray, "n f"], second: Float[np.ndarray, "m f"]
) -> Float[np.ndarray, "n m"]:
    """Root mean square differences of sounds by their features, such as `spectrum` in dB."""
    return scipy.spatial.distance.cdist(first, second) / np.sqrt(first.shape[1])

"""Distance of blurred piano rolls: notes that nearly coincide nearly cancel."""

import numpy as np
import scipy
from jaxtyping import Float, Float32, Integer

from synvae_core.metrics.melody_distances.notes import note_arrays
from synvae_core.music.coding import MIN_PITCH, Coding
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.rolls import MARGIN, PITCHES, blurred


def blurred_roll_distances(
    first: Integer[np.ndarray, "n t"],
    second: Integer[np.ndarray, "m t"] | None = None,
    *,
    coding: Coding = ONE_VOICE,
) -> Float[np.ndarray, "n m"]:
    """Euclidean distance of blurred piano rolls, of sounding notes and of onsets."""
    ours = blurred_rolls(first, coding)
    return scipy.spatial.distance.cdist(
        ours, ours if second is None else blurred_rolls(second, coding)
    )


def blurred_rolls(
    events: Integer[np.ndarray, "n t"], coding: Coding = ONE_VOICE
) -> Float32[np.ndarray, "n _"]:
    """Blurred piano rolls of sounding notes and of onsets, side by side, as rows."""
    notes = note_arrays(events, coding)
    n, steps = len(events), events.shape[1] // coding.voices
    rolls = np.zeros((n, 2, steps, PITCHES), np.float32)
    rows, columns = np.nonzero(notes.sounds)
    onsets, pitches = notes.onsets[rows, columns], notes.pitches[rows, columns] - MIN_PITCH + MARGIN
    rolls[rows, 1, onsets, pitches] = 1
    for later in range(int(notes.durations.max(initial=0))):
        lasts = notes.durations[rows, columns] > later
        rolls[rows[lasts], 0, onsets[lasts] + later, pitches[lasts]] = 1
    return blurred(rolls).reshape(n, -1)

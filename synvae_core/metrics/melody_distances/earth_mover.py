"""Earth mover's distance of notes: transport of sounding sixteenths in time and pitch.

Typke, Wiering & Veltkamp 2003, "Using Transportation Distances for Measuring Melodic Similarity",
ISMIR: notes are places (onset, pitch) with their durations as weights. A difference of the total
durations is charged, after Pele & Werman 2008, "A Linear Time Histogram Metric for Improved SIFT
Matching": else a part of a melody would be as good as the whole.
"""

import numpy as np
import scipy
from jaxtyping import Float, Integer

from synvae_core.metrics.melody_distances.notes import NoteArrays, all_pairs, as_matrix, note_arrays
from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE

EXCESS = 12.0  # cost of a sixteenth that the other melody has not: as a move by an octave


def earth_mover_distances(
    first: Integer[np.ndarray, "n t"],
    second: Integer[np.ndarray, "m t"] | None = None,
    *,
    coding: Coding = ONE_VOICE,
) -> Float[np.ndarray, "n m"]:
    """Earth mover's distance per sounding sixteenth, where a semitone is as far as a sixteenth.

    Ground distances are Euclidean. Durations are whole sixteenths, so the transport is an
    assignment, and exact.
    """
    ours = _sixteenths(note_arrays(first, coding))
    theirs = ours if second is None else _sixteenths(note_arrays(second, coding))
    size = len(first), None if second is None else len(second)
    pairs = zip(*all_pairs(*size), strict=True)
    ways = np.fromiter((_distance(ours[row], theirs[column]) for row, column in pairs), float)
    return as_matrix(ways, *size)


def _sixteenths(notes: NoteArrays) -> list[Float[np.ndarray, "weight 2"]]:
    """Places (onset, pitch) of each melody's notes, one for each sixteenth that sounds."""
    places = np.stack([notes.onsets, notes.pitches], -1).astype(float)
    weights = np.where(notes.sounds, notes.durations, 0)
    return [np.repeat(row, weight, 0) for row, weight in zip(places, weights, strict=True)]


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    if not len(one) or not len(other):
        return EXCESS if len(one) or len(other) else 0.0
    ways = scipy.spatial.distance.cdist(one, other)
    moved = ways[scipy.optimize.linear_sum_assignment(ways)].sum()
    excess = EXCESS * abs(len(one) - len(other))
    return (moved + excess) / max(len(one), len(other))

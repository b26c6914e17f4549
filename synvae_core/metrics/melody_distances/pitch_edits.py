"""Edit distance of the pitches of two melodies under the best transposition.

After Mongeau & Sankoff 1990, "Comparison of Musical Sequences", Computers and the Humanities 24,
with every edit of the same cost, whatever the notes' lengths.
"""

import numpy as np
from jaxtyping import Float, Integer

from synvae_core.metrics.melody_distances.notes import (
    NoteArrays,
    all_pairs,
    as_matrix,
    edit_distances,
    note_arrays,
)
from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE

PITCHES = 128  # of MIDI


def pitch_edit_distances(
    first: Integer[np.ndarray, "n t"],
    second: Integer[np.ndarray, "m t"] | None = None,
    *,
    coding: Coding = ONE_VOICE,
) -> Float[np.ndarray, "n m"]:
    """Edit distance of pitches under the best transposition, over the longer length; 0 to 1.

    Between two melodies without a note it is 0.
    """
    one = note_arrays(first, coding)
    other = one if second is None else note_arrays(second, coding)
    size = len(first), None if second is None else len(second)
    rows, columns = all_pairs(*size)
    lengths = one.counts[rows], other.counts[columns]
    longer = np.maximum(*lengths)
    edits = longer.copy()  # the distance where no transposition brings two notes together
    ours, theirs = _counted(one), _counted(other)
    for interval in range(1 - PITCHES, PITCHES):
        shared = _shared(ours, theirs, interval)
        if shared is None:
            continue
        # Every note that is not shared, wherever it stands, is an edit of its own.
        better = np.flatnonzero(longer - shared[rows, columns] < edits)
        moved = other.pitches + interval
        i, j = rows[better], columns[better]
        found = edit_distances(one.pitches[i], lengths[0][better], moved[j], lengths[1][better])
        edits[better] = np.minimum(edits[better], found)
    return as_matrix(edits / np.maximum(longer, 1), *size)


def _counted(notes: NoteArrays) -> Float[np.ndarray, "n copies pitches"]:
    """Indicators of pitches that a melody has once, twice, ...: (n, copies, pitches)."""
    rows, columns = np.nonzero(notes.sounds)
    counts = np.zeros((len(notes.pitches), PITCHES), int)
    np.add.at(counts, (rows, notes.pitches[rows, columns]), 1)
    copies = np.arange(counts.max(initial=0))[:, None]
    return (counts[:, None] > copies).astype(np.float32)


def _shared(ours: np.ndarray, theirs: np.ndarray, interval: int) -> np.ndarray | None:
    """Number of notes that each two melodies share in any order, one transposed; None if all 0."""
    copies = min(ours.shape[1], theirs.shape[1])
    low, high = max(0, interval), PITCHES + min(0, interval)
    here = ours[:, :copies, low:high]
    there = theirs[:, :copies, low - interval : high - interval]
    if not (here.any((0, 1)) & there.any((0, 1))).any():
        return None
    return here.reshape(len(here), -1) @ there.reshape(len(there), -1).T

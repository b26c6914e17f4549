"""opti3, a similarity of melodies regressed on the ratings of musical experts.

Müllensiefen & Frieler 2004, "Cognitive Adequacy in the Measurement of Melodic Similarity:
Algorithmic vs. Human Judgments", Computing in Musicology 13; constants as in the package melsim:

    opti3 = 0.505 trigrams + 0.417 rhythm + 0.240 harmony - 0.146, clipped to 0..1

`trigrams` is Ukkonen's overlap of interval trigrams, `rhythm` the edit similarity of five classes
of inter-onset intervals, `harmony` that of the keys which each bar implies (Krumhansl 1990,
"Cognitive Foundations of Musical Pitch"), under the best transposition.
"""

import numpy as np
import scipy
from jaxtyping import Float, Integer

from synvae_core.metrics.melody_distances.notes import (
    NoteArrays,
    all_pairs,
    as_matrix,
    edit_distances,
    note_arrays,
    pad_sequences,
)
from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Coding
from synvae_core.music.melody import ONE_VOICE

WEIGHTS, CONSTANT = (0.505, 0.417, 0.24), -0.146
# Of a quarter: up to the first bound a note is very short, beyond the last one very long.
DURATION_BOUNDS = (0.45, 0.9, 1.8, 3.3)
# Key profiles of the twelve pitch classes, from the tonic on (Krumhansl & Kessler 1982).
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
SILENT = 24  # the key of a bar in which no note starts
NOTHING = -1  # beyond a sequence's end


def opti3_distances(
    first: Integer[np.ndarray, "n t"],
    second: Integer[np.ndarray, "m t"] | None = None,
    *,
    coding: Coding = ONE_VOICE,
) -> Float[np.ndarray, "n m"]:
    """Distance 1 - opti3, from 0 (as alike as can be) to 1, whatever the transposition.

    Melodies of fewer than four notes have no trigram, and share all if their intervals are equal.
    """
    one = note_arrays(first, coding)
    other = one if second is None else note_arrays(second, coding)
    parts = (
        trigram_overlap(one, other),
        rhythm_similarity(one, other),
        harmony_similarity(one, other, bars=-(-first.shape[1] // coding.voices // STEPS_PER_BAR)),
    )
    weighted = sum(weight * part for weight, part in zip(WEIGHTS, parts, strict=True))
    return 1 - np.clip(weighted + CONSTANT, 0, 1)


def trigram_overlap(one: NoteArrays, other: NoteArrays) -> Float[np.ndarray, "n m"]:
    """Overlap of interval trigrams: 1 - the summed difference of counts over their sum; 0 to 1.

    Ukkonen 1992, "Approximate String-Matching with q-Grams and Maximal Matches".
    """
    ours, theirs = _numbered_trigrams(one), _numbered_trigrams(other)
    ids = {key: column for column, key in enumerate({k for row in ours + theirs for k in row})}
    shared = (_presence(ours, ids) @ _presence(theirs, ids).T).toarray()
    total = np.array([*map(len, ours)])[:, None] + np.array([*map(len, theirs)])[None]
    overlap = 2 * shared / np.maximum(total, 1)
    for row, column in np.argwhere(total == 0).tolist():
        overlap[row, column] = np.array_equal(_intervals(one, row), _intervals(other, column))
    return overlap


def rhythm_similarity(one: NoteArrays, other: NoteArrays) -> Float[np.ndarray, "n m"]:
    """Edit similarity of classes of inter-onset intervals: 1 - edits over the longer; 0 to 1."""
    return _edit_similarity(_duration_classes(one), _duration_classes(other))


def harmony_similarity(
    one: NoteArrays, other: NoteArrays, *, bars: int
) -> Float[np.ndarray, "n m"]:
    """Edit similarity of the keys that bars imply, under the best of twelve transpositions."""
    ours, our_places = np.unique(_keys(one, bars), axis=0, return_inverse=True)
    theirs, their_places = np.unique(_keys(other, bars), axis=0, return_inverse=True)
    found = [_edit_similarity([*ours], [*_moved(theirs, interval)]) for interval in range(12)]
    return np.max(found, axis=0)[np.ix_(our_places, their_places)]


def _intervals(notes: NoteArrays, row: int) -> Integer[np.ndarray, " intervals"]:
    return np.diff(notes.pitches[row, : notes.counts[row]])


def _numbered_trigrams(notes: NoteArrays) -> list[list[tuple[int, ...]]]:
    """Trigrams of each melody, the first of its kind numbered 0, the second one 1..."""
    found: list[list[tuple[int, ...]]] = []
    for number in range(len(notes.pitches)):
        steps = _intervals(notes, number).tolist()
        seen: dict[tuple[int, ...], int] = {}
        row: list[tuple[int, ...]] = []
        for trigram in zip(steps[:-2], steps[1:-1], steps[2:], strict=True):
            seen[trigram] = seen.get(trigram, -1) + 1
            row.append((*trigram, seen[trigram]))
        found.append(row)
    return found


def _presence(
    rows: list[list[tuple[int, ...]]], ids: dict[tuple[int, ...], int]
) -> "scipy.sparse.csr_array":
    """Indicator matrix: 1 where a row has a key."""
    columns = [ids[key] for row in rows for key in row]
    ends = np.cumsum([0, *map(len, rows)])
    shape = (len(rows), max(1, len(ids)))
    return scipy.sparse.csr_array((np.ones(len(columns)), columns, ends), shape=shape)


def _duration_classes(notes: NoteArrays) -> list[np.ndarray]:
    """Classes of inter-onset intervals, 0 (very short) to 4 (very long)."""
    return [
        np.searchsorted(DURATION_BOUNDS, np.diff(onsets[:count]) / STEPS_PER_QUARTER)
        for onsets, count in zip(notes.onsets, notes.counts, strict=True)
    ]


def _keys(notes: NoteArrays, bars: int) -> Integer[np.ndarray, "n bars"]:
    """Best key of each bar by its profile: 0..11 major, 12..23 minor, or silent."""
    n = len(notes.pitches)
    counts = np.zeros((n, bars, 12))
    rows, columns = np.nonzero(notes.sounds)
    bar = notes.onsets[rows, columns] // STEPS_PER_BAR
    np.add.at(counts, (rows, bar, notes.pitches[rows, columns] % 12), 1)
    profiles = np.array([np.roll(p, tonic) for p in (MAJOR, MINOR) for tonic in range(12)])
    profiles = (profiles - profiles.mean(1, keepdims=True)) / profiles.std(1, keepdims=True)
    fit = counts @ profiles.T  # of one bar: its mean and spread change no rank
    return np.where(counts.any(2), fit.argmax(2), SILENT)


def _moved(keys: np.ndarray, interval: int) -> np.ndarray:
    """Keys transposed upwards."""
    return np.where(keys == SILENT, SILENT, keys // 12 * 12 + (keys + interval) % 12)


def _edit_similarity(first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
    lengths = [np.array([*map(len, rows)]) for rows in (first, second)]
    rows, columns = all_pairs(len(first), len(second))
    ours, theirs = pad_sequences(first, NOTHING)[rows], pad_sequences(second, NOTHING)[columns]
    edits = edit_distances(ours, lengths[0][rows], theirs, lengths[1][columns])
    longer = np.maximum(lengths[0][rows], lengths[1][columns])
    return as_matrix(1 - edits / np.maximum(longer, 1), len(first), len(second))

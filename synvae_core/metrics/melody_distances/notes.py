"""Notes of many melodies as padded arrays, and edit distances of many pairs of sequences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer

from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE

PAIRS = 1 << 15  # sequences that are compared at once; bounds the memory


class NoteArrays(NamedTuple):
    """Onsets and durations in steps, and MIDI pitches; rows end where `sounds` does."""

    onsets: Integer[np.ndarray, "n notes"]
    durations: Integer[np.ndarray, "n notes"]
    pitches: Integer[np.ndarray, "n notes"]
    sounds: Bool[np.ndarray, "n notes"]

    @property
    def counts(self) -> Integer[np.ndarray, " n"]:
        """Notes of each melody."""
        return self.sounds.sum(1)


def note_arrays(events: Integer[np.ndarray, "n t"], coding: Coding = ONE_VOICE) -> NoteArrays:
    """Notes of melodies, in the order of their onsets."""
    melodies = [coding.notes(melody) for melody in coding.canonical(events)]
    most = max(map(len, melodies), default=0)
    found = np.zeros((3, len(melodies), most), np.int64)
    sounds = np.zeros((len(melodies), most), bool)
    for row, notes in enumerate(melodies):
        for column, note in enumerate(notes):
            found[:, row, column] = note.start, note.end - note.start, note.pitch
        sounds[row, : len(notes)] = True
    onsets, durations, pitches = found
    return NoteArrays(onsets, durations, pitches, sounds)


def pad_sequences(sequences: Sequence[np.ndarray], fill: int) -> Integer[np.ndarray, "n length"]:
    """Sequences as rows of one array, filled up at their ends."""
    longest = max(map(len, sequences), default=0)
    rows = np.full((len(sequences), longest), fill, np.int16)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows


def edit_distances(
    first: Integer[np.ndarray, "p a"],
    first_lengths: Integer[np.ndarray, " p"],
    second: Integer[np.ndarray, "p b"],
    second_lengths: Integer[np.ndarray, " p"],
) -> Integer[np.ndarray, " p"]:
    """Levenshtein distances: fewest insertions, deletions and substitutions within each pair.

    By the recursion of Wagner & Fischer 1974, "The String-to-String Correction Problem", each cell
    of it for all pairs at once.

    Args:
        first, second: padded rows.
    """
    # Small numbers are fast; the recursion goes one beyond the longest row.
    found = np.empty(len(first), np.min_scalar_type(max(first.shape[1], second.shape[1]) + 1))
    for start in range(0, len(first), PAIRS):
        part = slice(start, start + PAIRS)
        found[part] = _recursion(
            first[part].T, first_lengths[part], second[part].T, second_lengths[part], found.dtype
        )
    return found


def _recursion(
    first: np.ndarray,
    first_lengths: np.ndarray,
    second: np.ndarray,
    second_lengths: np.ndarray,
    dtype: np.dtype,
) -> np.ndarray:
    """`edit_distances` of so many pairs, symbols first."""
    pairs = np.arange(len(first_lengths))
    rows = first_lengths.max(initial=0) + 1
    line = np.empty((second_lengths.max(initial=0) + 1, len(pairs)), dtype)
    line[:] = np.arange(len(line))[:, None]
    found = line[second_lengths, pairs]
    for row in range(1, rows):
        diagonal = line[0].copy()
        line[0] = row
        for column in range(1, len(line)):
            reached = np.minimum(line[column], line[column - 1])
            reached += 1
            diagonal += first[row - 1] != second[column - 1]
            np.minimum(reached, diagonal, out=reached)
            diagonal, line[column] = line[column].copy(), reached
        ending = first_lengths == row
        found[ending] = line[second_lengths[ending], pairs[ending]]
    return found


def all_pairs(n: int, m: int | None) -> tuple[Integer[np.ndarray, " p"], Integer[np.ndarray, " p"]]:
    """Rows and columns of a matrix (n, m); above the diagonal alone, if there is no m."""
    if m is None:
        return np.triu_indices(n, 1)
    rows, columns = np.indices((n, m))
    return rows.ravel(), columns.ravel()


def as_matrix(values: np.ndarray, n: int, m: int | None) -> Float[np.ndarray, "n m"]:
    """Values of `all_pairs` in their places; without m both ways, and 0 on the diagonal."""
    if m is not None:
        return values.reshape(n, m).astype(float)
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = values
    return matrix + matrix.T

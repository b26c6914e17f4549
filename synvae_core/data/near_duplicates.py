"""Melodies that nearly repeat each other in any key, found without comparing all pairs.

If two sequences differ on at most k of their steps, then of k + 1 equal segments at least one is
the same in both (the pigeonhole principle): only sequences that share a segment, transposed so
that its first note agrees, are compared in full.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Int, UInt8

from synvae_core.music.melody import FIRST_NOTE

_CHUNK = 1 << 20  # candidate pairs compared at once: 64 MB


def relative_to_first_note(
    events: UInt8[np.ndarray, "n t"], *, start: int = 0, stop: int | None = None
) -> UInt8[np.ndarray, "n t"]:
    """The events with each row moved so that its first note in start..stop has id 128.

    Rows with the same result are transpositions of each other. Rows without such a note stay.
    """
    is_note = events >= FIRST_NOTE
    first = is_note[:, start:stop].argmax(1) + start
    anchor = events[np.arange(len(events)), first].astype(int)
    moved = events.astype(int) - anchor[:, None] + 128
    is_moved = is_note & is_note[:, start:stop].any(1, keepdims=True)
    return np.where(is_moved, moved, events).astype(np.uint8)


def near_pairs(
    events: UInt8[np.ndarray, "n t"], *, max_different: int = 3
) -> Int[np.ndarray, "pairs 2"]:
    """All pairs i < j that differ on at most `max_different` steps in some transposition.

    The transposition is one that makes at least one note of the two agree.
    """
    steps = events.shape[1]
    edges = np.linspace(0, steps, max_different + 2).astype(int).tolist()
    found = [np.zeros((0, 2), np.int64)]
    for start, stop in pairwise(edges):
        is_note = events >= FIRST_NOTE
        with_note = is_note[:, start:stop].any(1)
        anchors = [(np.flatnonzero(with_note), start, stop)]
        for step in range(steps):  # a segment without a note says nothing of the transposition
            anchors.append((np.flatnonzero(~with_note & is_note[:, step]), step, step + 1))
        for rows, first, last in anchors:
            moved = relative_to_first_note(events[rows], start=first, stop=last)
            for pairs in _pairs_with_equal_rows(np.ascontiguousarray(moved[:, start:stop])):
                near = (moved[pairs[:, 0]] != moved[pairs[:, 1]]).sum(1) <= max_different
                found.append(rows[pairs[near]])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _pairs_with_equal_rows(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Chunks (pairs, 2) of the index pairs of equal rows."""
    keys = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(keys, kind="stable")
    ends = np.searchsorted(keys[order], keys[order], side="right")
    partners = ends - np.arange(len(order)) - 1  # rows with the same key further on
    splits = np.searchsorted(np.cumsum(partners), np.arange(_CHUNK, partners.sum(), _CHUNK))
    for part in np.split(np.arange(len(order)), splits):
        left = np.repeat(part, partners[part])
        offset = np.arange(len(left)) - np.repeat(
            np.cumsum(partners[part]) - partners[part], partners[part]
        )
        yield np.stack([order[left], order[left + 1 + offset]], 1)

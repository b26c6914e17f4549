"""Search for near-duplicate melodies in any key, without comparing all pairs.

If two sequences differ on at most k of their steps, then of k + 1 equal segments at least one is
the same in both (the pigeonhole principle): only sequences that share a segment, transposed so
that its first note agrees, are compared in full. Between two sets, only sequences of nearly the
same rhythm are.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int, UInt8

from synvae_core.music.melody import ONE_VOICE

_CHUNK = 1 << 20  # candidate pairs compared at once: 64 MB


def relative_to_first_note(
    events: UInt8[np.ndarray, "n t"], *, start: int = 0, stop: int | None = None
) -> UInt8[np.ndarray, "n t"]:
    """Events with notes as 128 + the interval from each row's first note in start..stop.

    Rows with the same result are transpositions of each other. Rows without a note are unchanged.
    """
    return _relative(events, _pitches(events), start, stop)


def _pitches(events: UInt8[np.ndarray, "n t"]) -> UInt8[np.ndarray, "n t"]:
    """MIDI pitches of the notes where they start, 0 elsewhere."""
    return ONE_VOICE.starts(events).astype(np.uint8)


def _relative(events: np.ndarray, pitches: np.ndarray, start: int, stop: int | None) -> np.ndarray:
    first = (pitches[:, start:stop] > 0).argmax(1) + start
    anchor = pitches[np.arange(len(events)), first][:, None]
    # In 8 bits, which wrap around: intervals are less than 128.
    return np.where((pitches > 0) & (anchor > 0), pitches - anchor + np.uint8(128), events)


def near_pairs(
    events: UInt8[np.ndarray, "n t"], *, max_different: int = 3
) -> Int[np.ndarray, "pairs 2"]:
    """Pairs i < j of near-duplicates: they differ on at most `max_different` steps in some key.

    The transposition is one in which at least one note of the two agrees.
    """
    steps = events.shape[1]
    edges = np.linspace(0, steps, max_different + 2).astype(int).tolist()
    found = [np.zeros((0, 2), np.int64)]
    pitches = _pitches(events)
    is_note = pitches > 0
    for start, stop in pairwise(edges):
        with_note = is_note[:, start:stop].any(1)
        anchors = [(np.flatnonzero(with_note), start, stop)]
        for step in range(steps):  # a segment without a note says nothing of the transposition
            anchors.append((np.flatnonzero(~with_note & is_note[:, step]), step, step + 1))
        for rows, first, last in anchors:
            moved = _relative(events[rows], pitches[rows], first, last)
            for pairs in _pairs_with_equal_rows(np.ascontiguousarray(moved[:, start:stop])):
                near = (moved[pairs[:, 0]] != moved[pairs[:, 1]]).sum(1) <= max_different
                found.append(rows[pairs[near]])
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _pairs_with_equal_rows(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs of indices of equal rows, in chunks (pairs, 2)."""
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


def near_any(
    events: UInt8[np.ndarray, "n t"], others: UInt8[np.ndarray, "m t"], *, max_different: int
) -> Bool[np.ndarray, " n"]:
    """True for rows with a near-duplicate in another set, in some transposition.

    For rows of any multiple of 16 steps; few pairs have rhythms that are near enough to look on.
    """
    found = np.zeros(len(events), bool)
    pitches, other_pitches = _pitches(events), _pitches(others)
    rhythm, other_rhythm = _onset_bits(pitches), _onset_bits(other_pitches)
    intervals = _intervals(events, pitches)
    other_intervals = _intervals(others, other_pitches)
    for index in range(len(events)):
        different = np.bitwise_count(other_rhythm ^ rhythm[index]).sum(1, dtype=int)
        rows = np.flatnonzero(different <= max_different)
        # One step that differs alters two intervals at most.
        different = (other_intervals[rows] != intervals[index]).sum(1)
        rows = rows[different <= 2 * max_different]
        one = events[index], pitches[index]
        distances = (_distance(*one, others[row], other_pitches[row]) for row in rows)
        found[index] = any(distance <= max_different for distance in distances)
    return found


def _onset_bits(pitches: np.ndarray) -> np.ndarray:
    bits = np.packbits(pitches > 0, axis=1)
    return bits.view(f"u{np.gcd(bits.shape[1], 8)}")


def _intervals(events: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    """Events with the interval from the previous note, plus 128, in place of every note but one."""
    is_note = pitches > 0
    latest = np.maximum.accumulate(np.where(is_note, np.arange(events.shape[1]), -1), axis=1)
    before = np.concatenate([np.full((len(events), 1), -1), latest[:, :-1]], axis=1)
    pitch_before = np.take_along_axis(pitches, np.maximum(before, 0), axis=1).astype(int)
    moved = np.where(before < 0, 255, pitches - pitch_before + 128)
    return np.where(is_note, moved, events).astype(np.uint8)


def _distance(
    one: np.ndarray, pitches: np.ndarray, other: np.ndarray, other_pitches: np.ndarray
) -> int:
    """Least number of steps on which two sequences differ, over transpositions of one."""
    notes = (pitches > 0) & (other_pitches > 0)
    shifts = pitches[notes].astype(int) - other_pitches[notes]
    agreeing = np.bincount(shifts + 128).max() if len(shifts) else 0
    return int((one != other)[~notes].sum() + len(shifts) - agreeing)

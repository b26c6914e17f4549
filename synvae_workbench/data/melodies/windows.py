"""Melodies of a fixed number of bars out of longer ones: the top line, its windows, their limits.

Window lengths are those of Roberts et al. 2018, arXiv 1803.05428 (2 and 16 bars), and between.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int, Num, UInt8

from synvae_core.music.melody import (
    FIRST_NOTE,
    HOLD,
    MAX_PITCH,
    MIN_PITCH,
    NOTE_OFF,
    STEPS_PER_BAR,
    Note,
    canonical,
)
from synvae_workbench.data.melodies.near_duplicates import relative_to_first_note

NOTES_PER_BAR = 1.5  # a window with fewer is left out: 3 in two bars
TOLERANCE = 1e-6  # of a step: thirds are not exact in floating point
LEGATO = 1  # steps by which a melody's note may sound into the next one


def fewest_notes(bars: int) -> int:
    """The least number of notes in a window of so many bars."""
    return int(np.ceil(NOTES_PER_BAR * bars))


def cut_windows(
    notes: Num[np.ndarray, "notes 3"],
    *,
    starts: Num[np.ndarray, " n"],
    scale: Float[np.ndarray, " n"] | float = 1.0,
    bars: int,
    min_notes: int | None = None,
) -> UInt8[np.ndarray, "kept t"]:
    """Windows of `bars` bars of sixteenths at `starts`, out of sorted notes that do not overlap.

    An onset goes to the nearest sixteenth (halves up); where two meet on one step the nearer one
    stays. A note that already sounds at the window's start is struck again there. Windows with
    fewer than `min_notes` notes, with pitches outside 21..108 or with more than half of their
    bars without an onset are left out.

    Args:
        notes: the onset, end and pitch of each.
        min_notes: by default `fewest_notes(bars)`; 0 keeps silence too.
        scale: steps in a unit of time, one number or one for each window.
    """
    steps = bars * STEPS_PER_BAR
    onsets, ends, pitches = notes[:, 0], notes[:, 1], notes[:, 2].astype(int)
    scale = np.broadcast_to(np.asarray(scale, float), starts.shape)
    first = np.searchsorted(ends, starts + TOLERANCE)
    last = np.searchsorted(onsets, starts + steps / scale - TOLERANCE)
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(starts)), count)  # the window of each note in a window
    note = np.arange(len(row)) - np.repeat(np.cumsum(count) - count - first, count)
    times = [(time[note] - starts[row]) * scale[row] for time in (onsets, ends)]
    events = _quantise(row, *times, pitches[note], shape=(len(starts), steps))
    is_note = events >= FIRST_NOTE
    min_notes = fewest_notes(bars) if min_notes is None else min_notes
    bars_with_onset = is_note.reshape(-1, bars, STEPS_PER_BAR).any(2).sum(1)
    keep = (is_note.sum(1) >= min_notes) & (2 * bars_with_onset >= min(bars, min_notes))
    keep[row[(pitches[note] < MIN_PITCH) | (pitches[note] > MAX_PITCH)]] = False
    return canonical(events[keep]).astype(np.uint8)


def _quantise(
    row: np.ndarray,
    onsets: np.ndarray,
    ends: np.ndarray,
    pitches: np.ndarray,
    *,
    shape: tuple[int, int],
) -> np.ndarray:
    """Event ids of (windows, steps); each note's times are in steps from the start of its row."""
    length = shape[1]
    steps = np.clip(np.floor(onsets + 0.5 + TOLERANCE).astype(int), 0, length)
    stops = np.clip(np.floor(ends + 0.5 + TOLERANCE).astype(int), steps + 1, length + 1)
    following = np.append(steps[1:], length)
    following[np.append(row[1:] != row[:-1], True)] = length
    events = np.full((shape[0], length + 2), HOLD, np.int64)
    rests = stops < following
    events[row[rests], stops[rests]] = NOTE_OFF
    distance = np.abs(onsets - steps).round(6)
    order = np.lexsort((-np.arange(len(row)), -distance))  # what is written last stays
    events[row[order], steps[order]] = pitches[order] - MIN_PITCH + FIRST_NOTE
    return events[:, :length]


def run_starts(is_full: np.ndarray, *, bars: int) -> Int[np.ndarray, " n"]:
    """Indices of the bars that begin `bars` full bars in a row."""
    full = np.concatenate([[0], np.cumsum(is_full)])
    return np.flatnonzero(full[bars:] - full[: max(len(full) - bars, 0)] == bars)


def on_grid(
    onsets: Num[np.ndarray, " notes"],
    ends: Num[np.ndarray, " notes"],
    pitches: Int[np.ndarray, " notes"],
) -> list[Note]:
    """Notes in whole steps: times in steps to the nearest (halves up), at least one step long."""
    starts = np.floor(onsets + 0.5).astype(int)
    stops = np.maximum(np.floor(ends + 0.5).astype(int), starts + 1)
    return list(map(Note, starts.tolist(), stops.tolist(), pitches.tolist()))


def top_line(notes: Iterable[Note]) -> list[Note]:
    """One note at a time: of notes struck together the highest, and no lower one under a long one.

    A higher note cuts off the one that sounds, and so does a lower one in its last step (legato).
    """
    line: list[Note] = []
    for note in sorted(notes, key=lambda note: (note.start, -note.pitch)):
        if line and note.start < line[-1].end:
            above = line[-1]
            is_legato = above.end - note.start <= LEGATO
            if note.start == above.start or (note.pitch < above.pitch and not is_legato):
                continue
            line[-1] = above._replace(end=note.start)
        line.append(note)
    return line


def first_of_each(rows: UInt8[np.ndarray, "n t"]) -> Int[np.ndarray, " kept"]:
    """Index of the first of equal rows, ascending."""
    if not len(rows):
        return np.zeros(0, np.int64)
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    return np.sort(np.unique(keys, return_index=True)[1])


def first_in_any_key(events: UInt8[np.ndarray, "n t"]) -> Int[np.ndarray, " kept"]:
    """Index of the first of the windows that are transpositions of each other, ascending."""
    return first_of_each(relative_to_first_note(events))

"""Windows of a fixed number of bars from melodies: top line, quantisation, selection.

Window lengths are those of Roberts et al. 2018, arXiv 1803.05428 (2 and 16 bars), and between.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int, Num, UInt8

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH, STEPS_PER_BAR, Note
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.data.melodies.near_duplicates import relative_to_first_note

NOTES_PER_BAR = 1.5  # the least of a window: 3 in two bars
TOLERANCE = 1e-6  # of a step: thirds are not exact in floating point
LEGATO = 1  # steps by which a melody's note may sound into the next one


def fewest_notes(bars: int) -> int:
    """Least number of notes in a window of so many bars."""
    return int(np.ceil(NOTES_PER_BAR * bars))


def cut_windows(
    notes: Num[np.ndarray, "notes 3"],
    *,
    starts: Num[np.ndarray, " n"],
    scale: Float[np.ndarray, " n"] | float = 1.0,
    bars: int,
    min_notes: int | None = None,
) -> UInt8[np.ndarray, "kept t"]:
    """Windows of `bars` bars of sixteenths from `starts`, of sorted notes that do not overlap.

    Onsets are rounded to the nearest sixteenth (halves up); of two on one step the nearer is kept.
    A note that sounds across the window's start has an onset there. Windows with fewer than
    `min_notes` notes, with pitches outside 21..108 or with more than half of their bars without an
    onset are left out.

    Args:
        notes: onset, end and pitch of each.
        min_notes: by default `fewest_notes(bars)`; 0 keeps silence too.
        scale: steps per unit of time, one number or one for each window.
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
    inside = np.clip(pitches[note], MIN_PITCH, MAX_PITCH)
    placed = _quantise(row, *times, inside, steps=steps)
    events = ONE_VOICE.write(placed, melodies=len(starts), steps=steps)
    is_note = ONE_VOICE.starts(events) > 0
    min_notes = fewest_notes(bars) if min_notes is None else min_notes
    bars_with_onset = is_note.reshape(-1, bars, STEPS_PER_BAR).any(2).sum(1)
    keep = (is_note.sum(1) >= min_notes) & (2 * bars_with_onset >= min(bars, min_notes))
    keep[row[inside != pitches[note]]] = False
    return events[keep].astype(np.uint8)


def _quantise(
    row: np.ndarray,
    onsets: np.ndarray,
    ends: np.ndarray,
    pitches: np.ndarray,
    *,
    steps: int,
) -> Int[np.ndarray, "m 5"]:
    """Quantised notes, as `Coding.write` takes them, from times in steps from their row's start.

    Of notes that start on one step the nearest is kept, with the end of the last.
    """
    start = np.clip(np.floor(onsets + 0.5 + TOLERANCE).astype(int), 0, steps)
    end = np.clip(np.floor(ends + 0.5 + TOLERANCE).astype(int), start + 1, steps + 1)
    following = np.append(start[1:], steps)
    following[np.append(row[1:] != row[:-1], True)] = steps
    end = np.minimum(end, following)
    place = row * (steps + 1) + start  # rises from note to note
    first = np.flatnonzero(np.diff(place, prepend=-1))  # of the notes on one step
    last = np.append(first, len(row))[1:] - 1
    nearest = np.lexsort((np.abs(onsets - start).round(6), place))[first]
    notes = np.stack([row[first], start[first], end[last], pitches[nearest]], 1)
    return np.pad(notes[start[first] < steps], ((0, 0), (0, 1)))  # all of the first voice


def run_starts(is_full: np.ndarray, *, bars: int) -> Int[np.ndarray, " n"]:
    """Indices of bars that begin `bars` full bars in a row."""
    full = np.concatenate([[0], np.cumsum(is_full)])
    return np.flatnonzero(full[bars:] - full[: max(len(full) - bars, 0)] == bars)


def on_grid(
    onsets: Num[np.ndarray, " notes"],
    ends: Num[np.ndarray, " notes"],
    pitches: Int[np.ndarray, " notes"],
) -> list[Note]:
    """Notes quantised to whole steps: times to the nearest (halves up), at least one step long."""
    starts = np.floor(onsets + 0.5).astype(int)
    stops = np.maximum(np.floor(ends + 0.5).astype(int), starts + 1)
    return list(map(Note, starts.tolist(), stops.tolist(), pitches.tolist()))


def top_line(notes: Iterable[Note]) -> list[Note]:
    """Top line of notes: the highest of simultaneous ones, and none below a longer higher one.

    A higher note ends the one before, and so does a lower one in its last step (legato).
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
    """Indices of rows without repetitions: of equal ones the first; ascending."""
    if not len(rows):
        return np.zeros(0, np.int64)
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    return np.sort(np.unique(keys, return_index=True)[1])


def first_in_any_key(events: UInt8[np.ndarray, "n t"]) -> Int[np.ndarray, " kept"]:
    """Indices of windows without repetitions in any key: of equal ones the first; ascending."""
    return first_of_each(relative_to_first_note(events))

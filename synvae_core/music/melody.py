"""Melodies as sequences of event ids, in the coding of MusicVAE.

Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in
Music", arXiv 1803.05428. One id per sixteenth note: 0 holds what sounds (or the silence), 1 ends
the note, 2..89 start the pitches 21..108 (A0..C8). A note ends at the next start, at a note-off
or at the end of the melody.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

HOLD = 0
NOTE_OFF = 1
FIRST_NOTE = 2
MIN_PITCH = 21
MAX_PITCH = 108
NUM_EVENTS = FIRST_NOTE + MAX_PITCH - MIN_PITCH + 1
STEPS_PER_QUARTER = 4
STEPS_PER_BAR = 16


class Note(NamedTuple):
    """A sounding note: `start` and `end` in steps (sixteenths, end exclusive), MIDI `pitch`."""

    start: int
    end: int
    pitch: int


def check_events(events: np.ndarray) -> np.ndarray:
    """Event ids as int64, or a `ValueError` where one is not an integer in 0..89."""
    events = np.asarray(events)
    if not np.issubdtype(events.dtype, np.integer):
        raise ValueError(f"event ids are integers, got {events.dtype}")
    if events.size and not (0 <= events.min() and events.max() < NUM_EVENTS):
        raise ValueError(f"event ids are 0..{NUM_EVENTS - 1}, got {events.min()}..{events.max()}")
    return events.astype(np.int64)


def canonical(events: np.ndarray) -> np.ndarray:
    """The same melody with every note-off in silence written as a hold.

    Two sequences sound alike if and only if their canonical forms are equal.

    Args:
        events: (..., t) event ids.
    """
    events = check_events(events).copy()
    sounding = np.zeros(events.shape[:-1], bool)
    for t in range(events.shape[-1]):
        step = events[..., t]
        events[..., t] = np.where((step == NOTE_OFF) & ~sounding, HOLD, step)
        sounding = (step >= FIRST_NOTE) | (sounding & (step != NOTE_OFF))
    return events


def events_to_notes(events: np.ndarray) -> list[Note]:
    """The notes of one melody (t,), in order; notes of one melody never overlap."""
    events = check_events(events)
    if events.ndim != 1:
        raise ValueError(f"one melody has shape (steps,), got {events.shape}")
    notes: list[Note] = []
    start = None
    for step, event in enumerate([*events.tolist(), NOTE_OFF]):
        if event == HOLD:
            continue
        if start is not None:
            notes.append(Note(start, step, int(events[start]) - FIRST_NOTE + MIN_PITCH))
        start = step if event >= FIRST_NOTE else None
    return notes


def notes_to_events(notes: Iterable[Note], *, steps: int) -> np.ndarray:
    """Event ids (steps,) of non-overlapping notes; the inverse of `events_to_notes`.

    Raises:
        ValueError: if a note overlaps another, leaves the melody, or has a pitch outside 21..108.
    """
    events = np.full(steps, HOLD, np.int64)
    end = 0
    for note in sorted(notes):
        if not (end <= note.start < note.end <= steps):
            raise ValueError(f"{note} overlaps another note or leaves the {steps} steps")
        if not MIN_PITCH <= note.pitch <= MAX_PITCH:
            raise ValueError(f"{note}: pitch outside {MIN_PITCH}..{MAX_PITCH}")
        events[note.start] = note.pitch - MIN_PITCH + FIRST_NOTE
        if note.end < steps:
            events[note.end] = NOTE_OFF  # the next note's start overwrites it where they touch
        end = note.end
    return events


def transpose(events: np.ndarray, semitones: int) -> np.ndarray:
    """Every pitch moved by `semitones`.

    Raises:
        ValueError: if a pitch would leave 21..108.
    """
    events = check_events(events)
    moved = np.where(events >= FIRST_NOTE, events + semitones, events)
    is_note = events >= FIRST_NOTE
    if is_note.any() and not (
        moved[is_note].min() >= FIRST_NOTE and moved[is_note].max() < NUM_EVENTS
    ):
        raise ValueError(f"transposed by {semitones}, a pitch leaves {MIN_PITCH}..{MAX_PITCH}")
    return moved

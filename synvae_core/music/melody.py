"""Melodies of one voice as event ids, in the coding of MusicVAE.

Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term Structure in
Music", arXiv 1803.05428. One id per sixteenth note: 0 holds what sounds (or the silence), 1 ends
the note, 2..89 start the pitches 21..108 (A0..C8). A note ends at the next start, at a note-off
or at the end of the melody.
"""

from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from synvae_core.music.coding import (
    MAX_PITCH,
    MIN_PITCH,
    Coding,
    Events,
    Note,
    States,
    library_of,
)

HOLD, NOTE_OFF, FIRST_NOTE = 0, 1, 2
TO_PITCH = MIN_PITCH - FIRST_NOTE  # to be added to an id that starts a note
# A state is 0 while nothing but holds has come, else 1 + the latest event that was no hold.
LAST_SILENT = 1 + NOTE_OFF
PLACE = 128  # a power of two above the states: a place and a state fit into one number


class OneVoice(Coding):
    """Hold, note-off, and a start of each of 88 pitches; a note-off in silence is a hold."""

    name = "one_voice"
    size = FIRST_NOTE + MAX_PITCH - MIN_PITCH + 1
    states = size + 1

    def starts(self, events: Events) -> Events:
        events = self.check(events)
        return (events + TO_PITCH) * (events >= FIRST_NOTE)

    def after(self, state: States, event: States) -> States:
        return library_of(event).where(event == HOLD, state, event + 1)

    def before(self, events: Events) -> Events:
        """State before each event, without a loop: the latest event has the largest place."""
        events = self.check(events)
        library = library_of(events)
        steps = events.shape[-1]
        places = library.arange(PLACE + 1, (steps + 1) * PLACE, PLACE, device=events.device)
        latest = places + events
        latest *= events != HOLD  # in place and without where(): several times as fast
        if library is np:
            np.maximum.accumulate(latest, axis=-1, out=latest)
        else:
            latest = latest.cummax(-1).values
        states = library.empty_like(latest)
        states[..., :1] = 0
        states[..., 1:] = latest[..., :-1]
        states &= PLACE - 1
        return states

    def pitch(self, state: States) -> States:
        return (state + (TO_PITCH - 1)) * (state > LAST_SILENT)

    def heard(self, events: States, state: States) -> States:
        nothing = (events == NOTE_OFF) & (state <= LAST_SILENT)
        return library_of(events).where(nothing, HOLD, events)

    def transpose(self, events: Events, semitones: int | Integer[Any, "*b 1"]) -> Events:
        events = self.check(events)
        is_note = events >= FIRST_NOTE
        moved = library_of(events).where(is_note, events + semitones, events)
        if (is_note & ((moved < FIRST_NOTE) | (moved >= self.size))).any():
            raise ValueError(f"transposed by {semitones}, a pitch leaves {MIN_PITCH}..{MAX_PITCH}")
        return moved

    def notes(self, events: np.ndarray) -> list[Note]:
        events = self.check(events)
        if events.ndim != 1:
            raise ValueError(f"one melody has shape (steps,), got {events.shape}")
        notes: list[Note] = []
        start, pitch = None, 0
        for step, event in enumerate([*events.tolist(), NOTE_OFF]):
            if event == HOLD:
                continue
            if start is not None:
                notes.append(Note(start, step, pitch))
            start, pitch = (step, event + TO_PITCH) if event >= FIRST_NOTE else (None, 0)
        return notes

    def write(
        self, notes: Integer[np.ndarray, "m 5"], *, melodies: int, steps: int
    ) -> Int[np.ndarray, "melodies t"]:
        melody, start, end, pitch, voice = notes.T
        free = np.zeros_like(start)  # where the note before ends
        free[1:] = np.where(melody[1:] == melody[:-1], end[:-1], 0)
        fits = (free <= start) & (start < end) & (end <= steps)
        known = (MIN_PITCH <= pitch) & (pitch <= MAX_PITCH) & (voice == 0)
        if not (fits & known).all():
            first = np.argmin(fits & known)
            note = Note(*notes[first, 1:].tolist())
            if not fits[first]:
                raise ValueError(f"{note} overlaps another note or leaves the {steps} steps")
            raise ValueError(f"{note}: pitch outside {MIN_PITCH}..{MAX_PITCH}, or a second voice")
        events = np.full((melodies, steps + 1), HOLD, np.int64)
        events[melody, end] = NOTE_OFF  # the next note's start overwrites it where they touch
        events[melody, start] = pitch - TO_PITCH
        return events[:, :steps]


ONE_VOICE = OneVoice()

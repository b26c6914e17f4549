"""Codings of melodies as event ids: the one interface by which all other code interprets ids.

Time is a grid of sixteenths. Each step has one event for each voice: of events (..., t), place i
belongs to step i // voices and voice i % voices, and starts one note at most. A `Coding` gives the
pitch that an event starts, what sounds, and which events make sense next; models, metrics, figures
and files use it and know no id. Another coding is one more class, and its line in `CODINGS`.

Ids are arrays, which are checked, or tensors on any device, which are not; results are of the same
kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Integer, Shaped

STEPS_PER_QUARTER = 4
STEPS_PER_BAR = 16
MIN_PITCH, MAX_PITCH = 21, 108  # A0 and C8: the keys of a piano, which no coding leaves

# Where each coding stands that a stored model may name. Each is imported when it is named, so that
# a model reads the code of its own coding and of no other.
CODINGS = {"one_voice": "synvae_core.music.melody.ONE_VOICE"}

Events = Shaped[Any, "*b t"]  # ids, an array or a tensor
States = Integer[Any, "*#b"]


class Note(NamedTuple):
    """A sounding note: `start` and `end` in steps (sixteenths, end exclusive), MIDI `pitch`."""

    start: int
    end: int
    pitch: int
    voice: int = 0


class Coding(ABC):
    """Vocabulary of events, and the states of a voice: what sounds, or 0 before its first event.

    Attributes:
        name: in `CODINGS`.
        size: number of events; ids are 0..size-1.
        states: number of states.
        voices: events for each step.
        lowest, highest: MIDI pitches that an event may start.
    """

    name: str
    size: int
    states: int
    voices: int = 1
    lowest: int = MIN_PITCH
    highest: int = MAX_PITCH

    @abstractmethod
    def starts(self, events: Events) -> Events:
        """MIDI pitch of the note that each event starts, 0 where it starts none."""

    @abstractmethod
    def after(self, state: States, event: States) -> States:
        """State of a voice after an event."""

    @abstractmethod
    def pitch(self, state: States) -> States:
        """MIDI pitch that sounds in a state, 0 in silence."""

    @abstractmethod
    def heard(self, events: States, state: States) -> States:
        """Canonical event of each event in a state: the one to write of those that sound alike."""

    @abstractmethod
    def transpose(self, events: Events, semitones: int | Integer[Any, "*b 1"]) -> Events:
        """Transposed events, by one number of semitones for all melodies or one for each.

        Raises:
            ValueError: if a pitch would leave lowest..highest.
        """

    @abstractmethod
    def notes(self, events: np.ndarray) -> list[Note]:
        """Notes of one melody (t,), in order; notes of one voice never overlap."""

    @abstractmethod
    def write(
        self, notes: Integer[np.ndarray, "m 5"], *, melodies: int, steps: int
    ) -> Int[np.ndarray, "melodies t"]:
        """Events of many melodies, in canonical form.

        Args:
            notes: a row each of melody, start, end, pitch and voice; in order of melody, voice and
                start.

        Raises:
            ValueError: if a note overlaps another of its voice, leaves the melody, or has a pitch
                or a voice that this coding has not.
        """

    def events(self, notes: Iterable[Note], *, steps: int) -> Int[np.ndarray, " t"]:
        """Events of one melody of so many steps; the inverse of `notes`, refusing as `write`."""
        rows = [(0, *note) for note in sorted(notes, key=lambda note: (note.voice, note))]
        return self.write(np.array(rows, np.int64).reshape(-1, 5), melodies=1, steps=steps)[0]

    def check(self, events: Any) -> Integer[Any, "..."]:
        """Checked event ids: arrays as int64, tensors as they are.

        Raises:
            ValueError: if an array holds anything but integers in 0..size-1.
        """
        if library_of(events) is not np:
            return events
        events = np.asarray(events)
        if not np.issubdtype(events.dtype, np.integer):
            raise ValueError(f"event ids are integers, got {events.dtype}")
        if events.size and not (0 <= events.min() and events.max() < self.size):
            found = f"{events.min()}..{events.max()}"
            raise ValueError(f"event ids are 0..{self.size - 1}, got {found}")
        return events.astype(np.int64, copy=False)

    def before(self, events: Events) -> Events:
        """State of its voice before each event."""
        events = self.check(events)
        states = events * 0
        for place in range(self.voices, events.shape[-1]):
            last = place - self.voices
            states[..., place] = self.after(states[..., last], events[..., last])
        return states

    def canonical(self, events: Events) -> Events:
        """Canonical form of melodies, which is equal for all that sound alike."""
        return self.heard(self.check(events), self.before(events))

    def sounding(self, events: Events) -> Events:
        """MIDI pitch that sounds at each place, 0 in silence."""
        return self.pitch(self.after(self.before(events), self.check(events)))

    def lengths(self, events: Events) -> Events:
        """Length in steps of the note that each event starts, 0 where it starts none; of arrays."""
        starts = self.by_voice(self.starts(events))
        steps = starts.shape[-1]
        step = np.arange(steps)
        changes = (starts > 0) | (self.by_voice(self.sounding(events)) == 0)
        # the next change after each step, found in one sweep from the end
        change_at = np.where(changes, step, steps)[..., ::-1]
        end = np.full_like(starts, steps)
        end[..., :-1] = np.minimum.accumulate(change_at, axis=-1)[..., ::-1][..., 1:]
        lengths = np.where(starts > 0, end - step, 0)
        return lengths.swapaxes(-1, -2).reshape(events.shape)

    def by_voice(self, values: Events) -> Shaped[Any, "*b voices steps"]:
        """Values of each place, rearranged into one row for each voice."""
        *melodies, length = values.shape
        return values.reshape(*melodies, length // self.voices, self.voices).swapaxes(-1, -2)

    @cached_property
    def allowed(self) -> Bool[np.ndarray, "states events"]:
        """Mask of the events that are canonical in each state; no others are written."""
        events = np.arange(self.size)
        return self.heard(events, np.arange(self.states)[:, None]) == events


def coding_named(name: str) -> Coding:
    """Coding of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in CODINGS:
        raise ValueError(f"coding {name!r} is unknown; choose one of {', '.join(CODINGS)}")
    module, _, instance = CODINGS[name].rpartition(".")
    return getattr(import_module(module), instance)


def library_of(values: Any) -> ModuleType:
    """Library of the values: torch for tensors, NumPy for all else."""
    if not hasattr(values, "detach"):
        return np
    import torch  # here: melodies in arrays need none of it

    return torch

"""From the notes of a score to the event ids of its one melody, or a refusal that says why.

Knows no file format: `midi` brings its files and NoteSequences here as a `Score`.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from synvae_core.music.melody import (
    HOLD,
    MAX_PITCH,
    MIN_PITCH,
    STEPS_PER_BAR,
    Note,
    notes_to_events,
)

MAX_STEPS = 100_000
GRID_TOLERANCE = 1e-4  # in steps: below one tick of the finest resolution, above rounded seconds


class MidiError(ValueError):
    """A MIDI file or NoteSequence that is not one melody; says what it is and what to do."""


class Span(NamedTuple):
    """A note whose `start` and `end` are in steps, not yet on the grid."""

    start: float
    end: float
    pitch: int


class Part(NamedTuple):
    """The notes of one voice or instrument; refusals list it by its `label`."""

    label: str
    spans: list[Span]


class Score(NamedTuple):
    """What a file and a NoteSequence have in common: melodic parts and time signatures."""

    name: str
    parts: list[Part]
    metres: list[tuple[int, int]]


def score_to_events(
    score: Score,
    *,
    steps: int | None,
    track: int | None,
    quantize: bool,
    ignore_metre: bool,
    allow_silence: bool,
) -> Integer[np.ndarray, " steps"]:
    """Event ids (steps,) of the one melody in a score; options as in `midi.read_midi`.

    Raises:
        MidiError: if the score is not one melody that these options allow.
        ValueError: unless `steps` is None or in 1..`MAX_STEPS`.
    """
    if steps is not None and not 1 <= steps <= MAX_STEPS:
        raise ValueError(f"steps is 1..{MAX_STEPS}, got {steps}")
    for numerator, denominator in score.metres:
        if not ignore_metre and numerator != denominator:
            raise MidiError(
                f"{score.name} is in {numerator}/{denominator}; expected bars of {STEPS_PER_BAR} "
                "sixteenths as in 4/4; pass ignore_metre=True to count sixteenths through the bars"
            )
    spans = sorted(_choose_part(score, track))
    if not spans:
        if allow_silence and steps is not None:
            return np.full(steps, HOLD, np.int64)
        raise MidiError(
            f"{score.name} has no notes outside percussion; expected one melody; export it with "
            "its notes, or pass steps= and allow_silence=True where silence is meant"
        )
    notes = _grid_notes(score.name, spans, quantize)
    needed = max(note.end for note in notes)
    if steps is None:
        steps = math.ceil(needed / STEPS_PER_BAR) * STEPS_PER_BAR
    if needed > steps:
        raise MidiError(
            f"{score.name} lasts {needed} sixteenths, more than steps={steps}; "
            "pass a larger steps=, or none to read whole bars, or cut the melody"
        )
    return notes_to_events(notes, steps=steps)


def _choose_part(score: Score, track: int | None) -> list[Span]:
    parts = score.parts
    listed = "; ".join(f"{i}: {p.label}, {len(p.spans)} notes" for i, p in enumerate(parts[:16]))
    if track is not None:
        if not 0 <= track < len(parts):
            raise MidiError(f"{score.name} has no track {track}; choose from {listed or 'none'}")
        return parts[track].spans
    if len(parts) > 1:
        raise MidiError(
            f"{score.name} has {len(parts)} tracks with notes, expected one melody; "
            f"choose it by track= from {listed}"
        )
    return parts[0].spans if parts else []


def _grid_notes(name: str, spans: list[Span], quantize: bool) -> list[Note]:
    """Notes of sorted spans, on the grid of sixteenths and one at a time, or a refusal."""
    for start, end, pitch in spans:
        if not 0 <= start < end <= MAX_STEPS:  # NaN fails too
            raise MidiError(
                f"{name} has a note from sixteenth {start:g} to {end:g}, expected it to end after "
                f"its start and before {MAX_STEPS}; correct or remove it"
            )
        if not MIN_PITCH <= pitch <= MAX_PITCH:
            raise MidiError(
                f"{name} has pitch {pitch} at sixteenth {start:g}, expected {MIN_PITCH}.."
                f"{MAX_PITCH} (A0..C8); transpose the melody"
            )
    notes = []
    for start, end, pitch in spans:
        step = math.floor(start + 0.5)
        notes.append(Note(step, max(step + 1, math.floor(end + 0.5)), pitch))
    compared = notes if quantize else spans
    for note, following in pairwise(compared):
        if following.start < note.end - GRID_TOLERANCE:
            raise MidiError(
                f"{name} has two voices at once: pitch {note.pitch} sounds until sixteenth "
                f"{note.end:g}, pitch {following.pitch} starts at {following.start:g}; expected "
                "one note at a time; keep one voice"
                + ("" if quantize else ", or pass quantize=True if they overlap by inaccuracy")
            )
    if not quantize:
        for span, note in zip(spans, notes, strict=True):
            if max(abs(span.start - note.start), abs(span.end - note.end)) > GRID_TOLERANCE:
                raise MidiError(
                    f"{name} is off the grid of sixteenths: pitch {span.pitch} sounds from "
                    f"sixteenth {span.start:g} to {span.end:g}; pass quantize=True to round"
                )
    return notes

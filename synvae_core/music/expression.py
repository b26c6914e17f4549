"""Expression: dynamics and articulation of notes, by simple rules of performance.

Accents of the metre, the higher the louder, an arch of loudness over each phrase, a soft last note,
and a breath between notes and phrases: four of the rules in Friberg, Bresin & Sundberg 2006,
"Overview of the KTH rule system for musical performance", at a strength that is felt more than
heard. Pitches and steps stay what they are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Note

BEATS = ((16, 7.0), (8, 4.0), (4, 1.0), (2, -2.0), (1, -5.0))  # steps that a start divides by
ARCH = 5.0  # velocity above the mean at the height of a phrase, and below at its ends
HEIGHT = 0.4  # velocity for each semitone above the middle of a phrase
MOST_HEIGHT = 5.0
LAST = -7.0  # velocity of the last note of a phrase
LONG_PHRASE = 4 * STEPS_PER_BAR  # where none ended before, one ends with a bar
GAP, BREATH = 0.012, 0.030  # seconds that a note ends early: before another, and before a phrase
LATE = 0.004  # seconds that an offbeat note starts late, at most
MOST_SHARE = 0.1  # of a note's length that may be taken from it


class Played(NamedTuple):
    """How a note is played: its velocity, and how much later its start and end are, in seconds."""

    velocity: int
    start: float
    end: float


def express(
    notes: Sequence[Note], *, velocity: int = 80, strength: float = 1.0, step_seconds: float = 0.125
) -> list[Played]:
    """Velocity and timing of each note, by the rules above; each voice has phrases of its own.

    Args:
        notes: in order of start within each voice.
        velocity: of a note in the middle of everything, 1..127.
        strength: 0 plays all alike and on the grid, 1 as intended, up to 2.
        step_seconds: length of a step.

    Returns:
        a note each: velocities 1..127; starts at most 8 ms late, ends at most 60 ms early, and a
        note keeps 4 fifths of its length or more.

    Raises:
        ValueError: if the strength is not 0..2.
    """
    if not 0 <= strength <= 2:
        raise ValueError(f"expression is a strength 0..2, got {strength}")
    played: dict[int, Played] = {}
    for voice in sorted({note.voice for note in notes}):
        own = [index for index, note in enumerate(notes) if note.voice == voice]
        for phrase in _phrases([notes[index] for index in own]):
            members = own[phrase.start : phrase.stop]
            shape = _phrase([notes[i] for i in members], strength, step_seconds, velocity)
            played |= dict(zip(members, shape, strict=True))
    return [played[index] for index in range(len(notes))]


def _phrases(notes: Sequence[Note]) -> list[range]:
    """Phrases of a voice, which end after a rest or a start-to-start of half a bar or more.

    Where there is none for `LONG_PHRASE`, a phrase ends with a bar.
    """
    firsts = [0]
    for index in range(1, len(notes)):
        before, note = notes[index - 1], notes[index]
        rest = note.start - before.end >= STEPS_PER_QUARTER
        long = note.start - before.start >= STEPS_PER_BAR // 2
        bars = note.start // STEPS_PER_BAR - notes[firsts[-1]].start // STEPS_PER_BAR
        if rest or long or bars >= LONG_PHRASE // STEPS_PER_BAR:
            firsts.append(index)
    return [range(*ends) for ends in zip(firsts, [*firsts[1:], len(notes)], strict=True)]


def _phrase(
    notes: Sequence[Note], strength: float, step_seconds: float, velocity: int
) -> list[Played]:
    starts = np.array([note.start for note in notes])
    pitches = np.array([note.pitch for note in notes])
    lengths = np.array([note.end - note.start for note in notes]) * step_seconds
    beats = np.array([next(add for steps, add in BEATS if start % steps == 0) for start in starts])
    place = (starts - starts[0]) / max(starts[-1] - starts[0], 1)
    arch = ARCH * (1 - 2 * (2 * place - 1) ** 2) if len(notes) > 2 else 0
    height = (HEIGHT * (pitches - np.median(pitches))).clip(-MOST_HEIGHT, MOST_HEIGHT)
    last = np.where(starts == starts[-1], LAST, 0) * (len(notes) > 1)  # of a chord, all its notes
    louder = strength * (beats + arch + height + last)
    late = np.where(starts % STEPS_PER_QUARTER, LATE, 0)
    early = np.where(last != 0, BREATH, GAP)
    room = MOST_SHARE * lengths
    return [
        Played(*each)
        for each in zip(
            np.round(velocity + louder).clip(1, 127).astype(int).tolist(),
            (strength * np.minimum(late, room)).tolist(),
            (-strength * np.minimum(early, room)).tolist(),
            strict=True,
        )
    ]

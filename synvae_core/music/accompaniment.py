"""Accompaniment of a melody: chords in close position and a bass, as notes.

A function of the melody alone, so that it says nothing which the melody does not; and a function of
where the melody stands, so that a file that was transposed as a whole gives itself away. Figures
follow the tonic: no two keys have the same rhythm of chords and bass. The bass keeps to one octave,
whatever the key. Chords lie below the melody's lowest note, where there is room.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Integer

from synvae_core.music.chord_rules import rule_tables
from synvae_core.music.coding import Note
from synvae_core.music.harmony import (
    NO_CHORD,
    STEPS_PER_CHORD,
    TRIAD_TONES,
    Harmoniser,
    Harmony,
    load_harmoniser,
)
from synvae_core.music.melody import ONE_VOICE
from synvae_core.places import PRETRAINED

LOWEST_BASS = 33  # A1; the bass has this octave
LOWEST_CHORD = LOWEST_BASS + 12
CEILINGS = (58, 67)  # bounds of the chords' highest note; every triad has a voicing below 58
FIFTH = 7
# (start, length, which of the chord's notes from below) within a half bar, in sixteenths.
ALL = (0, 1, 2)
CHORD_FIGURES = (
    ((0, 8, ALL),),  # held
    ((2, 2, ALL), (6, 2, ALL)),  # after the beat
    ((0, 2, (0,)), (2, 2, (1,)), (4, 2, (2,)), (6, 2, (1,))),  # broken
    ((0, 4, ALL), (4, 4, ALL)),  # on the beat
)
# (start, length, semitones above the root)
BASS_FIGURES = {
    "fiddle": (((0, 8, 0),), ((0, 4, 0), (4, 4, FIFTH)), ((0, 4, 0), (4, 2, 0), (6, 2, FIFTH))),
    "pop": (
        ((0, 6, 0), (6, 2, 0)),
        ((0, 3, 0), (3, 3, 0), (6, 2, FIFTH)),
        ((0, 2, 0), (2, 4, 0), (6, 2, 0)),
    ),
}
STYLES = tuple(BASS_FIGURES)


class Accompanied(NamedTuple):
    """Chords and bass of a melody as notes, and the harmony that they sound."""

    chords: list[Note]
    bass: list[Note]
    harmony: Harmony


@dataclass(frozen=True)
class Accompaniment:
    """Options of an accompaniment.

    Args:
        style: "fiddle", stated rules; or "pop", learnt from POP909's chords.
        chord_program, bass_program: General MIDI instruments, 0..127.
        chord_level, bass_level: velocity, as a share of the melody's.

    Raises:
        ValueError: if the style is unknown or another option out of range.
    """

    style: str = "fiddle"
    chord_program: int = 0
    bass_program: int = 32
    chord_level: float = 0.6
    bass_level: float = 0.8

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"style {self.style!r} is unknown; choose one of {', '.join(STYLES)}")
        for name in ("chord_program", "bass_program"):
            if not 0 <= getattr(self, name) <= 127:
                raise ValueError(
                    f"{name} is a General MIDI program 0..127, got {getattr(self, name)}"
                )
        for name in ("chord_level", "bass_level"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is above 0 and at most 1, got {getattr(self, name)}")


def accompany(events: Integer[np.ndarray, " t"], *, style: str = "fiddle") -> Accompanied:
    """Chords and bass under a melody of one voice (t,), to its last step; none under silence.

    Raises:
        ValueError: if an event id or the style is unknown.
    """
    harmony = harmoniser_of(style).harmonise(events)
    starts = ONE_VOICE.starts(events)
    if not starts.any():
        return Accompanied([], [], harmony)
    lowest = int(starts[starts > 0].min())
    return Accompanied(
        chord_notes(harmony, lowest=lowest, steps=len(events)),
        bass_notes(harmony, style=style, steps=len(events)),
        harmony,
    )


@cache
def harmoniser_of(style: str) -> Harmoniser:
    """Harmoniser of a style.

    Raises:
        ValueError: if there is none.
    """
    if style not in STYLES:
        raise ValueError(f"style {style!r} is unknown; choose one of {', '.join(STYLES)}")
    if style == "pop":
        return load_harmoniser(PRETRAINED / "harmoniser_pop909")
    return Harmoniser(rule_tables(), weight=3.0, onset_weight=3.0)


def chord_notes(harmony: Harmony, *, lowest: int, steps: int) -> list[Note]:
    """Chords of a harmony, in the figure of its tonic, below a melody's lowest pitch.

    Raises:
        ValueError: if a chord is missing.
    """
    ceiling = int(np.clip(lowest - 1, *CEILINGS))
    figure = CHORD_FIGURES[harmony.tonic % len(CHORD_FIGURES)]
    voicings = voice(harmony.chords, ceiling=ceiling).tolist()
    return [
        Note(start, min(start + length, steps), voicing[member])
        for first, voicing in zip(range(0, steps, STEPS_PER_CHORD), voicings, strict=True)
        for start, length, members in ((first + at, length, of) for at, length, of in figure)
        for member in members
        if start < steps
    ]


def bass_notes(harmony: Harmony, *, style: str, steps: int) -> list[Note]:
    """Bass of a harmony, in the figure of its tonic and style: roots and fifths in one octave."""
    figure = BASS_FIGURES[style][harmony.tonic % len(BASS_FIGURES[style])]
    return [
        Note(
            first + at,
            min(first + at + length, steps),
            LOWEST_BASS + (chord + above - LOWEST_BASS) % 12,
        )
        for first, chord in zip(
            range(0, steps, STEPS_PER_CHORD), harmony.chords.tolist(), strict=True
        )
        for at, length, above in figure
        if first + at < steps
    ]


def voice(chords: Int[np.ndarray, " n"], *, ceiling: int = CEILINGS[1]) -> Int[np.ndarray, "n 3"]:
    """Close voicings of triads, up to a highest note, whose voices move as little as possible.

    The sum of all movements is the least there is, and of the sequences that have it, the
    one that keeps nearest to the ceiling is taken.

    Raises:
        ValueError: if there is no chord somewhere, or the ceiling is below `CEILINGS`.
    """
    if (chords == NO_CHORD).any() or ceiling < CEILINGS[0]:
        raise ValueError(f"expected triads, and a ceiling from {CEILINGS[0]}, got {ceiling}")
    options = [_close_voicings(int(chord), ceiling) for chord in chords]
    # integers: a thousand times the movement, then the distance from the ceiling
    costs = [np.array([ceiling - voicing[-1] for voicing in several]) for several in options]
    score, best_before = costs[0], []
    for (before, here), cost in zip(pairwise(options), costs[1:], strict=True):
        moved = np.abs(np.array(before)[:, None] - np.array(here)).sum(2)
        reached = score[:, None] + 1000 * moved
        best_before.append(reached.argmin(0))
        score = reached.min(0) + cost
    path = [int(score.argmin())]
    for before in reversed(best_before):
        path.append(int(before[path[-1]]))
    return np.array([several[at] for several, at in zip(options, reversed(path), strict=True)])


@cache
def _close_voicings(chord: int, ceiling: int) -> list[tuple[int, int, int]]:
    """Inversions within an octave, of notes from `LOWEST_CHORD` to the ceiling."""
    pitches = [p for p in range(LOWEST_CHORD, ceiling + 1) if TRIAD_TONES[chord, p % 12]]
    return list(zip(pitches, pitches[1:], pitches[2:], strict=False))

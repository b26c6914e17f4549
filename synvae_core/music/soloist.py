"""The melody of a score that may have an accompaniment: found by proof, not by its name.

The accompaniment is a function of the melody. So whatever a program did to the file (merged its
tracks or channels, renamed or reordered them, transposed all of it), notes are the melody if the
rest is what `accompany` writes for them. As the accompaniment's figures tell its key, and its bass
the octave, one transposition alone can fit, and it is undone. What fits nothing is read as any
other score, or refused.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from synvae_core.music.accompaniment import (
    LOWEST_BASS,
    STYLES,
    bass_notes,
    chord_notes,
    harmoniser_of,
)
from synvae_core.music.coding import MAX_PITCH, MIN_PITCH, STEPS_PER_BAR, Note
from synvae_core.music.harmony import STEPS_PER_CHORD, Harmony, transpose_triads
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.score import MidiError, Part, Reading, Score, score_to_events

MOST_STEPS = 64 * STEPS_PER_BAR  # a longer piece is none of ours
MOST_PARTS = 16  # channels that a file of ours may have become
START, END, PITCH = range(3)


class Solo(NamedTuple):
    """Rows of a score's notes that are its melody, and by how much the piece was transposed."""

    rows: Bool[np.ndarray, " n"]
    semitones: int


def melody_of(score: Score, reading: Reading) -> Integer[np.ndarray, " t"]:
    """Event ids of the one melody in a score, its accompaniment left out.

    Raises:
        MidiError: if it is neither a melody that `reading` allows nor one with its accompaniment.
    """
    chosen = reading.track is not None or reading.top_line or reading.coding is not ONE_VOICE
    single = len(score.parts) == 1 and _is_line(score.parts[0].spans)
    if chosen or single or not 0 < len(score.parts) <= MOST_PARTS:
        return score_to_events(score, reading)
    spans = np.concatenate([part.spans for part in score.parts])
    part = np.repeat(np.arange(len(score.parts)), [len(part.spans) for part in score.parts])
    found = {(solo.rows.tobytes(), solo.semitones): solo for solo in _solos(spans, part)}
    named = part == next((i for i, each in enumerate(score.parts) if each.name == "melody"), -1)
    if (as_named := (named.tobytes(), 0)) in found:  # of very short ones, chords may pass for it
        found = {as_named: found[as_named]}
    if len(found) > 1:
        raise MidiError(
            f"{score.name} can be read as {len(found)} melodies, each with its accompaniment; "
            "export it again with a track for each instrument, in the key that it was made in"
        )
    for rows, semitones in found.values():
        steps = int(np.floor(spans[:, END].max() + 0.5))
        alone = Part("melody", "the melody", spans[rows] - [0, 0, semitones])
        whole = reading.steps is None and reading.bar is None
        return score_to_events(
            score._replace(parts=[alone], end=float(steps)),
            replace(reading, steps=steps) if whole else reading,
        )
    _refuse_edited(score)
    return score_to_events(score, reading)


def _refuse_edited(score: Score) -> None:
    names = {part.name for part in score.parts}
    if len(score.parts) > 1 and "melody" in names and names & {"chords", "bass"}:
        raise MidiError(
            f"{score.name} has chords and bass that are not those of its melody: a part was edited,"
            " left out or transposed by itself; pass track='melody' to read the melody as it stands"
        )


def _is_line(spans: Float[np.ndarray, "n 3"]) -> bool:
    """Whether no two notes sound at once, on the grid."""
    notes = _rounded(spans)
    notes = notes[np.argsort(notes[:, START], kind="stable")]
    return bool((notes[1:, START] >= notes[:-1, END]).all())


def _rounded(spans: Float[np.ndarray, "n 3"]) -> Int[np.ndarray, "n 3"]:
    """Notes on the nearest sixteenths, each with at least one."""
    notes = np.floor(np.nan_to_num(spans, posinf=0, neginf=0) + 0.5).astype(np.int64)
    notes[:, END] = np.maximum(notes[:, END], notes[:, START] + 1)
    return notes


def _solos(spans: Float[np.ndarray, "n 3"], part: Int[np.ndarray, " n"]) -> Iterator[Solo]:
    """All melodies of which the other notes are the accompaniment."""
    if not (np.isfinite(spans).all() and spans.min() >= 0 and spans[:, END].max() <= MOST_STEPS):
        return
    notes = _rounded(spans)
    for rows in _lines(notes, part):
        if not _is_even(notes[~rows]):
            continue
        rest = Counter(map(tuple, notes[~rows].tolist()))
        for style in STYLES:
            for semitones in _transpositions(notes[rows], rest, int(notes[:, END].max()), style):
                yield Solo(rows, semitones)


def _lines(notes: Int[np.ndarray, "n 3"], part: np.ndarray) -> Iterator[Bool[np.ndarray, " n"]]:
    """Notes that may be a melody: a part by itself, or all from a pitch upwards."""
    for number in np.unique(part):
        if _is_line(notes[rows := part == number].astype(float)) and not rows.all():
            yield rows
    for pitch in np.unique(notes[:, PITCH])[:0:-1]:
        rows = notes[:, PITCH] >= pitch
        if not _is_line(notes[rows].astype(float)):
            return
        yield rows


def _is_even(notes: Int[np.ndarray, "n 3"]) -> bool:
    """Whether all half bars but the last have equally many notes, as an accompaniment's have.

    Decides at once on most of what is none.
    """
    counts = np.bincount(notes[:, START] // STEPS_PER_CHORD)
    return bool((counts[:-1] == counts[0]).all())


def _transpositions(
    line: Int[np.ndarray, "m 3"], rest: Counter, steps: int, style: str
) -> Iterator[int]:
    """Semitones by which a line and all of its accompaniment, the rest, are too high."""
    lowest_bass = min(pitch for _, _, pitch in rest)
    harmony, known = None, 0
    for semitones in range(lowest_bass - LOWEST_BASS - 11, lowest_bass - LOWEST_BASS + 1):
        pitches = line[:, PITCH] - semitones
        if pitches.min() < MIN_PITCH or pitches.max() > MAX_PITCH:
            continue
        if harmony is None:
            notes = (Note(*row) for row in (line - [0, 0, semitones]).tolist())
            harmony = harmoniser_of(style).harmonise(ONE_VOICE.events(notes, steps=steps))
            known = semitones
        moved = _transposed(harmony, known - semitones)
        bass = _heights(bass_notes(moved, style=style, steps=steps), semitones)
        if bass <= rest:
            lowest = int(pitches.min())
            if bass + _heights(chord_notes(moved, lowest=lowest, steps=steps), semitones) == rest:
                yield semitones


def _transposed(harmony: Harmony, semitones: int) -> Harmony:
    chords = transpose_triads(harmony.chords, semitones)
    return Harmony(chords, (harmony.tonic + semitones) % 12, harmony.mode)


def _heights(notes: list[Note], semitones: int) -> Counter:
    return Counter((start, end, pitch + semitones) for start, end, pitch, _ in notes)

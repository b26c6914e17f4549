"""Piano rolls as small images, without matplotlib, which is 25 MB and half a second of a page."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Integer, UInt8

from synvae_core.music.coding import (
    MAX_PITCH,
    MIN_PITCH,
    STEPS_PER_BAR,
    STEPS_PER_QUARTER,
    Coding,
    Note,
)
from synvae_core.music.melody import ONE_VOICE
from synvae_workbench.plots.palette import BAR_LINE, FAINT, PAPER, pitch_colour, rgb

MIN_SPAN = 24  # least range of pitches in semitones, so that a trill does not look like a leap
ROWS = 18  # largest number of rows: a note is at least one of so many high


def piano_roll_image(
    events: Integer[np.ndarray, " t"],
    *,
    step_pixels: int = 6,
    height: int = 96,
    coding: Coding = ONE_VOICE,
) -> UInt8[np.ndarray, "height width 3"]:
    """Piano roll of one melody as an RGB image, with lines on beats and darker ones on bars.

    Args:
        events: event ids of the coding.
        step_pixels: width of a sixteenth.
        height: of the picture; a semitone takes as many whole pixels as fit.

    Raises:
        ValueError: if an event id is unknown, or if the height cannot hold the pitches.
    """
    notes, steps = coding.notes(events), len(events) // coding.voices
    low, high = pitch_range([notes])
    row = height // (high - low + 1)
    if not row or step_pixels < 2:
        raise ValueError(
            f"a roll of {high - low + 1} semitones needs that many pixels of height and steps of "
            f"2 pixels: got {height} and {step_pixels}"
        )
    image = np.full((height, steps * step_pixels + 1, 3), _bytes(rgb(PAPER)), np.uint8)
    image[:, :: STEPS_PER_QUARTER * step_pixels] = _bytes(rgb(FAINT))
    image[:, :: STEPS_PER_BAR * step_pixels] = _bytes(rgb(BAR_LINE))
    bottom = height - (height - row * (high - low + 1)) // 2
    thick = max(row, height // ROWS)
    for note in notes:
        top = max(0, bottom - (note.pitch - low) * row - (row + thick) // 2)
        left, right = note.start * step_pixels + 1, note.end * step_pixels
        image[top : top + thick, left:right] = _bytes(note_colour(note, low, high))
    return image


def pitch_range(melodies: Sequence[Sequence[Note]]) -> tuple[int, int]:
    """Range of pitches to show: all that are played, and at least two octaves."""
    pitches = [note.pitch for notes in melodies for note in notes] or [60]
    low, high = min(pitches), max(pitches)
    lack = max(0, MIN_SPAN - (high - low))
    low = min(max(MIN_PITCH, low - lack // 2), MAX_PITCH - MIN_SPAN)
    return low, max(high, low + MIN_SPAN)


def note_colour(note: Note, low: int, high: int) -> Float[np.ndarray, "3"]:
    """Red, green and blue, 0..1, of a note by its place in a range of pitches."""
    return pitch_colour((note.pitch - low) / (high - low))


def _bytes(colour: Float[np.ndarray, "3"]) -> UInt8[np.ndarray, "3"]:
    return np.round(colour * 255).astype(np.uint8)

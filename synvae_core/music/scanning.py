"""Sonification of pictures by a rule, without a model: columns to time, height to pitch.

Meijer 1992, "An Experimental System for Auditory Image Representations", IEEE Transactions on
Biomedical Engineering 39(2) ("The vOICe"), scans a picture once from left to right, and lets each
pixel of a column sound at once, the higher the pixel the higher the tone, the brighter the louder.
Melodies here have one voice and one loudness, so that what is heard of a column is the height of
its ink alone, and neither how much there is of it nor whether it lies in several places.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from synvae_core.music.coding import Coding
from synvae_core.music.melody import ONE_VOICE

# Minor pentatonic over three octaves, A2 to A5: whatever follows what, nothing clashes.
PENTATONIC = tuple(45 + 12 * octave + step for octave in range(3) for step in (0, 3, 5, 7, 10))
PENTATONIC += (81,)
PAPER = 25  # brightness, 0 to 255, up to which a pixel is no ink: edges and noise are silent


def scan(
    images: UInt8[np.ndarray, "n c h w"],
    *,
    steps: int = 32,
    scale: Sequence[int] = PENTATONIC,
    coding: Coding = ONE_VOICE,
) -> Int[np.ndarray, "n {steps}"]:
    """Melodies of pictures, scanned once from left to right: the height of the ink is the pitch.

    Each step sounds what lies in its share of the width. Ink is what is brighter than `PAPER`,
    by the mean of the channels. Its centre, weighted by brightness, falls into one of as many equal
    bands of the height as the scale has pitches. Without ink there is silence; a note is held while
    its pitch stays. A mirrored picture sounds backwards, exactly.

    Args:
        scale: MIDI pitches from the bottom of the picture to its top.

    Raises:
        ValueError: if there is no step, or no pitch, or one that the coding has not.
    """
    if steps < 1 or not len(scale):
        raise ValueError(f"expected a step and a pitch or more, got {steps} and {len(scale)}")
    height = images.shape[2]
    brightness = images.sum(1, dtype=np.int64)
    ink = np.where(brightness > PAPER * images.shape[1], brightness, 0)
    # integers throughout: rounding would tell a picture from its mirror image
    ink = ink @ _shares(images.shape[3], steps)
    doubled_heights = 2 * np.arange(height)[::-1] + 1  # of the pixels' centres, in half pixels
    amount, moment = ink.sum(1), doubled_heights @ ink
    band = moment * len(scale) // np.maximum(2 * height * amount, 1)
    return _held(np.where(amount > 0, np.asarray(scale)[band], 0), coding)


def _shares(width: int, steps: int) -> Int[np.ndarray, "width steps"]:
    """Overlap of each column with each step, in units of which the picture has width * steps."""
    column, step = np.arange(width)[:, None] * steps, np.arange(steps) * width
    shared = np.minimum(column + steps, step + width) - np.maximum(column, step)
    return np.maximum(shared, 0)


def _held(pitches: Int[np.ndarray, "n t"], coding: Coding) -> Int[np.ndarray, "n t"]:
    """Events of melodies that sound these pitches, 0 for silence; each run of one pitch a note."""
    n, steps = pitches.shape
    changes = np.ones_like(pitches, dtype=bool)
    changes[:, 1:] = pitches[:, 1:] != pitches[:, :-1]
    melody, start = np.nonzero(changes)
    length = np.diff(melody * steps + start, append=n * steps)
    pitch = pitches[melody, start]
    notes = np.stack([melody, start, start + length, pitch, np.zeros_like(pitch)], 1)
    return coding.write(notes[pitch > 0], melodies=n, steps=steps)

"""Blurred piano rolls: notes that nearly coincide nearly cancel in the difference of two rolls.

A roll has two layers, of sounding notes and of onsets, with a column for each sixteenth and a row
for each semitone. All that the rolls of one voice tell is a byte a sixteenth.
"""

import math
from functools import cache

import numpy as np
from jaxtyping import Float, Float32, Float64, Integer, UInt8

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH, Coding
from synvae_core.music.melody import ONE_VOICE

BLUR = 1.0  # standard deviation, in sixteenths and in semitones
MARGIN = 4  # semitones beyond the lowest and the highest pitch, which blurred notes reach
PITCHES = MAX_PITCH - MIN_PITCH + 1 + 2 * MARGIN  # rows of a roll
# Codes: 0 for silence, then for each pitch one where it sounds on and one where it starts.
CODES = 1 + 2 * (MAX_PITCH - MIN_PITCH + 1)


def roll_codes(
    events: Integer[np.ndarray, "n t"], coding: Coding = ONE_VOICE
) -> UInt8[np.ndarray, "n t"]:
    """Codes of the sixteenths of melodies, all that their piano rolls tell.

    Raises:
        ValueError: unless the coding is of one voice.
    """
    if coding.voices != 1:
        raise ValueError(f"a code has room for one voice: {coding.name} has {coding.voices}")
    pitches = coding.pitch(coding.after(coding.before(events), events))
    starts = coding.starts(events) > 0
    return np.where(pitches > 0, 1 + 2 * (pitches - MIN_PITCH) + starts, 0).astype(np.uint8)


def rolls_of(codes: UInt8[np.ndarray, "n t"]) -> Float32[np.ndarray, "n _"]:
    """Blurred piano rolls of coded melodies, as rows."""
    return blurred(sharp_rolls(codes)).reshape(len(codes), -1)


def sharp_rolls(codes: UInt8[np.ndarray, "n t"]) -> Float32[np.ndarray, "n 2 t p"]:
    """Piano rolls of coded melodies before they are blurred: 0 and 1."""
    n, steps = codes.shape
    rolls = np.zeros((n, 2, steps, PITCHES), np.float32)
    rows, columns = np.nonzero(codes)
    found = codes[rows, columns].astype(np.int64) - 1
    rolls[rows, 0, columns, found // 2 + MARGIN] = 1
    rolls[rows, 1, columns, found // 2 + MARGIN] = found % 2
    return rolls


def blurred(rolls: Float32[np.ndarray, "n 2 t p"]) -> Float32[np.ndarray, "n 2 t p"]:
    """Piano rolls, blurred in time and in pitch."""
    return blur(blur(rolls, axis=2), axis=3)


def blur(rolls: Float[np.ndarray, "..."], *, axis: int) -> Float[np.ndarray, "..."]:
    """Convolution of an axis of piano rolls with the Gaussian of `BLUR`, silence around them."""
    size = rolls.shape[axis]
    gaussian = _gaussian(size).astype(rolls.dtype)
    if axis in (-1, rolls.ndim - 1):  # one product for all
        found = rolls.reshape(-1, size) @ gaussian
    else:
        found = gaussian @ rolls.reshape(math.prod(rolls.shape[:axis]), size, -1)
    return found.reshape(rolls.shape)


@cache
def _gaussian(size: int) -> Float64[np.ndarray, "n n"]:
    """Matrix of the convolution. SciPy's filter would do, and is 20 MB of each live page's memory.

    As there, the Gaussian ends at four deviations, and its sum is 1.
    """
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    reach = int(4 * BLUR + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / BLUR) ** 2)
    kernel = np.exp(-0.5 * (apart / BLUR) ** 2) / weights.sum()
    return np.where(apart <= reach, kernel, 0.0)

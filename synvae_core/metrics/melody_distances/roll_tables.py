"""Distances of blurred piano rolls by tables, from one byte a sixteenth: exact, and without a roll.

A roll has few notes and its blur B is linear and symmetric, so that of rolls a and b

    |Ba - Bb|^2 = |Ba|^2 + |Bb|^2 - 2 a . BBb

and the last term is a sum of as many entries of the table BBb as a has sixteenths: asymmetric
distances, as Jégou, Douze & Schmid 2011, "Product Quantization for Nearest Neighbor Search", IEEE
TPAMI 33(1), look them up, with codes that lose nothing. A million melodies are 32 MB, and what
`blurred_rolls` would make of them 25 GB.
"""

import numpy as np
from jaxtyping import Float, Float32, UInt8

from synvae_core.music.coding import MAX_PITCH, MIN_PITCH
from synvae_core.music.rolls import CODES, MARGIN, PITCHES, blur, blurred, sharp_rolls

AT_ONCE = 8192  # melodies; bounds the memory
_KEYS = slice(MARGIN, PITCHES - MARGIN)  # of the pitches of a roll


def roll_norms(codes: UInt8[np.ndarray, "n t"]) -> Float32[np.ndarray, " n"]:
    """Squared Euclidean norms of the blurred rolls of melodies, by `music.rolls.roll_codes`."""
    steps = codes.shape[1]
    times, pitches = (blur(blur(np.eye(size), axis=0), axis=0) for size in (steps, PITCHES))
    apart = pitches[PITCHES // 2, PITCHES // 2 :]  # by how many semitones two notes differ
    kernel = np.pad(apart, (0, MAX_PITCH - MIN_PITCH + 1 - len(apart)))
    reach = int(np.abs(np.subtract(*np.nonzero(times))).max(initial=0))
    norms = np.empty(len(codes), np.float32)
    for start in range(0, len(codes), AT_ONCE):
        part = codes[start : start + AT_ONCE].astype(np.int16)
        sounds, keys = part > 0, np.maximum(part - 1, 0) // 2
        onsets = sounds & (part % 2 == 0)
        total = np.zeros(len(part))
        for later in range(min(reach + 1, steps)):
            one, other = slice(None, steps - later), slice(later, None)
            near = kernel[np.abs(keys[:, one] - keys[:, other])] * np.diagonal(times, later)
            both = sum((each[:, one] & each[:, other]).astype(np.int8) for each in (sounds, onsets))
            total += (near * both).sum(1) * (1 if later == 0 else 2)
        norms[start : start + AT_ONCE] = total
    return norms


def roll_products(codes: UInt8[np.ndarray, "n t"]) -> Float32[np.ndarray, "n t codes"]:
    """Inner product of each melody's blurred roll with that of each code at each step."""
    return _by_code(blurred(blurred(sharp_rolls(codes))))


def projection_table(
    components: Float[np.ndarray, "d _"], steps: int
) -> Float32[np.ndarray, "t codes d"]:
    """Coordinates of each code at each step along vectors in the space of `blurred_rolls`."""
    rolls = components.astype(np.float32).reshape(len(components), 2, steps, PITCHES)
    return np.ascontiguousarray(np.moveaxis(_by_code(blurred(rolls)), 0, -1))


def table_sums(
    table: Float32[np.ndarray, "t codes ..."], codes: UInt8[np.ndarray, "n t"]
) -> Float32[np.ndarray, "n ..."]:
    """Sum of the table's entries for the steps of each melody."""
    total = np.empty((len(codes), *table.shape[2:]), np.float32)
    for start in range(0, len(codes), AT_ONCE):
        part = np.ascontiguousarray(codes[start : start + AT_ONCE].T)
        place = total[start : start + AT_ONCE]
        place[...] = table[0].take(part[0], 0)
        for step in range(1, len(table)):
            place += table[step].take(part[step], 0)
    return total


def squared_distances(
    query: UInt8[np.ndarray, " t"],
    codes: UInt8[np.ndarray, "n t"],
    norms: Float32[np.ndarray, " n"],
) -> Float32[np.ndarray, " n"]:
    """Squared distance of a melody's blurred roll to those of others, whose norms are known."""
    [own], [table] = roll_norms(query[None]), roll_products(query[None])
    return np.maximum(own + norms - 2 * table_sums(table, codes), 0)


def _by_code(rolls: Float32[np.ndarray, "n 2 t p"]) -> Float32[np.ndarray, "n t codes"]:
    """Sums of a roll's cells that each code has: of its sounding notes and of its onsets."""
    table = np.zeros((len(rolls), rolls.shape[2], CODES), np.float32)
    sounding, onsets = rolls[:, 0, :, _KEYS], rolls[:, 1, :, _KEYS]
    table[..., 1::2], table[..., 2::2] = sounding, sounding + onsets
    return table

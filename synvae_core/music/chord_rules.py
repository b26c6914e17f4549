"""Stated rules for the chords of fiddle tunes, as the tables of a harmoniser.

A tune is in one of four modes, most often in major, each with the triads that players take under
it. A chord likes its own tones; the tonic's tone and its fifth, over whatever chord, speak for the
key. A change of chord costs something at a bar line and more within a bar; dominants go to the
tonic. A phrase of four bars ends on the tonic or a dominant, the piece on the tonic. Scores are log
odds, set by hand; the weights, the key's tones and what the modes cost were chosen on 626 tunes by
the keys that their transcribers wrote (field K:).
"""

from typing import NamedTuple

import numpy as np

from synvae_core.music.harmony import (
    BAR,
    PHRASE_END,
    PIECE_END,
    PLACES,
    TRIAD_TONES,
    TRIADS,
    WITHIN,
    ChordTables,
)

# Degrees as they are written: triads relative to the tonic.
I, ii, IV, V, v, vi = 0, 12 + 2, 5, 7, 12 + 7, 12 + 9  # noqa: E741
i, iv, III, VI, VII = 12, 12 + 5, 3, 8, 10
TONICS, DOMINANTS = (I, i), (V, v, VII)


class Mode(NamedTuple):
    """Scale of a mode, what the mode costs, and its chords with what each costs at every change."""

    scale: tuple[int, ...]
    score: float
    chords: dict[int, float]


MODES = {
    "major": Mode((0, 2, 4, 5, 7, 9, 11), 0, {I: 0, V: 0, IV: -0.2, ii: -0.5, vi: -0.5}),
    "mixolydian": Mode((0, 2, 4, 5, 7, 9, 10), -2, {I: 0, VII: 0, IV: -0.3, v: -0.6}),
    "dorian": Mode((0, 2, 3, 5, 7, 9, 10), -4, {i: 0, VII: 0, IV: -0.4, III: -0.4, v: -0.5}),
    "minor": Mode(
        (0, 2, 3, 5, 7, 8, 10, 11),
        -4,
        {i: 0, V: 0, VII: -0.2, iv: -0.3, VI: -0.4, III: -0.4},
    ),
}
FORBIDDEN = -20.0
IN_SCALE, OUTSIDE = -1.0, -2.0  # of a tone that is not the chord's
KEY_TONES = {0: 0.3, 7: 0.1}
CHANGE_AT_BAR, CHANGE_WITHIN = -0.4, -1.0
RESOLUTION = 0.4  # of a dominant into a tonic
CADENCE, HALF_CADENCE, LAST_TONIC = 0.8, 0.3, 3.0


def rule_tables() -> ChordTables:
    """Log scores of the rules; modes in the order of `MODES`."""
    return ChordTables(*map(np.stack, zip(*map(_mode_tables, MODES.values()), strict=True)))


def _mode_tables(mode: Mode) -> tuple[np.ndarray, ...]:
    in_scale = np.isin(np.arange(12), mode.scale)
    emission = np.where(TRIAD_TONES, 0.0, np.where(in_scale, IN_SCALE, OUTSIDE))
    emission[:, list(KEY_TONES)] += list(KEY_TONES.values())
    cost = np.full(TRIADS, FORBIDDEN)
    cost[list(mode.chords)] = list(mode.chords.values())
    tonics, dominants = (np.isin(np.arange(TRIADS), degrees) for degrees in (TONICS, DOMINANTS))
    progress = cost + RESOLUTION * np.outer(dominants, tonics)
    within = progress + CHANGE_WITHIN * (1 - np.eye(TRIADS))
    transition = np.empty((PLACES, TRIADS, TRIADS))
    transition[BAR] = progress + CHANGE_AT_BAR * (1 - np.eye(TRIADS))
    transition[WITHIN] = within
    transition[PHRASE_END] = within + CADENCE * tonics + HALF_CADENCE * dominants
    transition[PIECE_END] = within + LAST_TONIC * tonics
    return emission, transition, cost + mode.score

"""Attributes of melodies for attribute vectors: density, pitch, intervals, syncopation, key, shape.

The attributes of Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term
Structure in Music", arXiv 1803.05428, section 5.3, and the mean pitch. Syncopation is defined
there as here: a note that starts off the sixteenth's or the eighth's pulse, where nothing started
on the pulse just before it. The shape is where the notes are, and where they are high: a part of
the melody compared with the rest.

Each takes event ids (n, t) and returns (n,); intervals and syncopation are those within a voice.
What is not there counts 0: everything about silence, the mean interval of a single note, and how
much higher the notes of one part are where one of the two has none.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Coding
from synvae_core.music.melody import ONE_VOICE

C_MAJOR = (0, 2, 4, 5, 7, 9, 11)


def note_density(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Note onsets per step (sixteenth) and voice, 0 to 1."""
    starts = _starts(events, coding)
    return _mean(starts > 0, np.ones_like(starts))


def mean_pitch(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Mean MIDI pitch of the notes, whatever their length."""
    starts = _starts(events, coding)
    return _mean(starts, starts > 0)


def mean_interval(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Mean distance in semitones from each note to the next."""
    starts = _starts(events, coding)
    onsets = starts > 0
    step = np.where(onsets, np.arange(starts.shape[-1]), 0)
    before = np.zeros_like(step)  # where the latest note before each step starts
    before[..., 1:] = np.maximum.accumulate(step, axis=-1)[..., :-1]
    leaps = onsets & (np.cumsum(onsets, axis=-1) > 1)
    return _mean(np.abs(starts - np.take_along_axis(starts, before, axis=-1)), leaps)


def sixteenth_syncopation(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Share of the notes that start between two eighths, with no onset on the sixteenth before."""
    onsets = _starts(events, coding) > 0
    return _mean(onsets & _off_pulse(onsets, 1) & ~_delayed(onsets, 1), onsets)


def eighth_syncopation(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Share of the notes that start on an eighth between two beats, with no onset since the beat.

    Neither on the beat nor on the sixteenth after it.
    """
    onsets = _starts(events, coding) > 0
    silent = ~_delayed(onsets, 1) & ~_delayed(onsets, 2)
    return _mean(onsets & _off_pulse(onsets, STEPS_PER_QUARTER // 2) & silent, onsets)


def c_diatonic(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Share of the notes in the scale of C major."""
    starts = _starts(events, coding)
    return _mean(np.isin(starts % 12, C_MAJOR), starts > 0)


def pitch_rise(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Mean pitch of the second half's notes less that of the first half's, in semitones."""
    starts = _starts(events, coding)
    return _pitch_contrast(starts, 2 * _steps(starts) >= starts.shape[-1])


def pitch_arch(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Mean pitch of the notes of the middle half less that of all others, in semitones."""
    starts = _starts(events, coding)
    step, steps = 4 * _steps(starts), starts.shape[-1]
    return _pitch_contrast(starts, (steps <= step) & (step < 3 * steps))


def last_pitch(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Pitch of the last note, of several at once their mean, less the mean pitch, in semitones."""
    starts = _starts(events, coding)
    last = np.where(starts > 0, _steps(starts), -1).max((1, 2), keepdims=True)
    return _mean(starts, _steps(starts) == last) - _mean(starts, starts > 0)


def onset_rise(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Onsets of the second half less those of the first, in notes per voice."""
    starts = _starts(events, coding)
    return _onset_contrast(starts, 2 * _steps(starts) >= starts.shape[-1])


def bar_end_onsets(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " n"]:
    """Onsets of the second halves of all bars less those of the first, in notes per voice."""
    starts = _starts(events, coding)
    return _onset_contrast(starts, 2 * (_steps(starts) % STEPS_PER_BAR) >= STEPS_PER_BAR)


ATTRIBUTES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "note_density": note_density,
    "mean_pitch": mean_pitch,
    "mean_interval": mean_interval,
    "sixteenth_syncopation": sixteenth_syncopation,
    "eighth_syncopation": eighth_syncopation,
    "c_diatonic": c_diatonic,
}


def _starts(events: np.ndarray, coding: Coding) -> np.ndarray:
    """MIDI pitches of the notes where they start, 0 elsewhere: (n, voices, steps)."""
    return coding.by_voice(coding.starts(events))


def _steps(starts: np.ndarray) -> np.ndarray:
    return np.arange(starts.shape[-1])


def _pitch_contrast(starts: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Mean pitch of the notes that start in a part, a mask of steps, less that of all others."""
    within, without = (starts > 0) & part, (starts > 0) & ~part
    both = within.any((1, 2)) & without.any((1, 2))
    return np.where(both, _mean(starts, within) - _mean(starts, without), 0.0)


def _onset_contrast(starts: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Notes per voice that start in a part, a mask of steps, less all others."""
    return np.where(part, 1.0, -1.0).dot(np.moveaxis((starts > 0).mean(1), -1, 0))


def _off_pulse(onsets: np.ndarray, steps: int) -> np.ndarray:
    """Mask of the steps halfway between two pulses that are `2 * steps` apart."""
    return np.arange(onsets.shape[-1]) % (2 * steps) == steps


def _delayed(onsets: np.ndarray, steps: int) -> np.ndarray:
    """Mask of the steps that are `steps` after an onset."""
    before = np.zeros_like(onsets)
    before[..., steps:] = onsets[..., :-steps]
    return before


def _mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of each melody's values where the mask is set, 0 where it is nowhere set."""
    return (values * mask).sum((1, 2)) / np.maximum(mask.sum((1, 2)), 1)

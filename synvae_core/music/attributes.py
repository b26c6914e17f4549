"""What a listener could ask a melody for more or less of, one number per melody.

The attributes of Roberts et al. 2018, "A Hierarchical Latent Vector Model for Learning Long-Term
Structure in Music", arXiv 1803.05428, section 5.3, and the mean pitch. Syncopation is defined
there as here: a note that starts off the sixteenth's or the eighth's pulse, where nothing started
on the pulse just before it.

Each takes event ids (n, t) and returns (n,). What is not there counts 0: everything about silence,
the mean interval of a single note.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer

from synvae_core.music.melody import FIRST_NOTE, MIN_PITCH, STEPS_PER_QUARTER, check_events

C_MAJOR = (0, 2, 4, 5, 7, 9, 11)


def note_density(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, "n"]:
    """Note onsets per step (sixteenth), 0 to 1."""
    return _onsets(events).mean(1)


def mean_pitch(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, "n"]:
    """Mean MIDI pitch of the notes, whatever their length."""
    return _mean(events + (MIN_PITCH - FIRST_NOTE), _onsets(events))


def mean_interval(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, "n"]:
    """Mean distance in semitones from each note to the next."""
    onsets = _onsets(events)
    step = np.where(onsets, np.arange(events.shape[1]), 0)
    before = np.zeros_like(step)  # where the latest note before each step starts
    before[:, 1:] = np.maximum.accumulate(step, axis=1)[:, :-1]
    events = events.astype(np.int64)
    leaps = onsets & (np.cumsum(onsets, axis=1) > 1)
    return _mean(np.abs(events - np.take_along_axis(events, before, axis=1)), leaps)


def sixteenth_syncopation(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, "n"]:
    """Share of the notes that start between two eighths, with no onset on the sixteenth before."""
    onsets = _onsets(events)
    return _mean(onsets & _off_pulse(events, 1) & ~_delayed(onsets, 1), onsets)


def eighth_syncopation(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, "n"]:
    """Share of the notes that start on an eighth between two beats, with no onset since the beat.

    Neither on the beat nor on the sixteenth after it.
    """
    onsets = _onsets(events)
    silent = ~_delayed(onsets, 1) & ~_delayed(onsets, 2)
    return _mean(onsets & _off_pulse(events, STEPS_PER_QUARTER // 2) & silent, onsets)


def c_diatonic(events: Integer[np.ndarray, "n t"]) -> Float[np.ndarray, "n"]:
    """Share of the notes in the scale of C major."""
    return _mean(np.isin((events + (MIN_PITCH - FIRST_NOTE)) % 12, C_MAJOR), _onsets(events))


ATTRIBUTES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "note_density": note_density,
    "mean_pitch": mean_pitch,
    "mean_interval": mean_interval,
    "sixteenth_syncopation": sixteenth_syncopation,
    "eighth_syncopation": eighth_syncopation,
    "c_diatonic": c_diatonic,
}


def _onsets(events: np.ndarray) -> np.ndarray:
    return check_events(events) >= FIRST_NOTE


def _off_pulse(events: np.ndarray, steps: int) -> np.ndarray:
    """Whether each step (t,) lies halfway between two pulses that are `2 * steps` apart."""
    return np.arange(events.shape[1]) % (2 * steps) == steps


def _delayed(onsets: np.ndarray, steps: int) -> np.ndarray:
    """Whether a note starts `steps` before each step."""
    before = np.zeros_like(onsets)
    before[:, steps:] = onsets[:, :-steps]
    return before


def _mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of each row's values where the mask is set, 0 where it is nowhere set."""
    return (values * mask).sum(1) / np.maximum(mask.sum(1), 1)

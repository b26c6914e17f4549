"""Features of melodies, statistics of sets of melodies, and accuracy of reconstructions.

All measures are of the canonical form: a note-off in silence is a hold. A step is a sixteenth,
a beat a quarter, an interval the distance between one note's pitch and the next one's in its voice.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer

from synvae_core.music.coding import STEPS_PER_BAR, STEPS_PER_QUARTER, Coding
from synvae_core.music.keys import DEGREES, KEY_PROFILE
from synvae_core.music.melody import ONE_VOICE
from synvae_core.types import HIGHER, Measure

STEPS_PER_EIGHTH = STEPS_PER_QUARTER // 2
LARGEST_INTERVAL = 12  # semitones; what is larger shares the outermost bins of the histogram

FEATURE_NAMES = (
    "onsets",  # notes
    "note_offs",  # notes that end in a rest
    "interval_mean",  # semitones, up or down
    "interval_max",  # semitones, up or down
    "step_share",  # of the intervals, 1 or 2 semitones
    "repeat_share",  # of the intervals, 0 semitones
    "distinct_pitches",  # pitches
    "range",  # semitones
    "in_key_share",  # of the notes, in the major key that holds most of them
    "beat_share",  # of the onsets, on a quarter
    "eighth_share",  # of the onsets, on an eighth, quarters included
    "length_mean",  # steps
    "length_sd",  # steps
    "length_max",  # steps
    "sixteenth_share",  # of the notes, 1 step long
    "eighth_note_share",  # of the notes, 2 steps long
    "pitch_mean",  # MIDI pitch
    "starts_with_note",  # 0 or 1
)

MEASURES = (
    Measure("note_f1", HIGHER, 0, 1),
    Measure("exact", HIGHER, 0, 1),
    Measure("step_accuracy", HIGHER, 0, 1),
    Measure("steps", HIGHER, 0, 1),
    Measure("steps_kept", HIGHER, 0, 1),
    Measure("drawn_note_f1", HIGHER, 0, 1),  # from a draw of the posterior, not from its mean
    Measure("drawn_exact", HIGHER, 0, 1),
    Measure("distinct_melodies", HIGHER, 0),
    Measure("distinct_first_bars", HIGHER, 0),
    Measure("mean_count", None, 0),  # notes of a melody
    Measure("onsets_per_bar", None, 0),
    Measure("note_length", None, 0),
    Measure("beat_share", None, 0, 1),
    Measure("in_key_share", None, 0, 1),
    Measure("distinct_pitches", None, 0),
    Measure("interval", None, 0),
    Measure("repeat_share", None, 0, 1),
    Measure("silent_share", None, 0, 1),
)


class _Notes(NamedTuple):
    """Notes of n melodies (n, t), one voice after the other: each stands at its onset.

    Other places hold no data.
    """

    step: np.ndarray  # of each place
    onset: np.ndarray  # bool
    pitch: np.ndarray  # MIDI pitch
    length: np.ndarray  # steps
    leap: np.ndarray  # bool: a note that another one went before
    interval: np.ndarray  # semitones from the note before, signed
    note_off: np.ndarray  # bool: a rest begins


def melody_features(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, "n 18"]:
    """Features of each melody, named in `FEATURE_NAMES`.

    What is not there counts 0: the intervals of a melody with one note, everything about a silent
    one.

    Raises:
        ValueError: if an event id is unknown.
    """
    notes = _notes(events, coding)
    size = np.abs(notes.interval)
    onsets = notes.onset.sum(1)
    pitches = _pitch_counts(notes)
    length_mean = _mean(notes.length, notes.onset)
    length_square = _mean((notes.length - length_mean[:, None]) ** 2, notes.onset)
    highest = np.where(notes.onset, notes.pitch, 0).max(1, initial=0)
    lowest = np.where(notes.onset, notes.pitch, 128).min(1, initial=128)
    features = {
        "onsets": onsets,
        "note_offs": notes.note_off.sum(1),
        "interval_mean": _mean(size, notes.leap),
        "interval_max": np.where(notes.leap, size, 0).max(1, initial=0),
        "step_share": _mean((size == 1) | (size == 2), notes.leap),
        "repeat_share": _mean(size == 0, notes.leap),
        "distinct_pitches": (pitches > 0).sum(1),
        "range": np.where(onsets > 0, highest - lowest, 0),
        "in_key_share": _in_key(pitches) / np.maximum(onsets, 1),
        "beat_share": _mean(notes.step % STEPS_PER_QUARTER == 0, notes.onset),
        "eighth_share": _mean(notes.step % STEPS_PER_EIGHTH == 0, notes.onset),
        "length_mean": length_mean,
        "length_sd": np.sqrt(length_square),
        "length_max": np.where(notes.onset, notes.length, 0).max(1, initial=0),
        "sixteenth_share": _mean(notes.length == 1, notes.onset),
        "eighth_note_share": _mean(notes.length == STEPS_PER_EIGHTH, notes.onset),
        "pitch_mean": _mean(notes.pitch, notes.onset),
        "starts_with_note": (notes.onset & (notes.step == 0)).any(1),
    }
    return np.stack([features[name].astype(np.float64) for name in FEATURE_NAMES], axis=1)


def melody_summary(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> dict[str, float]:
    """Statistics of a set of melodies; shares and means are over all notes of the set.

    `onsets_per_bar`; `note_length` in steps; `beat_share`, of the onsets; `in_key_share`, of the
    notes, each melody in its best major key; `distinct_pitches`, mean of a melody; `interval`,
    mean size in semitones; `repeat_share`, of the intervals; `silent_share`, of the melodies.
    What is not there, such as the intervals of silence, counts 0.

    Raises:
        ValueError: if there is no melody, or an event id is unknown.
    """
    notes = _notes(events, coding)
    if not notes.onset.size:
        raise ValueError(f"a summary needs melodies, got events of shape {notes.onset.shape}")
    pitches = _pitch_counts(notes)
    onsets = notes.onset.sum()
    size = np.abs(notes.interval)
    summary = {
        "onsets_per_bar": onsets / (notes.onset.size / coding.voices / STEPS_PER_BAR),
        "note_length": _pooled(notes.length, notes.onset),
        "beat_share": _pooled(notes.step % STEPS_PER_QUARTER == 0, notes.onset),
        "in_key_share": _in_key(pitches).sum() / max(onsets, 1),
        "distinct_pitches": (pitches > 0).sum(1).mean(),
        "interval": _pooled(size, notes.leap),
        "repeat_share": _pooled(size == 0, notes.leap),
        "silent_share": (~notes.onset.any(1)).mean(),
    }
    return {name: float(value) for name, value in summary.items()}


def note_length_histogram(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, " steps"]:
    """Share of the notes that last 1, 2, ... steps; all 0 where there is no note."""
    notes = _notes(events, coding)
    steps = events.shape[1] // coding.voices
    counts = np.bincount(notes.length[notes.onset], minlength=steps + 1)[1:]
    return counts / max(counts.sum(), 1)


def interval_histogram(
    events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE
) -> Float[np.ndarray, "25"]:
    """Share of the intervals of -12, -11, ... 12 semitones; all 0 where there is no interval.

    Larger ones count in the first and the last bin.
    """
    notes = _notes(events, coding)
    intervals = notes.interval[notes.leap].clip(-LARGEST_INTERVAL, LARGEST_INTERVAL)
    counts = np.bincount(intervals + LARGEST_INTERVAL, minlength=2 * LARGEST_INTERVAL + 1)
    return counts / max(counts.sum(), 1)


def note_f1(
    target: Integer[np.ndarray, "n t"],
    predicted: Integer[np.ndarray, "n t"],
    *,
    coding: Coding = ONE_VOICE,
) -> Float[np.ndarray, " n"]:
    """F1 of each melody's notes, the harmonic mean of precision and recall; 1 of two silent ones.

    A predicted note is right if a target note has its onset and its pitch; its end does not count.

    Raises:
        ValueError: if the shapes differ, or an event id is unknown.
    """
    target, predicted = map(coding.starts, _pair(target, predicted, coding))
    right = ((target == predicted) & (target > 0)).sum(1)
    notes = (target > 0).sum(1) + (predicted > 0).sum(1)
    return np.where(notes == 0, 1.0, 2 * right / np.maximum(notes, 1))


def step_accuracy(
    target: Integer[np.ndarray, "n t"],
    predicted: Integer[np.ndarray, "n t"],
    *,
    coding: Coding = ONE_VOICE,
) -> Float[np.ndarray, " n"]:
    """Share of each melody's steps with the right event; high for a decoder that always holds.

    Raises:
        ValueError: if the shapes differ, or an event id is unknown.
    """
    target, predicted = _pair(target, predicted, coding)
    return (target == predicted).mean(1)


def exact_windows(
    target: Integer[np.ndarray, "n t"],
    predicted: Integer[np.ndarray, "n t"],
    *,
    coding: Coding = ONE_VOICE,
) -> Bool[np.ndarray, " n"]:
    """Mask of the melodies that sound like their targets, note for note.

    Raises:
        ValueError: if the shapes differ, or an event id is unknown.
    """
    target, predicted = _pair(target, predicted, coding)
    return (target == predicted).all(1)


def count_distinct(events: Integer[np.ndarray, "n t"], *, coding: Coding = ONE_VOICE) -> int:
    """Number of melodies that sound different from each other."""
    return len(np.unique(coding.canonical(events), axis=0))


def _pair(
    target: np.ndarray, predicted: np.ndarray, coding: Coding
) -> tuple[np.ndarray, np.ndarray]:
    if target.shape != predicted.shape:
        raise ValueError(
            f"melodies are compared one by one: got {target.shape} and {predicted.shape}"
        )
    return coding.canonical(target), coding.canonical(predicted)


def _notes(events: np.ndarray, coding: Coding) -> _Notes:
    events = coding.canonical(events)
    if events.ndim != 2:
        raise ValueError(f"melodies have shape (melodies, steps), got {events.shape}")
    pitch, length, sounding = (
        coding.by_voice(found)  # (n, voices, steps)
        for found in (coding.starts(events), coding.lengths(events), coding.sounding(events))
    )
    step = np.broadcast_to(np.arange(pitch.shape[-1]), pitch.shape)
    onset = pitch > 0
    onset_at = np.maximum.accumulate(np.where(onset, step, -1), axis=-1)
    before = np.full_like(pitch, -1)  # where the note before each step starts
    before[..., 1:] = onset_at[..., :-1]
    note_off = np.zeros_like(onset)
    note_off[..., 1:] = (sounding[..., :-1] > 0) & (sounding[..., 1:] == 0)
    notes = _Notes(
        step=step,
        onset=onset,
        pitch=pitch,
        length=length,
        leap=onset & (before >= 0),
        interval=pitch - np.take_along_axis(pitch, np.maximum(before, 0), axis=-1),
        note_off=note_off,
    )
    return _Notes(*(values.reshape(events.shape) for values in notes))


def _pitch_counts(notes: _Notes) -> np.ndarray:
    """Number of notes of each MIDI pitch in each melody: (n, 128)."""
    melodies = len(notes.onset)
    row = np.nonzero(notes.onset)[0]
    counts = np.bincount(row * 128 + notes.pitch[notes.onset], minlength=melodies * 128)
    return counts.reshape(melodies, 128)


def _in_key(pitch_counts: np.ndarray) -> np.ndarray:
    """Number of a melody's notes in the major key that holds most of them: (n,)."""
    classes = np.eye(12, dtype=int)[np.arange(128) % 12]
    keys = (KEY_PROFILE[DEGREES] > 0).astype(int)
    return (pitch_counts @ (classes @ keys)).max(1, initial=0)


def _mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of each row's values where the mask is set, 0 where it is nowhere set."""
    return (values * mask).sum(1) / np.maximum(mask.sum(1), 1)


def _pooled(values: np.ndarray, mask: np.ndarray) -> float:
    return (values * mask).sum() / max(mask.sum(), 1)

"""Attributes: known melodies, a note-by-note reference, and what must not change them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.music import attributes
from synvae_core.music.attributes import ATTRIBUTES
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE

SHAPES = ("pitch_rise", "pitch_arch", "last_pitch", "onset_rise", "bar_end_onsets")
NAMES = (*ATTRIBUTES, *SHAPES)
EVENTS = st.one_of(st.integers(0, 1), st.integers(2, 89))
melodies = hnp.arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 32)), elements=EVENTS)


def rhythm(*onsets: int) -> np.ndarray:
    return ONE_VOICE.events([Note(start, start + 1, 60) for start in onsets], steps=32)[None]


def reference(name: str, notes: list[Note], steps: int) -> float:
    """Each attribute from a list of notes, by its words."""
    starts = {note.start for note in notes}
    pitches = [note.pitch for note in notes]
    intervals = [abs(b - a) for a, b in zip(pitches[:-1], pitches[1:], strict=True)]
    if name in SHAPES:
        return shape_reference(name, notes, steps)
    values = {
        "note_density": [len(notes) / steps],
        "mean_pitch": pitches,
        "mean_interval": intervals,
        "sixteenth_syncopation": [s % 2 == 1 and s - 1 not in starts for s in starts],
        "eighth_syncopation": [s % 4 == 2 and not {s - 1, s - 2} & starts for s in starts],
        "c_diatonic": ["CxDxEFxGxAxB"[pitch % 12] != "x" for pitch in pitches],
    }[name]
    return float(np.mean(values)) if len(values) else 0.0


def shape_reference(name: str, notes: list[Note], steps: int) -> float:
    """Each attribute of the shape, by its words: two lists of notes compared."""
    if name == "last_pitch":
        return notes[-1].pitch - float(np.mean([each.pitch for each in notes])) if notes else 0.0
    chosen = {
        "pitch_rise": lambda start: start >= steps / 2,
        "pitch_arch": lambda start: steps / 4 <= start < 3 * steps / 4,
        "onset_rise": lambda start: start >= steps / 2,
        "bar_end_onsets": lambda start: start % 16 in range(8, 16),
    }[name]
    within = [note.pitch for note in notes if chosen(note.start)]
    without = [note.pitch for note in notes if not chosen(note.start)]
    if name.startswith("pitch"):
        return float(np.mean(within) - np.mean(without)) if within and without else 0.0
    return float(len(within) - len(without))


@pytest.mark.parametrize("name", NAMES)
@given(melodies)
def test_it_is_what_its_words_say(name, events):
    expected = [reference(name, ONE_VOICE.notes(melody), events.shape[1]) for melody in events]
    np.testing.assert_allclose(getattr(attributes, name)(events), expected, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(melodies)
def test_it_hears_what_sounds_in_any_integers(name, events):
    value = getattr(attributes, name)(events)
    np.testing.assert_array_equal(getattr(attributes, name)(ONE_VOICE.canonical(events)), value)
    np.testing.assert_array_equal(getattr(attributes, name)(events.astype(np.uint8)), value)


@given(hnp.arrays(np.int64, (2, 16), elements=st.one_of(st.just(0), st.integers(20, 60))))
def test_only_pitch_and_key_follow_a_transposition(events):
    moved = ONE_VOICE.transpose(events, 1)
    for name in set(NAMES) - {"mean_pitch", "c_diatonic"}:
        np.testing.assert_allclose(
            getattr(attributes, name)(moved), getattr(attributes, name)(events)
        )
    sounds = (events > 1).any(1)
    shift = attributes.mean_pitch(moved) - attributes.mean_pitch(events)
    np.testing.assert_allclose(shift, sounds.astype(float))


@pytest.mark.parametrize(
    ("onsets", "sixteenth", "eighth"),
    [
        ((0, 4, 8, 12), 0, 0),  # beats
        ((0, 2, 4, 6), 0, 0),  # even eighths: each off-beat one follows its beat
        ((2, 6, 10, 14), 0, 1),  # off the beat throughout
        ((0, 1, 2, 3), 0, 0),  # a run of sixteenths
        ((1, 3, 5, 7), 1, 0),  # between the eighths throughout
        ((0, 3, 6), 1 / 3, 1 / 3),  # 3 + 3 + 2: the third note is late by an eighth
        ((4, 5, 6), 0, 0),  # the sixteenth before the off-beat eighth is struck
    ],
)
def test_syncopation_of_known_rhythms(onsets, sixteenth, eighth):
    assert attributes.sixteenth_syncopation(rhythm(*onsets)) == pytest.approx(sixteenth)
    assert attributes.eighth_syncopation(rhythm(*onsets)) == pytest.approx(eighth)


def test_what_is_no_event_is_refused():
    for name in NAMES:
        with pytest.raises(ValueError, match=r"0\.\.89"):
            getattr(attributes, name)(np.full((1, 32), 90))

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE

melodies = hnp.arrays(np.int64, st.integers(1, 64), elements=st.integers(0, 89))


def sounding(events):
    """Independent reference: for each step the (pitch id, step of its start), or None."""
    state, states = None, []
    for step, event in enumerate(events):
        if event == 1:
            state = None
        elif event > 1:
            state = (int(event), step)
        states.append(state)
    return states


def test_known_tokens_are_known_notes():
    events = np.array([1, 50, 0, 50, 1, 1, 2, 89, 0])
    assert ONE_VOICE.notes(events) == [
        Note(1, 3, 69),
        Note(3, 4, 69),
        Note(6, 7, 21),
        Note(7, 9, 108),
    ]
    assert ONE_VOICE.canonical(events).tolist() == [0, 50, 0, 50, 1, 0, 2, 89, 0]


@given(melodies)
def test_notes_and_back_is_the_canonical_form(events):
    notes = ONE_VOICE.notes(events)
    back = ONE_VOICE.events(notes, steps=len(events))
    assert back.tolist() == ONE_VOICE.canonical(events).tolist()


@given(melodies)
def test_canonical_form_is_idempotent_and_sounds_the_same(events):
    canonical = ONE_VOICE.canonical(events)
    assert ONE_VOICE.canonical(canonical).tolist() == canonical.tolist()
    assert sounding(canonical) == sounding(events)


# Few ids in short melodies, so that pairs which sound alike are common.
@given(*[hnp.arrays(np.int64, 4, elements=st.sampled_from([0, 1, 2]))] * 2)
def test_canonical_forms_are_equal_exactly_where_melodies_sound_alike(first, second):
    equal_form = ONE_VOICE.canonical(first).tolist() == ONE_VOICE.canonical(second).tolist()
    assert equal_form == (sounding(first) == sounding(second))
    assert equal_form == (ONE_VOICE.notes(first) == ONE_VOICE.notes(second))


@given(hnp.arrays(np.int64, (3, 2, 8), elements=st.integers(0, 3)))
def test_canonical_form_of_a_batch_is_that_of_each_melody(events):
    rows = [ONE_VOICE.canonical(row) for row in events.reshape(-1, 8)]
    assert np.array_equal(ONE_VOICE.canonical(events).reshape(-1, 8), rows)


@given(melodies, st.integers(-90, 90))
def test_transposition_moves_every_pitch_or_refuses(events, semitones):
    pitches = [note.pitch + semitones for note in ONE_VOICE.notes(events)]
    if pitches and not (min(pitches) >= 21 and max(pitches) <= 108):
        with pytest.raises(ValueError, match=r"leaves 21\.\.108"):
            ONE_VOICE.transpose(events, semitones)
    else:
        moved = ONE_VOICE.transpose(events, semitones)
        assert [note.pitch for note in ONE_VOICE.notes(moved)] == pitches
        assert np.array_equal(moved[events < 2], events[events < 2])


def test_a_melody_without_notes_transposes_by_anything():
    assert ONE_VOICE.transpose(np.array([0, 1, 0]), 500).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ([Note(0, 4, 60), Note(3, 5, 62)], "overlaps"),
        ([Note(0, 9, 60)], "leaves the 8 steps"),
        ([Note(-1, 2, 60)], "leaves the 8 steps"),
        ([Note(2, 2, 60)], "overlaps"),
        ([Note(0, 2, 20)], r"outside 21\.\.108"),
        ([Note(0, 2, 109)], r"outside 21\.\.108"),
    ],
)
def test_notes_that_are_no_melody_are_refused(notes, message):
    with pytest.raises(ValueError, match=message):
        ONE_VOICE.events(notes, steps=8)


@pytest.mark.parametrize("events", [np.array([0.0]), np.array([90]), np.array([-1])])
def test_ids_outside_the_coding_are_refused(events):
    with pytest.raises(ValueError, match="event ids are"):
        ONE_VOICE.canonical(events)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synvae_core.music.coding import Note
from synvae_core.music.expression import express
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes, read_midi
from synvae_core.music.sound import Sound

EVENTS = st.lists(st.integers(0, ONE_VOICE.size - 1), min_size=1, max_size=80).map(np.array)


def scale(*starts, pitch=60, length=2):
    return [Note(start, start + length, pitch) for start in starts]


@given(EVENTS, st.floats(4, 960), st.integers(1, 127), st.floats(0, 2))
def test_a_file_with_expression_is_read_back_as_the_same_melody(events, qpm, velocity, strength):
    midi = Sound(qpm, velocity=velocity, expression=strength).midi(events)
    heard = read_midi(midi, steps=len(events), allow_silence=True)
    assert np.array_equal(heard, ONE_VOICE.canonical(events))


@given(EVENTS, st.floats(0.015, 3.75), st.integers(1, 127), st.floats(0, 2))
def test_notes_stay_themselves_in_order_and_near_the_grid(events, step, velocity, strength):
    notes = ONE_VOICE.notes(events)
    played = express(notes, velocity=velocity, strength=strength, step_seconds=step)
    before = -1.0
    for note, (loud, late, early) in zip(notes, played, strict=True):
        assert 1 <= loud <= 127
        assert 0 <= late <= 0.008
        assert -0.06 <= early <= 0
        start, end = note.start * step + late, note.end * step + early
        assert end - start >= 0.59 * (note.end - note.start) * step
        assert start >= before
        before = end


@given(EVENTS)
def test_without_strength_all_notes_are_alike_and_on_the_grid(events):
    assert set(express(ONE_VOICE.notes(events), velocity=70, strength=0)) <= {(70, 0, 0)}
    assert Sound(velocity=70, expression=0).midi(events) == midi_bytes(events, velocity=70)


def test_accents_follow_the_metre():
    loud = np.array([each.velocity for each in express(scale(*range(0, 64, 2)))]).reshape(4, 8)
    first, _, second, _, third, *_ = loud.mean(0)
    offbeats = loud.mean(0)[1::2]
    assert offbeats.max() < second < third < first


def test_higher_is_louder_and_a_phrase_swells_and_ends_softly():
    low, high = (
        express([*scale(0), *scale(4, pitch=pitch), *scale(8)])[1].velocity for pitch in (50, 70)
    )
    assert low < high
    beats = [each.velocity for each in express(scale(*range(2, 64, 4), length=4))]
    assert beats[0] < beats[3] > beats[-1]
    assert beats[-1] == min(beats)


def test_a_rest_ends_a_phrase_with_a_breath():
    together = express(scale(0, 4, 8, 12))
    apart = express([*scale(0, 4, 8), *scale(16)])
    assert apart[2].end < together[2].end
    assert apart[2].velocity < together[2].velocity


def test_voices_have_phrases_of_their_own_and_keep_their_order():
    melody = scale(0, 2, 4, 6, 8, pitch=72)
    bass = [Note(0, 16, 40, 1), Note(16, 32, 43, 1)]
    mixed = [melody[0], bass[0], *melody[1:], bass[1]]
    played = express(mixed)
    assert [played[0], *played[2:6]] == express(melody)
    assert [played[1], played[6]] == express(bass)


@pytest.mark.parametrize("wrong", [{"strength": -0.1}, {"strength": 2.1}])
def test_strengths_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="expression is a strength"):
        express(scale(0), **wrong)

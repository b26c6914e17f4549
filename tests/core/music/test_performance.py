"""Performances carry looks through MIDI files, exactly, and other files carry none."""

import io
from itertools import product

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from two_voices import TWO_VOICES

from synvae_core.looks import ABSENT, SCALES, Look
from synvae_core.music import performance
from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.midi import midi_bytes, read_midi
from synvae_core.music.performance import (
    in_register,
    performance_of,
    performed_round_trip,
    read_performed,
)
from synvae_core.music.sound import Sound

LOOKS = [Look(*levels) for levels in product(*(range(len(scale)) for scale in SCALES))]
DARK_BLUE = Look(hue=5, lightness=0, contrast=0, busyness=0)
SCALE = np.array([41, 0, 43, 0, 45, 1, 46, 46, 48, 0, 0, 0, 1, 0, 0, 0])

melodies = hnp.arrays(np.int64, st.integers(16, 64), elements=st.integers(0, 89))
looks = st.sampled_from(LOOKS)


def performed(events, look):
    return midi_bytes(events, **performance_of(look)._asdict())


def changed(data, change):
    """A MIDI file whose one track was changed."""
    midi = mido.MidiFile(file=io.BytesIO(data))
    change(midi.tracks[0])
    buffer = io.BytesIO()
    midi.save(file=buffer)
    return buffer.getvalue()


@settings(max_examples=150, deadline=None)
@given(melodies, looks)
def test_melody_and_look_survive_midi_exactly(events, look):
    heard, found = performed_round_trip(events[None], np.array([look]))
    assert heard.tolist() == [ONE_VOICE.canonical(events).tolist()]
    silent = not ONE_VOICE.notes(events)
    assert found.tolist() == [[ABSENT] * 4 if silent else list(look)]


@settings(max_examples=15, deadline=None)
@given(melodies, looks, st.sampled_from(["", "fiddle", "pop"]))
def test_they_survive_expression_and_accompaniment(events, look, style):
    accompaniment = Accompaniment(style) if style else None
    sound = Sound(accompaniment=accompaniment, **performance_of(look)._asdict())
    heard, found = read_performed(sound.midi(events), steps=len(events), allow_silence=True)
    assert heard.tolist() == ONE_VOICE.canonical(events).tolist()
    assert found == (look if ONE_VOICE.notes(events) else None)


def test_the_highest_and_the_lowest_key_of_a_piano_are_moved_and_come_back():
    ends = np.array([2, 89, 2, 89])
    for look in LOOKS:
        assert read_performed(performed(ends, look), steps=4)[0].tolist() == ends.tolist()


def test_each_look_has_a_performance_of_its_own_and_more_is_more():
    assert len({performance_of(look) for look in LOOKS}) == len(LOOKS) == 162
    more = [performance_of(Look(3, level, level, level)) for level in range(3)]
    assert [each.octaves for each in more] == sorted({each.octaves for each in more})
    for name in ("qpm", "velocity"):
        values = [getattr(each, name) for each in more]
        assert values == sorted(set(values))


def test_a_performance_is_said_in_words():
    assert performance.performance_words(DARK_BLUE) == (
        "dark and blue, flat, calm: cello, low, soft, slow"
    )


@settings(max_examples=100, deadline=None)
@given(
    melodies,
    st.sampled_from([80.0, 120.0, 108.0, 109.0]) | st.floats(4, 960),
    st.integers(0, 127),
    st.sampled_from([50, 76, 80, 104]) | st.integers(1, 127),
)
def test_a_file_that_is_played_otherwise_has_no_look(events, qpm, program, velocity):
    data = midi_bytes(events, qpm=qpm, program=program, velocity=velocity)
    heard, look = read_performed(data, steps=len(events), allow_silence=True)
    if look is None:
        assert heard.tolist() == read_midi(data, steps=len(events), allow_silence=True).tolist()
    else:
        expected = performance_of(look)
        assert (expected.program, expected.velocity) == (program, velocity)
        assert expected.qpm == pytest.approx(qpm, abs=0.01)


@pytest.mark.parametrize(
    "change",
    [
        lambda track: track.append(mido.MetaMessage("set_tempo", tempo=500_000)),
        lambda track: track.pop(0),  # the tempo
        lambda track: track.insert(9, mido.Message("program_change", program=41)),
        lambda track: track.insert(0, mido.Message("program_change", program=0)),
        lambda track: setattr(
            next(each for each in track if each.type == "note_on"), "velocity", 51
        ),
    ],
    ids=["two tempos", "no tempo", "two instruments", "another before", "one note louder"],
)
def test_a_file_that_changes_on_the_way_has_no_look(change):
    data = performed(SCALE, DARK_BLUE)
    assert read_performed(data, steps=16)[1] == DARK_BLUE
    assert read_performed(changed(data, change), steps=16)[1] is None


def test_notes_that_no_melody_of_that_register_has_are_no_performance():
    high = midi_bytes(np.array([89, 0, 0, 0]), program=42, qpm=80.0, velocity=50)
    heard, look = read_performed(high, steps=4)
    assert look is None
    assert heard.tolist() == [89, 0, 0, 0]


def test_all_voices_carry_one_look():
    events = np.array([1, 11, 2, 12, 3, 0, 0, 1])
    look = Look(hue=1, lightness=2, contrast=1, busyness=2)
    heard, found = performed_round_trip(events[None], np.array([look]), coding=TWO_VOICES)
    assert heard.tolist() == [TWO_VOICES.canonical(events).tolist()]
    assert found.tolist() == [list(look)]


def test_files_are_kept_where_they_are_wanted(tmp_path):
    performed_round_trip(np.stack([SCALE, SCALE]), np.array([DARK_BLUE] * 2), folder=tmp_path)
    kept = sorted(tmp_path.glob("*.mid"))
    assert [each.name for each in kept] == ["melody_00000.mid", "melody_00001.mid"]
    assert read_performed(kept[1], steps=16)[1] == DARK_BLUE


def test_melodies_are_moved_into_their_register_where_there_is_room():
    events = np.stack([SCALE, SCALE, np.where(SCALE > 1, SCALE + 41, SCALE)])
    levels = np.array([[0, 0, 0, 0], [ABSENT] * 4, [0, 2, 0, 0]])
    low, plain, high = in_register(events, levels)
    assert low.tolist() == ONE_VOICE.transpose(SCALE, -12).tolist()
    assert plain.tolist() == SCALE.tolist()
    assert high.tolist() == events[2].tolist()  # its highest key is the piano's highest but one


def test_a_level_that_is_none_is_refused():
    with pytest.raises(ValueError, match="0..2, got -1"):
        performance_of(Look(0, ABSENT, 0, 0))


@pytest.mark.parametrize("steps", [8, 32])
@pytest.mark.parametrize("look", LOOKS[::7])
def test_a_look_is_read_of_one_note_that_expression_makes_louder(steps, look):
    note = ONE_VOICE.events([Note(0, steps, 60)], steps=steps)
    sound = Sound(**performance_of(look)._asdict())
    heard, found = read_performed(sound.midi(note), steps=steps)
    assert (heard.tolist(), found) == (note.tolist(), look)

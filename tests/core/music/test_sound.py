import io

import mido
import numpy as np
import pytest
from two_voices import TWO_VOICES

from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.acoustics import REVERB_SECONDS, integrated_loudness
from synvae_core.music.midi import events_to_note_sequence, read_midi
from synvae_core.music.render import SAMPLE_RATE, render, sine_synthesiser
from synvae_core.music.sound import Sound

MELODY = np.array([50, 0, 1, 0] + [0] * 28)
TUNE = np.array([50, 0, 54, 0, 57, 0, 62, 0, 57, 54, 50, 0, 0, 0, 1, 0] * 2)
RANGES = {"expression": 2.5, "reverb": -1.0, "loudness": 3.0}


def test_the_tempo_is_that_of_sound_and_file():
    slow, fast = (Sound(qpm, synthesiser=sine_synthesiser()) for qpm in (60, 240))
    assert len(slow.render(MELODY)) > 2 * len(fast.render(MELODY))
    tempos = [
        message.tempo
        for message in mido.MidiFile(file=io.BytesIO(fast.midi(MELODY)))
        if message.type == "set_tempo"
    ]
    assert tempos == [250_000]


def test_instrument_and_velocity_are_those_of_the_file():
    sound = Sound(program=40, velocity=33, expression=0)
    file = mido.MidiFile(file=io.BytesIO(sound.midi(MELODY)))
    assert [m.program for m in file if m.type == "program_change"] == [40]
    assert {m.velocity for m in file if m.type == "note_on"} == {33}
    quiet, loud = (Sound(velocity=v, synthesiser=sine_synthesiser()) for v in (20, 100))
    assert np.abs(quiet.render(MELODY)).max() < np.abs(loud.render(MELODY)).max()


def test_a_file_has_the_dynamics_and_stays_on_the_grid():
    files = [mido.MidiFile(file=io.BytesIO(Sound(expression=e).midi(TUNE))) for e in (0, 1)]
    plain, expressed = ([m for m in file.tracks[0] if "note" in m.type] for file in files)
    assert [m.time for m in plain] == [m.time for m in expressed]
    assert len({m.velocity for m in expressed if m.type == "note_on"}) > 4


@pytest.mark.parametrize("wrong", [{"qpm": 0}, {"program": 128}, {"velocity": 0}], ids=str)
def test_options_out_of_range_are_refused(wrong):
    for play in (Sound(**wrong).render, Sound(**wrong).perform, Sound(**wrong).midi):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            play(MELODY)


def test_an_accompaniment_sounds_in_the_same_time_and_leaves_others_alone():
    alone, together = (
        Sound(synthesiser=sine_synthesiser(), accompaniment=accompaniment)
        for accompaniment in (None, Accompaniment())
    )
    one, several = alone.render(MELODY), together.render(MELODY)
    assert one.shape == several.shape
    # the melody ends after two sixteenths, and chords and bass go on
    assert np.abs(one[-len(one) // 4 :]).max() == 0 < np.abs(several[-len(one) // 4 :]).max()
    silence = np.zeros_like(MELODY)
    assert not together.render(silence).any()
    for play in (together.render, together.midi):
        with pytest.raises(ValueError, match="one voice are accompanied"):
            play(np.repeat(silence, 2), coding=TWO_VOICES)


@pytest.mark.parametrize("name", RANGES)
def test_options_of_a_performance_out_of_range_are_refused(name):
    with pytest.raises(ValueError, match=name):
        Sound(**{name: RANGES[name]}, synthesiser=sine_synthesiser()).perform(MELODY)


def test_what_is_compared_knows_no_performance():
    loud = Sound(expression=2, reverb=1, loudness=-10)
    assert np.array_equal(loud.render(TUNE), render(events_to_note_sequence(TUNE)))


def test_a_performance_without_any_of_it_is_what_is_compared():
    plain = Sound(program=40, velocity=60).plain
    assert np.array_equal(plain.perform(TUNE), Sound(program=40, velocity=60).render(TUNE))


def test_performances_are_equally_loud_and_stay_in_range():
    sparse, dense = TUNE.copy(), np.arange(30, 62)
    sparse[4:] = 0
    for events in (sparse, dense):
        for sound in (Sound(), Sound(program=13), Sound(velocity=30), Sound(program=48)):
            waveform = sound.perform(events)
            loudness = integrated_loudness(waveform, SAMPLE_RATE)
            assert loudness == pytest.approx(sound.loudness, abs=0.1)
            assert np.abs(waveform).max() <= 1


def test_a_performance_lasts_longer_by_the_room():
    sound = Sound()
    longer = len(sound.perform(TUNE)) - len(sound.render(TUNE))
    assert longer == round(REVERB_SECONDS * SAMPLE_RATE)
    assert np.array_equal(sound.perform(TUNE), sound.perform(TUNE))
    assert not sound.perform(np.zeros(32, np.int64)).any()


def test_a_sound_font_and_a_synthesiser_at_once_are_refused():
    with pytest.raises(ValueError, match="choose a soundfont or a synthesiser"):
        Sound(soundfont="any", synthesiser=sine_synthesiser()).render(MELODY)


def test_chords_and_bass_are_performed_and_saved_with_dynamics_of_their_own():
    sound = Sound(accompaniment=Accompaniment())
    melody, chords, bass = mido.MidiFile(file=io.BytesIO(sound.midi(TUNE))).tracks
    alone = mido.MidiFile(file=io.BytesIO(Sound().midi(TUNE))).tracks[0]
    loud = [[m.velocity for m in t if m.type == "note_on"] for t in (melody, chords, bass, alone)]
    assert loud[0] == loud[3]
    assert np.mean(loud[1]) < np.mean(loud[2]) < np.mean(loud[0])
    assert np.array_equal(read_midi(sound.midi(TUNE)), TUNE)
    assert integrated_loudness(sound.perform(TUNE), SAMPLE_RATE) == pytest.approx(-21, abs=0.1)
    assert np.array_equal(sound.plain.perform(TUNE), sound.render(TUNE))

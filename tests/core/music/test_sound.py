import io

import mido
import numpy as np
import pytest
from two_voices import TWO_VOICES

from synvae_core.music.accompaniment import Accompaniment
from synvae_core.music.render import sine_synthesiser
from synvae_core.music.sound import Sound

MELODY = np.array([50, 0, 1, 0] + [0] * 28)


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
    file = mido.MidiFile(file=io.BytesIO(Sound(program=40, velocity=33).midi(MELODY)))
    assert [m.program for m in file if m.type == "program_change"] == [40]
    assert {m.velocity for m in file if m.type == "note_on"} == {33}
    quiet, loud = (Sound(velocity=v, synthesiser=sine_synthesiser()) for v in (20, 100))
    assert np.abs(quiet.render(MELODY)).max() < np.abs(loud.render(MELODY)).max()


@pytest.mark.parametrize("wrong", [{"qpm": 0}, {"program": 128}, {"velocity": 0}], ids=str)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sound(**wrong).render(MELODY)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sound(**wrong).midi(MELODY)


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

import io

import mido
import numpy as np
import pytest

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

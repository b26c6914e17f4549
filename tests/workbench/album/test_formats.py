"""Formats of melodies: whole files, the same every time."""

import io

import numpy as np
import pytest
import soundfile
from music21 import converter

from synvae_core.music.coding import Note
from synvae_core.music.melody import ONE_VOICE
from synvae_core.music.sound import Sound
from synvae_workbench.album.formats import FORMATS, encode, sound_files

EVENTS = ONE_VOICE.events([Note(0, 4, 60), Note(8, 12, 67)], steps=32)


def test_every_format_is_made_and_midi_last():
    files = sound_files(EVENTS, Sound(), also=FORMATS)
    assert list(files) == [".wav", ".mp3", ".ogg", ".musicxml", ".mid"]
    assert files == sound_files(EVENTS, Sound(), also=FORMATS)
    score = converter.parseData(files[".musicxml"].decode(), format="musicxml")
    assert [note.pitch.midi for note in score.flatten().notes] == [60, 67]
    assert b"encoding-date" not in files[".musicxml"]


@pytest.mark.parametrize("name", ["wav", "mp3", "ogg"])
def test_sound_is_what_was_heard(name):
    waveform = np.sin(np.arange(200_000) / 23).astype(np.float32) / 2  # several pages of Ogg
    file = encode(waveform, name)
    # libsndfile leaves out a page of Ogg whose check sum is wrong
    heard, rate = soundfile.read(io.BytesIO(file), dtype="float32")
    assert len(heard) / rate == pytest.approx(len(waveform) / 32_000, abs=0.1)
    assert np.std(heard) == pytest.approx(np.std(waveform), rel=0.02)
    assert encode(waveform, name) == file

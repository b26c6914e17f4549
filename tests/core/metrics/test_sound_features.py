"""What an ear takes in of a sound: pitch, time and loudness where they belong, and nothing else."""

import numpy as np
import pytest

from synvae_core.looks import ABSENT
from synvae_core.metrics.sound_features import (
    BANDS,
    EARS,
    FRAME,
    RATE,
    mel_filters,
    sound_features,
    waveform_features,
)
from synvae_core.music.render import sine_synthesiser


def tone(frequency, seconds=1.0, start=0.0, length=2.0):
    time = np.arange(round(length * RATE)) / RATE
    heard = (time >= start) & (time < start + seconds)
    return (0.3 * heard * np.sin(2 * np.pi * frequency * time)).astype(np.float32)[None]


MELS = 2595 * np.log10(1 + RATE / 2 / 700) / (BANDS + 1) * np.arange(1, BANDS + 1)
CENTRES = 700 * (10 ** (MELS / 2595) - 1)  # of the bands, in Hz


def test_mel_bands_are_triangles_that_share_out_every_frequency():
    filters = mel_filters(1 << 16)
    frequency = np.fft.rfftfreq(1 << 16, 1 / RATE)
    np.testing.assert_allclose(frequency[filters.argmax(1)], CENTRES, atol=0.25)
    within = (frequency > CENTRES[0]) & (frequency < CENTRES[-1])
    np.testing.assert_allclose(filters.sum(0)[within], 1, atol=1e-5)
    assert (mel_filters(FRAME).max(1) > 0.5).all()  # no band falls between two frequencies


def test_loudness_stands_in_the_band_and_the_window_of_the_tone():
    spectrum = waveform_features(tone(1000, 0.5, start=1.0))["spectrum"].reshape(BANDS, -1)
    assert spectrum.shape[1] == 16  # eighths of a second
    loudest = np.unravel_index(spectrum.argmax(), spectrum.shape)
    assert loudest[0] == np.abs(CENTRES - 1000).argmin()
    assert 8 <= loudest[1] < 12
    assert spectrum[:, :7].max() == spectrum[:, 13:].max() == pytest.approx(-60)


def test_rhythm_hears_onsets_and_harmony_the_pitch_class_in_any_octave():
    rhythm = waveform_features(tone(1000, 0.5, start=1.0))["rhythm"][0]
    assert rhythm.argmax() in (7, 8)
    for octave in (440, 880, 1760):  # A
        share = waveform_features(tone(octave, 2.0))["harmony"].reshape(12, -1).mean(1)
        assert share.argmax() == 0
        assert share[0] > 0.9
    assert (
        waveform_features(tone(440 * 2 ** (3 / 12), 2.0))["harmony"].reshape(12, -1)[3].min() > 0.8
    )


def test_timbre_has_no_order_in_time_and_twice_as_loud_is_6_db():
    early, late = (waveform_features(tone(500, 0.5, start=at))["timbre"] for at in (0.5, 1.0))
    np.testing.assert_allclose(early, late, atol=1.5)
    soft, loud = (waveform_features(k * tone(500, 2.0))["spectrum"] for k in (1, 2))
    assert (loud - soft).max() == pytest.approx(20 * np.log10(2), abs=0.01)


def test_melodies_that_sound_alike_are_heard_alike():
    melody = np.zeros(16, np.int64)
    melody[[0, 4, 8]] = [41, 45, 48]
    other = np.where(np.arange(16) == 8, 50, melody)
    ears = sound_features(np.stack([melody, melody, other]), synthesiser=sine_synthesiser())
    assert set(ears) == set(EARS)
    for heard in ears.values():
        assert heard.shape[0] == 3
        np.testing.assert_array_equal(heard[0], heard[1])
        assert not np.allclose(heard[0], heard[2])
    bands = ears["spectrum"].reshape(3, BANDS, -1)
    np.testing.assert_allclose(bands[0, :, :6], bands[2, :, :6])  # until the third note


def test_a_performance_is_heard_in_loudness_tempo_and_pitch():
    melody = np.zeros(16, np.int64)
    melody[[0, 8]] = [41, 42]
    looks = np.array([[5, 1, 0, 0], [5, 1, 2, 0], [5, 1, 0, 2], [5, 2, 0, 0], [ABSENT] * 4])
    ears = sound_features(np.stack([melody] * 5), looks=looks, synthesiser=sine_synthesiser())
    spectrum = ears["spectrum"].reshape(5, BANDS, -1)
    soft, loud, fast, high, plain = spectrum
    assert (loud - soft).max() == pytest.approx(20 * np.log10(104 / 50), abs=0.01)
    ends = [np.flatnonzero(each.max(0) > -50)[-1] for each in (fast, soft)]
    assert ends[0] / ends[1] == pytest.approx(80 / 144, abs=0.05)
    assert high[:, 0].argmax() > soft[:, 0].argmax()
    alone = sound_features(melody[None], synthesiser=sine_synthesiser())["spectrum"]
    assert np.allclose(plain[:, :16], alone.reshape(BANDS, -1)[:, :16], atol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sound_features(np.zeros((0, 16), int)), "no melody to hear"),
        (lambda: sound_features(np.full((1, 16), 90)), "event ids are 0..89"),
        (lambda: waveform_features(np.zeros((1, 100), np.float32)), "4096 samples .* got 100"),
        (lambda: waveform_features(np.full((1, 9000), np.nan, np.float32)), "NaN or infinity"),
    ],
)
def test_what_cannot_be_heard_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from synvae_workbench.data.speech.fsdd import find_fsdd
from synvae_workbench.data.speech.log_mel import (
    FFT,
    SPAN,
    WINDOW,
    log_mel,
    log_mel_db,
    mel_filters,
    spoken_part,
)
from synvae_workbench.data.speech.recordings import SPEECH_RATE, read_recording

FRAMES = 47  # steps from the first of 48 frames to the last


def as_it_is(*functions, **_):
    """A decorator of numba, with options or without, that compiles nothing."""
    return functions[0] if functions and callable(functions[0]) else as_it_is


@cache
def uncompiled_librosa():
    """To compile takes librosa half a minute; what is used of it is the same without, on arrays."""
    compilers = ("guvectorize", "jit", "njit", "stencil", "vectorize")
    with patch.multiple("numba", **dict.fromkeys(compilers, as_it_is)):
        import librosa.feature
    return librosa


def by_librosa(waveform):
    """The levels as librosa has them, of a part that is a whole number of samples a step."""
    part = spoken_part(waveform)
    assert len(part) % FRAMES == 0
    librosa = uncompiled_librosa()
    power = librosa.feature.melspectrogram(
        y=part,
        sr=SPEECH_RATE,
        n_fft=FFT,
        win_length=WINDOW,
        hop_length=len(part) // FRAMES,
        n_mels=48,
        pad_mode="constant",
    )
    return librosa.power_to_db(power, ref=np.max, top_db=80)


def sweep(samples: int, seed: int = 0) -> np.ndarray:
    """A tone that rises, in some noise."""
    rng, time = np.random.default_rng(seed), np.arange(samples) / SPEECH_RATE
    tone = np.sin(2 * np.pi * (100 + rng.uniform(100, 2000) * time) * time)
    return (tone + rng.normal(0, 0.01, samples)).astype(np.float32)


def test_filters_are_those_of_librosa():
    expected = uncompiled_librosa().filters.mel(sr=SPEECH_RATE, n_fft=FFT, n_mels=48)
    np.testing.assert_allclose(mel_filters(), expected, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("samples", [47, 94, 470, 3760, SPAN - 47, SPAN, SPAN + 1, 20_000])
def test_levels_are_those_of_librosa(samples):
    waveforms = [sweep(samples, seed) * 10.0**-seed for seed in range(4)]
    waveforms[-1] += np.float32(0.7)  # an offset
    expected = np.stack([by_librosa(waveform) for waveform in waveforms])
    np.testing.assert_allclose(log_mel_db(waveforms).numpy(), expected, atol=0.01)


@pytest.mark.data
def test_levels_of_real_recordings_are_those_of_librosa(data_folder):
    waveforms = [read_recording(path) for path in find_fsdd(data_folder / "fsdd")[::2]]
    waveforms = [each for each in waveforms if len(spoken_part(each)) % FRAMES == 0]
    assert len(waveforms) > 20
    expected = np.stack([by_librosa(waveform) for waveform in waveforms])
    assert np.abs(log_mel_db(waveforms).numpy() - expected).max() < 0.01


def test_bytes_go_from_80_db_below_to_the_loudest():
    pause = np.zeros(1000, np.float32)
    waveforms = [np.concatenate([sweep(2000, seed), pause, sweep(500)]) for seed in range(5)]
    levels, pictures = log_mel_db(waveforms), log_mel(waveforms)
    assert pictures.shape == (5, 1, 48, 48)
    assert pictures.amax((1, 2, 3)).tolist() == [255] * 5
    assert pictures.amin((1, 2, 3)).tolist() == [0] * 5
    np.testing.assert_allclose(pictures[:, 0].float() / 255 * 80 - 80, levels, atol=80 / 255 / 2)


def test_a_higher_tone_is_in_a_higher_row():
    time = np.arange(4000) / SPEECH_RATE
    tones = [np.sin(2 * np.pi * hertz * time) for hertz in (200, 400, 800, 1600, 3200)]
    rows = log_mel(tones)[:, 0, :, 24].int().argmax(1)
    assert rows.diff().gt(3).all()


def test_a_chunk_is_as_its_recordings_one_by_one():
    waveforms = [sweep(1000 + 50 * seed, seed) for seed in range(70)]
    together = log_mel_db(waveforms)
    alone = torch.cat([log_mel_db([waveform]) for waveform in waveforms])
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=0)
    assert log_mel([]).shape == (0, 1, 48, 48)


@settings(max_examples=40)
@given(
    st.integers(1, 9000),
    st.integers(0, 9000),
    st.integers(0, 9000),
    st.floats(1e-30, 1e30),
    st.integers(0, 99),
)
def test_neither_silence_around_nor_loudness_matters(samples, before, after, gain, seed):
    block = SPEECH_RATE // 100  # of which the ends are measured
    waveform = sweep(samples * 40 // block * block + block, seed).astype(np.float64)
    quiet = np.concatenate([np.zeros(before // block * block), waveform, np.zeros(after)])
    np.testing.assert_allclose(spoken_part(quiet * gain), spoken_part(waveform), atol=1e-6)


@settings(max_examples=40)
@given(
    st.integers(SPAN // 80 + 1, SPAN // 80 * 3).map(lambda blocks: 80 * blocks), st.integers(0, 99)
)
def test_of_a_long_recording_the_part_with_most_energy_is_taken(samples, seed):
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.uniform(0.2, 1, samples // 500 + 1), 500)[:samples]
    waveform = loud * rng.choice([-1.0, 1.0], samples)
    sums = np.convolve(np.square(waveform / np.abs(waveform).max()), np.ones(SPAN), "valid")
    frame = spoken_part(waveform)
    assert np.abs(frame).max() <= 1
    assert np.square(frame, dtype=np.float64).sum() >= sums.max() - 0.01


def test_a_word_fills_the_picture_however_fast_it_is_said():
    rng = np.random.default_rng(0)
    loud = np.interp(np.arange(5640), np.arange(11) * 564, rng.uniform(0.05, 1, 11))
    noise = rng.normal(0, 1, 5640)
    slow, fast = (noise * loud), noise[:2820] * loud[::2]
    rows = log_mel([slow.astype(np.float32), fast.astype(np.float32)]).float().mean(2)[:, 0]
    assert np.corrcoef(rows)[0, 1] > 0.9


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_of_a_word_said_again_and_again_one_is_shown(noise):
    rng, word = np.random.default_rng(0), sweep(3200)
    repeated = np.tile(np.concatenate([word, np.zeros(3200, np.float32)]), 4)
    repeated += rng.normal(0, noise, len(repeated)).astype(np.float32)
    assert abs(len(spoken_part(repeated[1000:])) - len(word)) <= 160


@pytest.mark.parametrize("noise", [0.003, 0.01, 0.03])
def test_the_noise_of_a_room_is_no_part_of_a_word(noise):
    rng, word = np.random.default_rng(0), sweep(3200)
    around = rng.normal(0, noise, 16_000).astype(np.float32)
    around[5600:8800] += word
    assert abs(len(spoken_part(around)) - len(word)) <= 160


@pytest.mark.parametrize("samples", [1, 2, 46, 48, 100, 401, 3001])
def test_a_short_recording_is_whole(samples):
    waveform = sweep(samples)
    part = spoken_part(np.pad(waveform, 80 * 7))
    assert len(part) >= samples - 80
    assert log_mel([waveform]).shape == (1, 1, 48, 48)


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (np.zeros(0), r"at least one: got float64 of shape \(0,\)"),
        (np.zeros(100), "not silent"),
        (np.array([0.0, np.nan]), "its peak is nan"),
        (np.array([0.0, -np.inf]), "its peak is inf"),
        (np.ones((2, 100)), r"shape \(2, 100\)"),
        (np.ones(100, np.int16), "int16"),
    ],
)
def test_what_is_no_waveform_is_refused_by_its_place(waveform, reason):
    with pytest.raises(ValueError, match=reason):
        spoken_part(waveform)
    with pytest.raises(ValueError, match=f"recording 40: .*{reason}"):
        log_mel([sweep(500)] * 40 + [waveform])

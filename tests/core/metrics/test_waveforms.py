"""Measures of waveforms against plain transcriptions, known answers and hostile input."""

import math

import numpy as np
import pytest
from scipy.signal import butter, freqz

from synvae_core.metrics.waveforms import (
    envelope_correlation,
    envelopes,
    fidelity,
    levels_db,
    log_spectral_distance,
    nearest_windows,
    snr_db,
)

RATE = 8_000
RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 0.1, (3, RATE))


def clicks(*seconds):
    """A second with bursts of noise that die away."""
    waveform = np.zeros(RATE)
    for at in seconds:
        start = round(at * RATE)
        burst = np.random.default_rng(start).normal(0, 0.3, RATE - start)
        waveform[start:] += burst * np.exp(-np.arange(RATE - start) / 200)
    return waveform


def test_snr_by_hand():
    target = np.array([[3.0, 4.0, 0.0], [1.0, 0.0, 0.0]])
    made = np.array([[3.0, 4.0, 0.5], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(snr_db(target, made), [10 * math.log10(25 / 0.25), 0])


def test_snr_counts_loudness_and_sign_and_is_infinite_of_the_same():
    np.testing.assert_allclose(snr_db(NOISE, 0.5 * NOISE), 20 * math.log10(2))
    np.testing.assert_allclose(snr_db(NOISE, -NOISE), -20 * math.log10(2))
    assert np.isinf(snr_db(NOISE, NOISE)).all()


def plain_distance(target, made):
    """The definition, frame by frame, in plain numpy."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    distances = []
    for start in range(0, len(target) - 1024 + 1, 256):
        levels = []
        for waveform in (target, made):
            spectrum = np.fft.rfft(waveform[start : start + 1024] * window)
            amplitude = 2 * np.abs(spectrum) / window.sum()
            levels.append(np.maximum(20 * np.log10(np.maximum(amplitude, 1e-20)), -80))
        distances.append(np.sqrt(np.mean((levels[0] - levels[1]) ** 2)))
    return np.mean(distances)


def test_spectral_distance_agrees_with_its_definition():
    made = RNG.normal(0, 0.05, NOISE.shape)
    made[0, 3000:] = 0
    expected = [plain_distance(*pair) for pair in zip(NOISE, made, strict=True)]
    np.testing.assert_allclose(log_spectral_distance(NOISE, made), expected, rtol=1e-4)


def test_spectral_distance_of_a_louder_copy_is_the_gain_and_of_the_other_sign_nothing():
    np.testing.assert_allclose(log_spectral_distance(NOISE, 2 * NOISE), 20 * math.log10(2), 1e-3)
    np.testing.assert_allclose(log_spectral_distance(NOISE, -NOISE), 0, atol=1e-6)


def test_levels_have_a_sine_of_full_scale_at_zero_and_silence_at_the_floor():
    sine = np.sin(2 * np.pi * 64 / 1024 * np.arange(RATE))
    levels = levels_db(np.stack([sine, 0 * sine]))
    np.testing.assert_allclose(levels[0, 64], 0, atol=1e-3)
    assert levels[0, 200].max() < -75
    assert (levels[1] == -80).all()


def test_envelope_is_the_rectified_waveform_times_the_filter_s_power():
    """Forwards and backwards is a multiplication by the squared gain, in the middle of a file."""
    waveform = np.tile(clicks(0.1, 0.5), 4)[None]
    b, a = butter(2, 20, fs=RATE)
    frequency = np.fft.rfftfreq(waveform.shape[1]) * 2 * np.pi
    gain = np.abs(freqz(b, a, frequency)[1]) ** 2
    expected = np.fft.irfft(np.fft.rfft(np.abs(waveform[0])) * gain, waveform.shape[1])
    middle = slice(RATE, 3 * RATE)
    np.testing.assert_allclose(envelopes(waveform, RATE)[0, middle], expected[middle], atol=1e-5)


def test_envelope_correlation_hears_rhythm_and_neither_phase_nor_loudness():
    target = clicks(0.1, 0.35, 0.6)[None]
    other_noise = np.where(RNG.random(RATE) < 0.5, -1, 1) * target  # other phases, same envelope
    assert envelope_correlation(target, 0.2 * other_noise, rate=RATE) == pytest.approx(1)
    moved = clicks(0.22, 0.48, 0.73)[None]
    assert envelope_correlation(target, moved, rate=RATE) < 0.2
    both = [envelopes(each, RATE)[0] for each in (target, moved)]
    expected = np.corrcoef(both)[0, 1]
    assert envelope_correlation(target, moved, rate=RATE) == pytest.approx(expected)


def test_envelope_correlation_with_silence_is_zero():
    assert envelope_correlation(NOISE, 0 * NOISE, rate=RATE).tolist() == [0, 0, 0]


@pytest.mark.parametrize("by", ["spectrum", "envelope"])
def test_nearest_is_what_the_measure_says_of_all_pairs(by):
    rng = np.random.default_rng(1)
    times = rng.uniform(0, 0.8, (40, 3))
    windows = np.stack([clicks(*row) for row in times])
    queries, candidates = windows[:5], windows[5:]
    nearest = nearest_windows(queries, iter(np.array_split(candidates, 4)), by=by, rate=RATE)
    values = []
    for query in queries:
        repeated = np.repeat(query[None], len(candidates), 0)
        if by == "spectrum":
            values.append(log_spectral_distance(repeated, candidates))
        else:
            values.append(-envelope_correlation(repeated, candidates, rate=RATE))
    values = np.array(values)
    assert nearest.rows.tolist() == values.argmin(1).tolist()
    assert np.array_equal(nearest.windows, candidates[nearest.rows])


def test_fidelity_is_all_three():
    measured = fidelity(NOISE, NOISE / 2, rate=RATE)
    assert measured["snr_db"].tolist() == snr_db(NOISE, NOISE / 2).tolist()
    expected = log_spectral_distance(NOISE, NOISE / 2)
    assert measured["spectral_distance_db"].tolist() == expected.tolist()
    assert measured["envelope_correlation"] == pytest.approx(np.ones(3))


MEASURES = {
    "snr": snr_db,
    "lsd": log_spectral_distance,
    "envelope": lambda *pair: envelope_correlation(*pair, rate=RATE),
    "nearest": lambda *pair: nearest_windows(pair[0], [pair[1]], rate=RATE),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_refuses_nothing_nan_and_other_lengths(measure):
    with pytest.raises(ValueError, match="at least one"):
        measure(np.zeros((0, RATE)), np.zeros((0, RATE)))
    broken = NOISE.copy()
    broken[1, 7] = np.nan
    for pair in ((broken, NOISE), (NOISE, broken)):
        with pytest.raises(ValueError, match="finite"):
            measure(*pair)
    with pytest.raises((ValueError, TypeError)):
        measure(NOISE, NOISE[:, :-1])


def test_refuses_what_has_no_answer():
    with pytest.raises(ValueError, match="silent"):
        snr_db(0 * NOISE, NOISE)
    with pytest.raises(ValueError, match="1024 samples"):
        log_spectral_distance(NOISE[:, :1000], NOISE[:, :1000])
    with pytest.raises(ValueError, match="400 samples"):
        envelope_correlation(NOISE[:, :399], NOISE[:, :399], rate=RATE)
    with pytest.raises(ValueError, match="rate"):
        envelope_correlation(NOISE, NOISE, rate=40)
    with pytest.raises(ValueError, match="no candidate"):
        nearest_windows(NOISE, [], rate=RATE)
    with pytest.raises(ValueError, match="by"):
        nearest_windows(NOISE, [NOISE], by="ear", rate=RATE)

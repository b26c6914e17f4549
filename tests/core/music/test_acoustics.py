import math

import numpy as np
import pytest

from synvae_core.music.acoustics import (
    REVERB_SECONDS,
    add_reverb,
    integrated_loudness,
    k_weighting,
    level,
)

RATE = 32_000


def tone(seconds, decibels, *, hertz=1_000, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    return (10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def test_weighting_at_48_khz_is_that_of_the_recommendation():
    # ITU-R BS.1770-5, tables 1 and 2
    head, low = k_weighting(48_000)
    np.testing.assert_allclose(head[0], [1.53512485958697, -2.69169618940638, 1.19839281085285])
    np.testing.assert_allclose(head[1], [1, -1.69065929318241, 0.73248077421585])
    np.testing.assert_allclose(low[0], [1, -2, 1])
    np.testing.assert_allclose(low[1], [1, -1.99004745483398, 0.99007225036621])


@pytest.mark.parametrize("rate", [16_000, RATE, 44_100, 48_000])
def test_a_full_tone_of_997_hz_has_the_loudness_of_the_recommendation(rate):
    full = tone(5, 0, hertz=997, rate=rate)
    assert integrated_loudness(full, rate) == pytest.approx(-3.01, abs=0.05)


# EBU Tech 3341, minimum requirements test signals 3 to 5, as of one channel: 3 LU less.
@pytest.mark.parametrize(
    "parts",
    [
        [(10, -36), (60, -23), (10, -36)],
        [(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)],
        [(20, -26), (20.1, -20), (20, -26)],
    ],
)
def test_quiet_parts_are_gated(parts):
    signal = np.concatenate([tone(*part) for part in parts])
    assert integrated_loudness(signal, RATE) == pytest.approx(-23 - 3.01, abs=0.1)


def test_silence_has_no_loudness_and_stays():
    silence = np.zeros(RATE, np.float32)
    assert integrated_loudness(silence, RATE) == -math.inf
    assert not level(silence, RATE, loudness=-20).any()


@pytest.mark.parametrize("decibels", [-50, -30, -3])
@pytest.mark.parametrize("seconds", [0.1, 3])
def test_levelling_brings_any_loudness_to_the_target_by_one_factor(decibels, seconds):
    signal = tone(seconds, decibels)
    levelled = level(signal, RATE, loudness=-20)
    assert integrated_loudness(levelled, RATE) == pytest.approx(-20, abs=1e-3)
    assert np.corrcoef(signal, levelled)[0, 1] == pytest.approx(1)


def test_what_is_all_but_silent_is_not_raised_to_a_noise():
    faint = tone(3, -66)
    gain = level(faint, RATE, loudness=-10).std() / faint.std()
    assert gain == pytest.approx(100, rel=1e-4)


def test_reverb_keeps_the_sound_adds_a_soft_tail_and_is_always_the_same():
    click = np.zeros(RATE, np.float32)
    click[100] = 1
    wet = add_reverb(click, RATE, wet=0.2)
    assert len(wet) == len(click) + round(REVERB_SECONDS * RATE)
    np.testing.assert_allclose(wet[:101], click[:101], atol=1e-7)
    tail = wet[101:]
    assert 0 < np.abs(tail).max() < 0.05
    assert (tail**2).sum() == pytest.approx(0.2**2, rel=0.01)
    early, late = (tail[round(s * RATE) :][: RATE // 10].std() for s in (0.05, 0.55))
    assert 20 * np.log10(early / late) == pytest.approx(30, abs=3)  # 60 dB a second
    assert np.array_equal(wet, add_reverb(click, RATE, wet=0.2))


def test_a_tail_ends_within_the_clip():
    wet = add_reverb(tone(1, -10), RATE, wet=0.3)
    assert 20 * np.log10(np.abs(wet[-RATE // 100 :]).max() / np.abs(wet).max()) < -60


def test_without_reverb_only_silence_is_added():
    signal = tone(1, -10)
    dry = add_reverb(signal, RATE, wet=0)
    assert np.array_equal(dry[: len(signal)], signal)
    assert not dry[len(signal) :].any()


def test_levels_out_of_range_are_refused():
    with pytest.raises(ValueError, match="reverb is a share"):
        add_reverb(tone(1, 0), RATE, wet=1.1)
    with pytest.raises(ValueError, match="LUFS"):
        level(tone(1, 0), RATE, loudness=0)

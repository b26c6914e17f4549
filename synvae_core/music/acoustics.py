"""A soft reverb, and loudness as it is heard: what a performance has and a measurement has not.

Loudness after ITU-R BS.1770-5 (2023), "Algorithms to measure audio programme loudness and
true-peak audio level"; the reverb is noise that decays, after Moorer 1979, "About This
Reverberation Business", and the same in each clip.
"""

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float32

REVERB_SECONDS = 1.0  # until it has decayed by 60 dB; a clip is as much longer
PREDELAY_SECONDS = 0.012
BRIGHTNESS_HZ = 3_500  # above, a room's walls take more
SILENT_LUFS = -70.0  # the absolute gate: what is below is no sound
BLOCK_SECONDS, BLOCKS_OVERLAPPING = 0.4, 4
RELATIVE_GATE = -10.0  # LU below the mean of all that is above the absolute gate
MOST_GAIN = 40.0  # dB
TAIL_SECONDS = 0.5  # in which the filters below have long decayed, by 1,000 dB and more


def add_reverb(
    waveform: Float32[np.ndarray, " n"], sample_rate: int, *, wet: float
) -> Float32[np.ndarray, " m"]:
    """A waveform (n,) with the sound of a small room, and `REVERB_SECONDS` longer.

    Args:
        wet: level of the room as a share of a note's own, 0..1.

    Raises:
        ValueError: if `wet` is not 0..1.
    """
    if not 0 <= wet <= 1:
        raise ValueError(f"reverb is a share 0..1, got {wet}")
    dry = np.pad(waveform, (0, round(REVERB_SECONDS * sample_rate)))
    if not wet:
        return dry
    response = _room(sample_rate)
    size = _fft_size(len(dry) + len(response))
    spectrum = np.fft.rfft(dry, size) * np.fft.rfft(response, size)
    return (dry + wet * np.fft.irfft(spectrum, size)[: len(dry)]).astype(np.float32)


@lru_cache(maxsize=4)
def _room(sample_rate: int) -> Float32[np.ndarray, " n"]:
    """Impulse response of a room: noise of unit energy that decays by 60 dB, ever darker."""
    seconds = np.arange(round(REVERB_SECONDS * sample_rate)) / sample_rate
    noise = np.random.default_rng(0).standard_normal(len(seconds))
    pole = math.exp(-2 * math.pi * BRIGHTNESS_HZ / sample_rate)
    noise = _filtered(noise, [1 - pole], [1, -pole], sample_rate)
    noise *= 10 ** (-3 * seconds / REVERB_SECONDS)
    noise *= np.minimum(seconds / 0.02, 1)  # no single early echo, which would blur onsets
    response = np.concatenate([np.zeros(round(PREDELAY_SECONDS * sample_rate)), noise])
    return (response / np.sqrt((response**2).sum())).astype(np.float32)[: len(seconds)]


def integrated_loudness(waveform: Float[np.ndarray, " n"], sample_rate: int) -> float:
    """Gated loudness of a mono waveform (n,) in LUFS; minus infinity if it is silent.

    What is shorter than 0.4 s is measured as a whole.
    """
    if not waveform.any():
        return -math.inf
    weighted = waveform.astype(np.float64)
    for numerator, denominator in k_weighting(sample_rate):
        weighted = _filtered(weighted, numerator, denominator, sample_rate)
    block = min(round(BLOCK_SECONDS * sample_rate), len(weighted))
    hop = max(block // BLOCKS_OVERLAPPING, 1)
    energy = np.concatenate([[0], np.cumsum(weighted**2)])
    starts = np.arange(0, len(weighted) - block + 1, hop)
    powers = (energy[starts + block] - energy[starts]) / block
    heard = powers[_lufs(powers) > SILENT_LUFS]
    if not len(heard):
        return -math.inf
    heard = heard[_lufs(heard) > _lufs(heard.mean()) + RELATIVE_GATE]
    return float(_lufs(heard.mean()))


def level(
    waveform: Float32[np.ndarray, " n"], sample_rate: int, *, loudness: float
) -> Float32[np.ndarray, " n"]:
    """A waveform (n,) by the one factor that gives it a loudness in LUFS; silence stays silence.

    Raises:
        ValueError: if the loudness is not -60..-10 LUFS.
    """
    if not -60 <= loudness <= -10:
        raise ValueError(f"loudness is -60..-10 LUFS, got {loudness}")
    found = integrated_loudness(waveform, sample_rate)
    if math.isinf(found):
        return waveform
    return (waveform * 10 ** (min(loudness - found, MOST_GAIN) / 20)).astype(np.float32)


def k_weighting(sample_rate: int) -> list[tuple[list[float], list[float]]]:
    """The two filters of BS.1770 as (numerator, denominator): of the head, and of low frequencies.

    The recommendation has their coefficients at 48 kHz; these are the analogue filters behind them
    at any rate, by the bilinear transform.
    """
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    head = [
        (high + band * k / quality + k * k),
        2 * (k * k - high),
        high - band * k / quality + k * k,
    ]
    shelf = [1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale]
    low = math.tan(math.pi * 38.13547087602444 / sample_rate)
    quality = 0.5003270373238773
    rest = 1 + low / quality + low * low
    through = [1.0, 2 * (low * low - 1) / rest, (1 - low / quality + low * low) / rest]
    return [([value / scale for value in head], shelf), ([1.0, -2.0, 1.0], through)]


def _filtered(
    waveform: Float[np.ndarray, " n"],
    numerator: list[float],
    denominator: list[float],
    sample_rate: int,
) -> Float[np.ndarray, " n"]:
    """A recursive filter of a waveform (n,), by its frequency response.

    Of what `scipy.signal.lfilter` returns, this differs by rounding alone, and scipy.signal would
    be a second and 44 MB of each live page.
    """
    size = _fft_size(len(waveform) + round(TAIL_SECONDS * sample_rate))
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    return np.fft.irfft(np.fft.rfft(waveform, size) * response, size)[: len(waveform)]


def _fft_size(samples: int) -> int:
    return 1 << (samples - 1).bit_length()


def _lufs(power: Float[np.ndarray, "*n"] | np.floating) -> Float[np.ndarray, "*n"] | np.floating:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))

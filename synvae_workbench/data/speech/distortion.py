"""Distortion of recordings as other throats, rooms and microphones would distort them.

Speed and pitch together stand for the length of a vocal tract (Jaitly & Hinton 2013, "Vocal tract
length perturbation"; Ko et al. 2015, "Audio augmentation for speech recognition"); reverberation is
decaying noise; microphones tilt the spectrum and cut bands; noise is white to brown.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from synvae_workbench.data.speech.recordings import SPEECH_RATE

SPEED = (0.82, 1.22)  # of what it was; pitch and formants go along
REVERBERATION = (0.03, 0.25)  # seconds until it is 60 dB down
TILT = 0.7  # coefficient of first-order emphasis, either way
LOW_CUT, HIGH_CUT = (80, 400), (2200, 3900)  # Hz
SIGNAL_TO_NOISE = (5, 45)  # dB
SHARES = {"reverberation": 0.5, "tilt": 0.6, "band": 0.3, "noise": 0.8}  # of recordings
_SHORTEST = 400  # samples


def distort(
    waveform: Float32[np.ndarray, " samples"], rng: np.random.Generator
) -> Float32[np.ndarray, " _"]:
    """A random distortion of a waveform at 8 kHz, with a peak of 1.

    Speed, and in shares of the cases reverberation, tilt, band limits and noise.
    """
    from scipy.signal import butter, fftconvolve, lfilter

    speed = np.exp(rng.uniform(*np.log(SPEED)))
    count = max(_SHORTEST, int(len(waveform) / speed))
    x = np.interp(np.linspace(0, len(waveform) - 1, count), np.arange(len(waveform)), waveform)
    x /= np.abs(x).max()
    if rng.random() < SHARES["reverberation"]:
        x = fftconvolve(x, _room(rng))
    if rng.random() < SHARES["tilt"]:
        x = lfilter([1, -rng.uniform(-TILT, TILT)], [1], x)
    if rng.random() < SHARES["band"]:
        band = np.array([rng.uniform(*LOW_CUT), rng.uniform(*HIGH_CUT)])
        x = lfilter(*butter(2, band / (SPEECH_RATE / 2), "band"), x)
    if rng.random() < SHARES["noise"]:
        x = x + _noise(len(x), rng) * np.sqrt(np.square(x).mean() / _ratio(rng))
    return (x / np.abs(x).max()).astype(np.float32)


def distorted_copies(
    waveforms: Sequence[Float32[np.ndarray, " _"]], *, copies: int, seed: int
) -> list[Float32[np.ndarray, " _"]]:
    """Distorted copies of waveforms, one of each, and again; each drawn by seed and place alone."""
    seeds = np.random.SeedSequence(seed).spawn(copies * len(waveforms))
    return [
        distort(waveforms[i % len(waveforms)], np.random.default_rng(each))
        for i, each in enumerate(seeds)
    ]


def _room(rng: np.random.Generator) -> np.ndarray:
    """Impulse response: the direct sound, and noise that decays by 60 dB."""
    count = int(SPEECH_RATE * rng.uniform(*REVERBERATION))
    response = rng.standard_normal(count) * np.exp(-np.log(1000) * np.arange(count) / count)
    response[0] = rng.uniform(1, 4) * np.sqrt(np.square(response).sum())
    return response


def _noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of mean power 1, white or, as often, up to brown."""
    from scipy.signal import lfilter

    noise = rng.standard_normal(count)
    if rng.random() < 0.5:
        noise = lfilter([1], [1, -rng.uniform(0.5, 0.97)], noise)
    return noise / np.sqrt(np.square(noise).mean())


def _ratio(rng: np.random.Generator) -> float:
    return 10 ** (rng.uniform(*SIGNAL_TO_NOISE) / 10)

"""Distortion of recordings as other throats, rooms and microphones would distort them.

Speed and pitch together stand for the length of a vocal tract (Jaitly & Hinton 2013, "Vocal tract
length perturbation"; Ko et al. 2015, "Audio augmentation for speech recognition"), and in half of
the cases the formants go their own way, as high voices of long throats do; reverberation is
decaying noise; microphones tilt the spectrum, colour it and cut bands; noise is white to brown.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

from synvae_workbench.data.speech.recordings import SPEECH_RATE

SPEED = (0.82, 1.22)  # of what it was; pitch and formants go along
FORMANTS = (0.8, 1.25)  # of what they were, where they do not go along
REVERBERATION = (0.03, 0.25)  # seconds until it is 60 dB down
TILT = 0.7  # coefficient of first-order emphasis, either way
COLOUR = 6  # dB, standard deviation of the gains of nine frequencies from 0 to 4 kHz
LOW_CUT, HIGH_CUT = (80, 400), (2200, 3900)  # Hz
SIGNAL_TO_NOISE = (5, 45)  # dB
SHARES = {  # of recordings
    **{"formants": 0.5, "reverberation": 0.5, "tilt": 0.6, "colour": 0.2, "band": 0.3},
    "noise": 0.8,
}
_SHORTEST = 400  # samples
_WINDOW, _HOP, _CEPSTRUM = 256, 64, 20  # samples; an envelope has no pitch below 400 Hz
_MOST_GAIN = 6.0  # of a frequency, either way, in nepers


def distort(
    waveform: Float32[np.ndarray, " samples"], rng: np.random.Generator
) -> Float32[np.ndarray, " _"]:
    """A random distortion of a waveform at 8 kHz, with a peak of 1.

    Speed, and in shares of the cases formants, reverberation, tilt, colour, band limits and noise.
    """
    from scipy.signal import butter, fftconvolve, lfilter

    speed = np.exp(rng.uniform(*np.log(SPEED)))
    count = max(_SHORTEST, int(len(waveform) / speed))
    x = np.interp(np.linspace(0, len(waveform) - 1, count), np.arange(len(waveform)), waveform)
    x /= np.abs(x).max()
    if rng.random() < SHARES["formants"]:
        x = move_formants(x, np.exp(rng.uniform(*np.log(FORMANTS))) / speed)
    if rng.random() < SHARES["reverberation"]:
        x = fftconvolve(x, _room(rng))
    if rng.random() < SHARES["tilt"]:
        x = lfilter([1, -rng.uniform(-TILT, TILT)], [1], x)
    if rng.random() < SHARES["colour"]:
        x = _coloured(x, rng)
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


def move_formants(x: Float[np.ndarray, " n"], ratio: float) -> Float[np.ndarray, " n"]:
    """Speech whose formants are at `ratio` of their frequencies, and whose pitch stays.

    The spectral envelope, of the first coefficients of the cepstrum, is warped.
    """
    from scipy.signal import istft, stft

    framing = {"nperseg": _WINDOW, "noverlap": _WINDOW - _HOP}
    spectrum = stft(x, **framing)[2]
    level = np.log(np.abs(spectrum) + 1e-6 * np.abs(spectrum).max())
    cepstrum = np.fft.irfft(level, axis=0)
    cepstrum[_CEPSTRUM + 1 : -_CEPSTRUM] = 0
    envelope = np.fft.rfft(cepstrum, axis=0).real
    place = np.minimum(np.arange(len(envelope)) / ratio, len(envelope) - 1)
    below = np.minimum(place.astype(int), len(envelope) - 2)
    above = (place - below)[:, None]
    moved = envelope[below] * (1 - above) + envelope[below + 1] * above
    spectrum *= np.exp((moved - envelope).clip(-_MOST_GAIN, _MOST_GAIN))
    return istft(spectrum, **framing)[1][: len(x)]


def _coloured(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(x)
    gains = np.interp(np.linspace(0, 8, len(spectrum)), np.arange(9), rng.normal(0, COLOUR, 9))
    return np.fft.irfft(spectrum * 10 ** (gains / 20), len(x))


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

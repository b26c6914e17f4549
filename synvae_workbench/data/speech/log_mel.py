"""Log-mel spectrograms of spoken digits, 48 bands by 48 frames.

Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv 2109.13354, turn
recordings of the Free Spoken Digit Dataset into mel spectrograms of 48 x 48, and do not say how.
Here: bands after Slaney 1998, "Auditory Toolbox" (as in librosa: linear up to 1 kHz, then
logarithmic, each of the same area), Hann windows of 32 ms, evenly over the word: it fills the
picture, said fast or slowly. Without that (windows of 64 ms every 16 ms, 0.752 s of every
recording), fewer digits of people whom a model never heard were understood.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from synvae_workbench.data.speech.recordings import SPEECH_RATE

TRANSFORM_VERSION = 4  # part of the cache's name; raise it when the spectrograms change
MEL_SIDE = 48  # bands, and frames
WINDOW, FFT = 256, 512  # samples; the window is padded, so that low bands have frequencies
SPAN = 6016  # samples at most that the frames are spread over: 0.752 s
RANGE_DB = 80.0  # below the loudest band and frame; anything quieter is black
QUIET_DB = 40.0  # below the loudest 10 ms; quieter ends are trimmed
LOUD_DB = 20.0  # below the loudest 10 ms; what is louder is never taken for the noise of a room
FLOOR_SHARE, FLOOR_FACTOR = 0.2, 4.0  # the quietest 10 ms, and the power of speech above theirs
PAUSE = 20  # blocks of 10 ms; a longer pause parts a word from the next
SMALLEST_POWER = 1e-10  # as librosa's `amin`
_BLOCK = SPEECH_RATE // 100
_CHUNK = 32  # recordings at once; more do not fit the processor's cache and are slower


def log_mel(waveforms: Sequence[np.ndarray]) -> UInt8[Tensor, "n 1 48 48"]:
    """Log-mel spectrograms in bytes: 255 at each recording's maximum, 0 at 80 dB below and less.

    Rows are bands from low to high, columns frames. The level of a recording has no effect.

    Args:
        waveforms: mono (samples,) at 8 kHz, of any lengths.

    Raises:
        ValueError: as `speech_frame`, naming the place of the waveform.
    """
    levels = log_mel_db(waveforms)
    return ((levels / RANGE_DB + 1) * 255).round().to(torch.uint8)[:, None]


def log_mel_db(waveforms: Sequence[np.ndarray]) -> Float32[Tensor, "n 48 48"]:
    """Log-mel spectrograms in decibels, -80..0, 0 at each recording's maximum.

    Raises:
        ValueError: as `log_mel`.
    """
    levels = torch.empty(len(waveforms), MEL_SIDE, MEL_SIDE)
    filters = torch.from_numpy(mel_filters().T.copy())
    window = torch.hann_window(WINDOW)
    for start in range(0, len(waveforms), _CHUNK):
        chunk = waveforms[start : start + _CHUNK]
        frames = np.stack([_frames(w, start + i) for i, w in enumerate(chunk)])
        spectrum = torch.fft.rfft(torch.from_numpy(frames).mul_(window), FFT)
        power = (spectrum.real.square() + spectrum.imag.square()) @ filters
        decibels = 10 * power.clamp(min=SMALLEST_POWER).log10()
        decibels -= decibels.amax((1, 2), keepdim=True)
        levels[start : start + len(chunk)] = decibels.clamp(min=-RANGE_DB).mT
    return levels


def spoken_part(waveform: np.ndarray) -> Float32[np.ndarray, " part"]:
    """Part of a waveform that a spectrogram shows, 0.752 s at most, scaled to a peak of 1.

    Quiet is what is 40 dB below the loudest 10 ms and, in what lasts longer than a word, the noise
    of the room. Quiet ends are trimmed; of parts with 0.2 s of quiet between them the one of most
    energy is taken, and of what is longer, the 0.752 s of most energy.

    Raises:
        ValueError: unless the waveform is (samples,) of finite numbers that are not all zero.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or not waveform.size or waveform.dtype.kind != "f":
        raise ValueError(
            f"a waveform is (samples,) of floats, at least one: got {waveform.dtype} of shape "
            f"{waveform.shape}"
        )
    peak = np.abs(waveform).max()
    if not 0 < peak < np.inf:
        raise ValueError(f"a waveform is finite, and not silent: its peak is {peak}")
    scaled = (waveform / peak).astype(np.float32)
    energy = np.square(scaled)
    blocks = np.add.reduceat(energy, np.arange(0, len(scaled), _BLOCK))
    quiet = blocks.max() * 10 ** (-QUIET_DB / 10)
    if len(scaled) > SPAN:
        room = FLOOR_FACTOR * np.quantile(blocks, FLOOR_SHARE)
        quiet = max(quiet, min(room, blocks.max() * 10 ** (-LOUD_DB / 10)))
    heard = np.flatnonzero(blocks > quiet)
    words = np.split(heard, np.flatnonzero(np.diff(heard) > PAUSE) + 1)
    word = max(words, key=lambda each: blocks[each].sum())
    start, stop = word[0] * _BLOCK, min((word[-1] + 1) * _BLOCK, len(scaled))
    if stop - start > SPAN:
        total = np.cumsum(np.append(0.0, energy[start:stop]))
        start += int((total[SPAN:] - total[:-SPAN]).argmax())
        stop = start + SPAN
    return scaled[start:stop]


def mel_filters() -> Float32[np.ndarray, "48 257"]:
    """Triangular mel filters over the frequencies of a frame: of equal area, even in mels."""
    corners = _hertz(np.linspace(0, _mel(SPEECH_RATE / 2), MEL_SIDE + 2))
    low, centre, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    frequency = np.fft.rfftfreq(FFT, 1 / SPEECH_RATE)
    rising, falling = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
    return (np.minimum(rising, falling).clip(0) * 2 / (high - low)).astype(np.float32)


# 15 mels are 1 kHz; from there on 27 mels are a factor of 6.4.
_LINEAR, _CORNER, _STEP = 200 / 3, 1000.0, math.log(6.4) / 27


def _mel(hertz: float) -> float:
    above = max(hertz, _CORNER) / _CORNER
    return min(hertz, _CORNER) / _LINEAR + math.log(above) / _STEP


def _hertz(mels: np.ndarray) -> np.ndarray:
    corner = _CORNER / _LINEAR
    return np.minimum(mels, corner) * _LINEAR * np.exp(np.maximum(mels - corner, 0) * _STEP)


def _frames(waveform: np.ndarray, place: int) -> Float32[np.ndarray, "48 256"]:
    """Frames centred from the first to the last sample of the spoken part, with zeros around it."""
    try:
        part = spoken_part(waveform)
    except ValueError as error:
        raise ValueError(f"recording {place}: {error}") from error
    starts = np.linspace(0, len(part), MEL_SIDE).round().astype(int)
    padded = np.pad(part, WINDOW // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[starts]

"""Decoding of a recording of a spoken digit, of any format, rate and channels, to 8 kHz mono.

libsndfile reads it (WAV, FLAC, Ogg and more); files too long for a digit are refused unread.
"""

import functools
import io
import math
import os
import stat
import struct
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from synvae_core.places import whole_path
from synvae_workbench.data.audio_files import SILENCE, check_format, open_sound, sound_blocks
from synvae_workbench.data.files import BrokenFile
from synvae_workbench.data.riff import find_samples

READER_VERSION = 2  # part of the cache's name; raise it when the waveforms change
SPEECH_RATE = 8000  # Hz, as the Free Spoken Digit Dataset
MIN_SECONDS, MAX_SECONDS = 0.05, 10
MAX_BYTES = 1 << 26  # of a file; ten seconds at the highest rate are fewer
_TOO_LONG = "too long for a digit: cut the digit out"
_PCM = 1  # WAVE_FORMAT_PCM
EXPECTED = f"expected a spoken digit in WAV, FLAC or Ogg, of {MIN_SECONDS} to {MAX_SECONDS} s"


def read_recording(
    source: Path | str | bytes, *, name: str = ""
) -> Float32[np.ndarray, " samples"]:
    """Reads a recording as a mono waveform at 8 kHz, within -1..1.

    Channels are averaged. Waveforms beyond full scale, as floats allow, are scaled down.

    Args:
        source: a path, or the bytes of a file.
        name: for errors, by default the path.

    Raises:
        ValueError: if it is no sound, broken, silent, too short or too long, or not finite.
    """
    source = source if isinstance(source, bytes) else whole_path(source)
    label = name or ("the recording" if isinstance(source, bytes) else str(source))
    try:
        content = source if isinstance(source, bytes) else read_content(source)
        return decode_recording(content)
    except BrokenFile as error:
        raise ValueError(f"{label} {error}; {EXPECTED}") from error


def read_content(path: Path | str) -> bytes:
    """Reads a file's bytes.

    Raises:
        BrokenFile: if it is no regular file, cannot be opened or is too large for a digit.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise BrokenFile("is no regular file")
        if status.st_size > MAX_BYTES:
            raise BrokenFile(f"has {status.st_size:,} bytes, more than {MAX_BYTES:,}")
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        if isinstance(error, BrokenFile):
            raise
        reason = getattr(error, "strerror", None) or error
        raise BrokenFile(f"cannot be opened ({reason})") from error


def decode_recording(content: bytes) -> Float32[np.ndarray, " samples"]:
    """Decodes a file's bytes to a waveform at 8 kHz.

    Raises:
        BrokenFile: if it is no sound, silent, or too short or long for a digit.
    """
    if not content:
        raise BrokenFile("is empty")
    samples, rate = _plain_samples(content) or _samples(content)
    mono = samples.shape[1] == 1
    waveform = samples[:, 0] if mono else samples.mean(1, dtype=np.float64)
    if np.ptp(waveform) < 2 * SILENCE:
        raise BrokenFile("is silent")
    if rate != SPEECH_RATE:
        waveform = resample_speech(waveform, rate)
    peak = max(waveform.max(), -waveform.min())
    return (waveform / peak if peak > 1 else waveform).astype(np.float32)


def _samples(content: bytes) -> tuple[Float32[np.ndarray, "samples channels"], int]:
    """Samples and rate; the header's length is checked before samples are read."""
    with open_sound(content) as file:
        if file.known_frames is not None:
            _check_length(file.known_frames, file.samplerate)
        blocks, count = [], 0
        for block in sound_blocks(file):
            blocks.append(block)
            count += len(block)
            if count > MAX_SECONDS * file.samplerate:  # of a length that the header leaves open
                raise BrokenFile(f"lasts more than {MAX_SECONDS} s, {_TOO_LONG}")
        _check_length(count, file.samplerate)
        return np.concatenate(blocks), file.samplerate


def _plain_samples(content: bytes) -> tuple[Float32[np.ndarray, "samples channels"], int] | None:
    """Samples and rate of an ordinary WAV file of 16 bits; None for any other or a broken one.

    libsndfile gives the same, but its callbacks take four times as long on short files.
    """
    found = find_samples(io.BytesIO(content), len(content))
    if found is None or len(found.form) < 16:
        return None
    kind, channels, rate, _, width, bits = struct.unpack("<HHIIHH", found.form[:16])
    if kind != _PCM or bits != 16 or not channels or width != 2 * channels:
        return None
    check_format(rate, channels)
    frames = found.length // width
    _check_length(frames, rate)
    samples = np.frombuffer(content, "<i2", frames * channels, found.start)
    return samples.reshape(-1, channels) * np.float32(1 / 32768), rate


def _check_length(frames: int, rate: int) -> None:
    seconds = frames / rate
    if seconds < MIN_SECONDS:
        raise BrokenFile(f"lasts {seconds:.4f} s ({frames} samples), too short for a digit")
    if seconds > MAX_SECONDS:
        raise BrokenFile(f"lasts {seconds:,.1f} s, {_TOO_LONG}")


def resample_speech(waveform: np.ndarray, rate: int) -> Float[np.ndarray, " samples"]:
    """Resamples a waveform to 8 kHz, with a low-pass filter at 4 kHz; one of 8 kHz is as it is."""
    if rate == SPEECH_RATE:
        return waveform.astype(np.float64)
    from scipy.signal import resample_poly  # slow to import, and not needed at 8 kHz

    up, down, low_pass = _resampler(rate)
    return resample_poly(waveform.astype(np.float64), up, down, window=low_pass)


@functools.lru_cache(maxsize=8)  # designing a filter takes longer than using it on a digit
def _resampler(rate: int) -> tuple[int, int, np.ndarray]:
    from scipy.signal import firwin

    common = math.gcd(SPEECH_RATE, rate)
    up, down = SPEECH_RATE // common, rate // common
    faster = max(up, down)
    return up, down, firwin(20 * faster + 1, 1 / faster, window=("kaiser", 5.0))

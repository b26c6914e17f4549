"""One recording of a spoken digit, in any format, rate and number of channels, as a waveform.

libsndfile reads it (WAV, FLAC, Ogg and more); nothing is read that is too long to be a digit.
"""

import functools
import io
import math
import os
import stat
import wave
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float, Float32

READER_VERSION = 1  # part of the cache's name; raise it when the waveforms change
SPEECH_RATE = 8000  # Hz, as the Free Spoken Digit Dataset
MIN_SECONDS, MAX_SECONDS = 0.05, 10
MAX_BYTES = 1 << 26  # of a file, which is read whole; ten seconds at the highest rate are fewer
RATES = (1000, 192_000)
MAX_CHANNELS = 8
SILENCE = 1e-4  # of full scale: what stays below is not heard, only the converter's noise
EXPECTED = f"expected a spoken digit in WAV, FLAC or Ogg, of {MIN_SECONDS} to {MAX_SECONDS} s"
_STREAMED = (0, 0x7FFF_FFFF, 0xFFFF_FFFF)  # sizes in a header that was written before the sound


class BrokenRecording(ValueError):
    """A recording that cannot be used; says why, to follow its name in a sentence."""


def read_recording(
    source: Path | str | bytes, *, name: str = ""
) -> Float32[np.ndarray, " samples"]:
    """The recording as a mono waveform at 8 kHz, within -1..1.

    Channels are averaged. Samples beyond full scale, which floats may have, are scaled down.

    Args:
        source: a file, or the contents of one.
        name: what an error calls it, by default its path.

    Raises:
        ValueError: if it is no sound, broken, silent, too short or too long, or not finite.
    """
    label = name or ("the recording" if isinstance(source, bytes) else str(source))
    try:
        content = source if isinstance(source, bytes) else read_content(source)
        return decode_recording(content)
    except BrokenRecording as error:
        raise ValueError(f"{label} {error}; {EXPECTED}") from error


def read_content(path: Path | str) -> bytes:
    """The file's bytes.

    Raises:
        BrokenRecording: if it is no regular file, cannot be opened or is too large to be a digit.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise BrokenRecording("is no regular file")
        if status.st_size > MAX_BYTES:
            raise BrokenRecording(f"has {status.st_size:,} bytes, more than {MAX_BYTES:,}")
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        if isinstance(error, BrokenRecording):
            raise
        reason = getattr(error, "strerror", None) or error
        raise BrokenRecording(f"cannot be opened ({reason})") from error


def decode_recording(content: bytes) -> Float32[np.ndarray, " samples"]:
    """The waveform, at 8 kHz, in a file's bytes.

    Raises:
        BrokenRecording: if it is no sound, or none that a spoken digit may be.
    """
    if not content:
        raise BrokenRecording("is empty")
    _check_riff(content)
    samples, rate = _samples(content)
    if not np.isfinite([samples.max(), samples.min()]).all():  # either is NaN where a sample is
        raise BrokenRecording("has samples that are NaN or infinite")
    mono = samples.shape[1] == 1
    waveform = samples[:, 0] if mono else samples.mean(1, dtype=np.float64)
    if np.ptp(waveform) < 2 * SILENCE:
        raise BrokenRecording("is silent")
    if rate != SPEECH_RATE:
        waveform = resampled(waveform, rate)
    peak = max(waveform.max(), -waveform.min())
    return (waveform / peak if peak > 1 else waveform).astype(np.float32)


def _samples(content: bytes) -> tuple[Float32[np.ndarray, "samples channels"], int]:
    """All samples and their rate, read only once the header says that they are few enough."""
    if (plain := _plain_samples(content)) is not None:
        return plain
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            rate, frames = file.samplerate, file.frames
            _check_facts(rate, file.channels, frames)
            samples = file.read(frames, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, TypeError, MemoryError) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
        raise BrokenRecording(f"cannot be read as sound ({reason})") from error
    if len(samples) < frames:
        raise BrokenRecording(f"ends after {len(samples):,} of {frames:,} samples")
    return samples, rate


def _plain_samples(content: bytes) -> tuple[Float32[np.ndarray, "samples channels"], int] | None:
    """Those of an ordinary WAV file of 16 bits; None for any other, broken ones included.

    libsndfile gives the same, but calls back for every piece: with thousands of short files, four
    times as long.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            rate, channels, frames = file.getframerate(), file.getnchannels(), file.getnframes()
            if file.getsampwidth() != 2:
                return None
            _check_facts(rate, channels, frames)
            samples = np.frombuffer(file.readframes(frames), np.int16)
    except (wave.Error, EOFError):
        return None
    if len(samples) < frames * channels:
        raise BrokenRecording(f"ends after {len(samples) // channels:,} of {frames:,} samples")
    return samples.reshape(-1, channels) * np.float32(1 / 32768), rate


def _check_facts(rate: int, channels: int, frames: int) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise BrokenRecording(f"has a rate of {rate:,} Hz, not of {RATES[0]:,} to {RATES[1]:,}")
    if channels > MAX_CHANNELS:
        raise BrokenRecording(f"has {channels} channels, more than {MAX_CHANNELS}")
    seconds = frames / rate
    if seconds < MIN_SECONDS:
        raise BrokenRecording(f"lasts {seconds:.4f} s ({frames} samples), too short for a digit")
    if seconds > MAX_SECONDS:
        raise BrokenRecording(f"lasts {seconds:,.1f} s, too long for a digit: cut the digit out")


def _check_riff(content: bytes) -> None:
    """Refuses a WAV file that was cut short, of which libsndfile would read the rest."""
    if content[:4] != b"RIFF":
        return
    promised = int.from_bytes(content[4:8], "little")
    # One byte may be missing: the one that pads an odd number of them.
    if promised not in _STREAMED and promised + 7 > len(content):
        raise BrokenRecording(f"is cut short: it has {len(content):,} of {promised + 8:,} bytes")


def resampled(waveform: np.ndarray, rate: int) -> Float[np.ndarray, " samples"]:
    """The waveform at 8 kHz; what it has above 4 kHz is filtered out."""
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

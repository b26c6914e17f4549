"""Reading of sound files in blocks, in any format that libsndfile reads.

Truncated files, which libsndfile would read to where they end, are refused, and so are sample rates
and numbers of channels out of range.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32

from synvae_workbench.data.files import BrokenFile

RATES = (1000, 192_000)  # Hz
MAX_CHANNELS = 8
SILENCE = 1e-4  # of full scale: below it lies only the noise of converters
BLOCK = 1 << 16  # samples of each channel that are in memory at a time
_STREAMED = (0, 0x7FFF_FFFF, 0xFFFF_FFFF)  # sizes in the headers of streams
_ERRORS = (soundfile.SoundFileError, RuntimeError, TypeError, OSError, ValueError)


@contextlib.contextmanager
def open_sound(source: Path | bytes) -> Iterator[soundfile.SoundFile]:
    """Opens a sound file, or the bytes of one.

    Raises:
        BrokenFile: if it is no sound, truncated, or of a rate or channels out of range.
    """
    check_riff(source)
    try:
        # A name as bytes, as soundfile itself encodes none that is not UTF-8.
        opened = io.BytesIO(source) if isinstance(source, bytes) else os.fsencode(source)
        file = soundfile.SoundFile(opened)
    except _ERRORS as error:
        raise BrokenFile(f"cannot be read as sound ({_reason(error)})") from error
    with file:
        check_format(file.samplerate, file.channels)
        yield file


def sound_blocks(file: soundfile.SoundFile) -> Iterator[Float32[np.ndarray, "samples channels"]]:
    """Samples of a sound file, in blocks.

    Raises:
        BrokenFile: if it cannot be read, ends before its header says, or is not finite.
    """
    count = 0
    try:
        for block in file.blocks(BLOCK, dtype="float32", always_2d=True):
            if not np.isfinite([block.max(), block.min()]).all():  # either is NaN where a sample is
                raise BrokenFile("has samples that are NaN or infinite")
            count += len(block)
            yield block
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise BrokenFile(f"cannot be read as sound to its end ({_reason(error)})") from error
    if count < file.frames:
        raise BrokenFile(f"ends after {count:,} of {file.frames:,} samples")


def check_riff(source: Path | bytes) -> None:
    """Refuses a truncated WAV file.

    Raises:
        BrokenFile: if it has fewer bytes than its header says, or cannot be opened.
    """
    try:
        head, size = (source[:8], len(source)) if isinstance(source, bytes) else _head(source)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise BrokenFile(f"cannot be opened ({error})") from error
    promised = int.from_bytes(head[4:8], "little")
    # The byte that pads an odd number of them may be missing.
    if head[:4] == b"RIFF" and promised not in _STREAMED and promised + 7 > size:
        raise BrokenFile(f"is cut short: it has {size:,} of {promised + 8:,} bytes")


def check_format(rate: int, channels: int) -> None:
    """Refuses, with a `BrokenFile`, a sample rate or a number of channels out of range."""
    if not RATES[0] <= rate <= RATES[1]:
        raise BrokenFile(f"has a rate of {rate:,} Hz, not of {RATES[0]:,} to {RATES[1]:,}")
    if channels > MAX_CHANNELS:
        raise BrokenFile(f"has {channels} channels, more than {MAX_CHANNELS}")


def _head(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return file.read(8), path.stat().st_size


def _reason(error: Exception) -> str:
    """Message of libsndfile, without the file's name."""
    return str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__

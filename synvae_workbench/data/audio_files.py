"""Sound files of any format that libsndfile reads: opened, and read in blocks.

A file is refused that was cut short, of which libsndfile would read the rest, and one of a rate or
a number of channels that no recording has.
"""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32

from synvae_workbench.data.files import BrokenFile

RATES = (1000, 192_000)  # Hz
MAX_CHANNELS = 8
SILENCE = 1e-4  # of full scale: what stays below is not heard, only the converter's noise
BLOCK = 1 << 16  # samples of each channel that are in memory at a time
_STREAMED = (0, 0x7FFF_FFFF, 0xFFFF_FFFF)  # sizes in a header that was written before the sound
_ERRORS = (soundfile.SoundFileError, RuntimeError, TypeError, OSError, ValueError)


@contextlib.contextmanager
def open_sound(source: Path | bytes) -> Iterator[soundfile.SoundFile]:
    """The sound in a file, or in the contents of one.

    Raises:
        BrokenFile: if it is no sound, cut short, or of another rate or more channels.
    """
    check_riff(source)
    try:
        file = soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except _ERRORS as error:
        raise BrokenFile(f"cannot be read as sound ({_reason(error)})") from error
    with file:
        check_format(file.samplerate, file.channels)
        yield file


def sound_blocks(file: soundfile.SoundFile) -> Iterator[Float32[np.ndarray, "samples channels"]]:
    """All samples of the file, a block at a time.

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
    """Refuses a WAV file that was cut short.

    Raises:
        BrokenFile: if its header promises more bytes than there are, or it cannot be opened.
    """
    try:
        head, size = (source[:8], len(source)) if isinstance(source, bytes) else _head(source)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise BrokenFile(f"cannot be opened ({error})") from error
    promised = int.from_bytes(head[4:8], "little")
    # One byte may be missing: the one that pads an odd number of them.
    if head[:4] == b"RIFF" and promised not in _STREAMED and promised + 7 > size:
        raise BrokenFile(f"is cut short: it has {size:,} of {promised + 8:,} bytes")


def check_format(rate: int, channels: int) -> None:
    """Refuses, with a `BrokenFile`, a rate or a number of channels that no recording has."""
    if not RATES[0] <= rate <= RATES[1]:
        raise BrokenFile(f"has a rate of {rate:,} Hz, not of {RATES[0]:,} to {RATES[1]:,}")
    if channels > MAX_CHANNELS:
        raise BrokenFile(f"has {channels} channels, more than {MAX_CHANNELS}")


def _head(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        return file.read(8), path.stat().st_size


def _reason(error: Exception) -> str:
    """The error that libsndfile gives, without the file's name."""
    return str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__

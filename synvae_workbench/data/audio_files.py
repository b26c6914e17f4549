"""Reading of sound files in blocks, in any format that libsndfile reads.

The sizes in a WAV file's header are checked by the file's length, and the length that a FLAC file
gives is not believed where it is open. Truncated files, which libsndfile would read to where they
end, are refused, and so are sample rates and numbers of channels out of range.
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
from synvae_workbench.data.riff import find_samples, rewritten, whole

# Of the containers that libsndfile reads and that are met with.
SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".w64", ".rf64", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga"),
        *(".opus", ".mp3", ".au", ".snd", ".caf"),
    }
)
RATES = (1000, 192_000)  # Hz
MAX_CHANNELS = 8
SILENCE = 1e-4  # of full scale: below it lies only the noise of converters
BLOCK = 1 << 16  # samples of each channel that are in memory at a time
_OPEN_LENGTH = 1 << 62  # frames: libsndfile's word for a length that the header leaves open


class SoundStream(soundfile.SoundFile):
    """A sound file that is read from its start to its end.

    soundfile seeks after each block otherwise, which speech codecs and FLAC of open length cannot.
    """

    def seekable(self) -> bool:
        return False

    @property
    def known_frames(self) -> int | None:
        """Number of samples of each channel by the header; None if that leaves it open."""
        return None if self.frames >= _OPEN_LENGTH else self.frames


@contextlib.contextmanager
def open_sound(source: Path | bytes) -> Iterator[SoundStream]:
    """Opens a sound file, or the bytes of one.

    Raises:
        BrokenFile: if it is no sound, truncated, or of a rate or channels out of range.
    """
    with open_bytes(source) as content:
        size = content.seek(0, io.SEEK_END)
        samples = find_samples(content, size)
        if samples is not None and not samples.as_declared:
            opened: io.BufferedIOBase | bytes = rewritten(content, samples)
        elif isinstance(source, bytes):
            opened = whole(content, size)
        else:  # by its name, which is faster; as bytes, as soundfile encodes UTF-8 alone
            opened = os.fsencode(source)
        try:
            file = SoundStream(opened)
        except Exception as error:  # soundfile raises nearly anything at broken bytes
            raise BrokenFile(f"cannot be read as sound ({_reason(error)})") from error
        with file:
            check_format(file.samplerate, file.channels)
            yield file


@contextlib.contextmanager
def open_bytes(source: Path | bytes) -> Iterator[io.BufferedIOBase]:
    """Opens a file, or the bytes of one, to be read.

    Raises:
        BrokenFile: if it cannot be opened.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    try:
        file = source.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise BrokenFile(f"cannot be opened ({getattr(error, 'strerror', 0) or error})") from error
    with file:
        yield file


def sound_blocks(file: SoundStream) -> Iterator[Float32[np.ndarray, "samples channels"]]:
    """Samples of a sound file, in blocks.

    Raises:
        BrokenFile: if it cannot be read, ends before its header says, or is not finite.
    """
    count = 0
    while len(block := _next_block(file)):
        if not np.isfinite([block.max(), block.min()]).all():  # either is NaN where a sample is
            raise BrokenFile("has samples that are NaN or infinite")
        count += len(block)
        yield block
    if count < (file.known_frames or 0):
        raise BrokenFile(f"ends after {count:,} of {file.frames:,} samples")


def _next_block(file: SoundStream) -> Float32[np.ndarray, "samples channels"]:
    try:
        return file.read(BLOCK, dtype="float32", always_2d=True)
    except Exception as error:  # as above
        raise BrokenFile(f"cannot be read as sound to its end ({_reason(error)})") from error


def check_format(rate: int, channels: int) -> None:
    """Refuses, with a `BrokenFile`, a sample rate or a number of channels out of range."""
    if not RATES[0] <= rate <= RATES[1]:
        raise BrokenFile(f"has a rate of {rate:,} Hz, not of {RATES[0]:,} to {RATES[1]:,}")
    if channels > MAX_CHANNELS:
        raise BrokenFile(f"has {channels} channels, more than {MAX_CHANNELS}")


def _reason(error: Exception) -> str:
    """Message of libsndfile, without the file's name."""
    return str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__

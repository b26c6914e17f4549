"""Any sound file as mono samples at one rate: read twice, in blocks, whatever its length.

The first reading finds what is wrong with it, its mean and its peak; the second resamples it. The
mean (a DC offset) is taken off and the peak scaled to `PEAK`. Clipping cannot be undone: a clipped
file is read as it is, and said to be clipped.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from jaxtyping import Int16

from synvae_workbench.data.pictures.files import MAX_BYTES, PictureFile, picture_file
from synvae_workbench.data.speech.recordings import MAX_CHANNELS, RATES, SILENCE, BrokenRecording

READER_VERSION = 1  # part of the cache's name; raise it when the samples change
SUFFIXES = frozenset({".wav", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga"})
BLOCK = 1 << 16  # samples of each channel that are in memory at a time
MIN_SECONDS = 0.25  # what is shorter is a hit, and no loop
PEAK = 0.9  # of full scale, of every file: resampled sound may swing beyond its peak
FULL_SCALE = 32_767  # as 16-bit integers, which the cache keeps
OFFSET = 0.005  # of full scale: a mean beyond it is a DC offset that is worth a word
CLIP_LEVEL, CLIP_RUN = 0.999, 3  # so many equal samples in a row, at or beyond full scale
_STREAMED = (0, 0x7FFF_FFFF, 0xFFFF_FFFF)  # sizes in a header that was written before the sound


class SoundFacts(NamedTuple):
    """What the first reading found: rate in Hz, mean and peak around it, and whether it clips."""

    rate: int
    mean: float
    peak: float
    clipped: bool

    @property
    def offset(self) -> bool:
        """Whether the mean is far from zero."""
        return abs(self.mean) > OFFSET


def list_sounds(root: Path) -> list[PictureFile]:
    """The sound files in the folder and its sub-folders, sorted by name; none is opened.

    Sounds are told by their suffix, in capitals or not. Hidden files and folders are ignored, and
    links to folders; a link to a file that leads out of the folder has a fault.

    Raises:
        ValueError: if there are none.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder; expected one with {', '.join(sorted(SUFFIXES))}")
    found = []
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                file = picture_file(root, (Path(parent).relative_to(root) / name).as_posix())
                # However large: it is read in blocks.
                found.append(file._replace(fault="") if file.size > MAX_BYTES else file)
    if not found:
        raise ValueError(f"{root} has no sound; expected files {', '.join(sorted(SUFFIXES))}")
    return sorted(found)


def sound_facts(path: Path) -> SoundFacts:
    """Reads a file through once.

    Raises:
        BrokenRecording: if it is no sound, cut short, too short, silent, or not finite.
    """
    _check_riff(path)
    total, count, low, high, clipped = 0.0, 0, np.inf, -np.inf, False
    last = np.empty((0, 0), np.float32)
    with _opened(path) as file:
        rate, frames = file.samplerate, file.frames
        for block in _blocks(file):
            mono = block.mean(1, dtype=np.float64)
            if not np.isfinite([block.max(), block.min()]).all():  # either is NaN where a sample is
                raise BrokenRecording("has samples that are NaN or infinite")
            total, count = total + mono.sum(), count + len(mono)
            low, high = min(low, mono.min()), max(high, mono.max())
            joined = np.concatenate([last, block]) if last.size else block
            clipped = clipped or _clips(joined)
            last = joined[1 - CLIP_RUN :]
    if count < frames:
        raise BrokenRecording(f"ends after {count:,} of {frames:,} samples")
    if high - low < 2 * SILENCE:
        raise BrokenRecording("is silent")
    mean, low, high = float(total / count), float(low), float(high)
    return SoundFacts(rate, mean, max(high - mean, mean - low), clipped)


def sound_samples(
    path: Path, facts: SoundFacts, rate: int
) -> Iterator[Int16[np.ndarray, " samples"]]:
    """The file's samples at a rate, channels averaged, without its mean, in blocks."""
    stream = soxr.ResampleStream(facts.rate, rate, 1, dtype="float32")
    with _opened(path) as file:
        for block in _blocks(file):
            scaled = (block.mean(1, dtype=np.float64) - facts.mean) * (PEAK / facts.peak)
            yield to_integers(stream.resample_chunk(scaled.astype(np.float32)))
    yield to_integers(stream.resample_chunk(np.empty(0, np.float32), last=True))


def to_integers(samples: np.ndarray) -> Int16[np.ndarray, " samples"]:
    """Samples within -1..1 as 16-bit integers; what is beyond is cut."""
    return np.rint(samples.clip(-1, 1) * FULL_SCALE).astype(np.int16)


def _opened(path: Path) -> soundfile.SoundFile:
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.SoundFileError, RuntimeError, TypeError, OSError, ValueError) as error:
        reason = str(error).rpartition(": ")[2].rstrip(".") or type(error).__name__
        raise BrokenRecording(f"cannot be read as sound ({reason})") from error
    try:
        rate, frames = file.samplerate, file.frames
        if not RATES[0] <= rate <= RATES[1]:
            raise BrokenRecording(f"has a rate of {rate:,} Hz, not of {RATES[0]:,} to {RATES[1]:,}")
        if file.channels > MAX_CHANNELS:
            raise BrokenRecording(f"has {file.channels} channels, more than {MAX_CHANNELS}")
        if frames < MIN_SECONDS * rate:
            raise BrokenRecording(
                f"lasts {frames / rate:.4f} s ({frames} samples), too short for a loop: "
                f"at least {MIN_SECONDS} s"
            )
    except BrokenRecording:
        file.close()
        raise
    return file


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    try:
        yield from file.blocks(BLOCK, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise BrokenRecording(f"cannot be read to its end ({error})") from error


def _clips(block: np.ndarray) -> bool:
    at_top = np.abs(block[:-1]) >= CLIP_LEVEL
    same = at_top & (block[1:] == block[:-1])
    for _ in range(CLIP_RUN - 2):
        same = same[1:] & same[:-1]
    return bool(same.any())


def _check_riff(path: Path) -> None:
    """Refuses a WAV file that was cut short, of which libsndfile would read the rest."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise BrokenRecording(f"cannot be opened ({error})") from error
    promised = int.from_bytes(head[4:8], "little")
    # One byte may be missing: the one that pads an odd number of them.
    if head[:4] == b"RIFF" and promised not in _STREAMED and promised + 7 > size:
        raise BrokenRecording(f"is cut short: it has {size:,} of {promised + 8:,} bytes")

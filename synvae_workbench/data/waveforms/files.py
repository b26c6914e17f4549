"""Any sound file as mono samples at one rate: read twice, in blocks, whatever its length.

The first reading finds what is wrong with it, its mean and its peak; the second resamples it. The
mean (a DC offset) is taken off and the peak scaled to `PEAK`. Clipping cannot be undone: a clipped
file is read as it is, and said to be clipped.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from jaxtyping import Int16

from synvae_workbench.data.audio_files import SILENCE, open_sound, sound_blocks
from synvae_workbench.data.files import BrokenFile, FoundFile, found_file, has_suffix, walk

READER_VERSION = 1  # part of the cache's name; raise it when the samples change
SUFFIXES = frozenset({".wav", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga"})
MIN_SECONDS = 0.25  # what is shorter is a hit, and no loop
PEAK = 0.9  # of full scale, of every file: resampled sound may swing beyond its peak
FULL_SCALE = 32_767  # as 16-bit integers, which the cache keeps
OFFSET = 0.005  # of full scale: a mean beyond it is a DC offset that is worth a word
CLIP_LEVEL, CLIP_RUN = 0.999, 3  # so many equal samples in a row, at or beyond full scale


class SoundFacts(NamedTuple):
    """Facts that the first reading finds: rate in Hz, mean, peak around it, and clipping."""

    rate: int
    mean: float
    peak: float
    clipped: bool

    @property
    def offset(self) -> bool:
        """True if the mean is far from zero."""
        return abs(self.mean) > OFFSET


def list_sounds(root: Path) -> list[FoundFile]:
    """The sound files in the folder and its sub-folders, sorted by name; none is opened.

    Sounds are told by their suffix, in capitals or not. Hidden files and folders are ignored, and
    links to folders; a link to a file that leads out of the folder has a fault.

    Raises:
        ValueError: if there are none.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder; expected one with {', '.join(sorted(SUFFIXES))}")
    found = [
        found_file(root, (parent.relative_to(root) / name).as_posix())
        for parent, _, names in walk(root)
        for name in names
        if has_suffix(name, SUFFIXES)
    ]
    if not found:
        raise ValueError(f"{root} has no sound; expected files {', '.join(sorted(SUFFIXES))}")
    return sorted(found)


def sound_facts(path: Path) -> SoundFacts:
    """Reads a file through once.

    Raises:
        BrokenFile: if it is no sound, cut short, too short, silent, or not finite.
    """
    total, count, low, high, clipped = 0.0, 0, np.inf, -np.inf, False
    last = np.empty((0, 0), np.float32)
    with _opened(path) as file:
        rate = file.samplerate
        for block in sound_blocks(file):
            mono = block.mean(1, dtype=np.float64)
            total, count = total + mono.sum(), count + len(mono)
            low, high = min(low, mono.min()), max(high, mono.max())
            joined = np.concatenate([last, block]) if last.size else block
            clipped = clipped or _clips(joined)
            last = joined[1 - CLIP_RUN :]
    if high - low < 2 * SILENCE:
        raise BrokenFile("is silent")
    mean, low, high = float(total / count), float(low), float(high)
    return SoundFacts(rate, mean, max(high - mean, mean - low), clipped)


def sound_samples(
    path: Path, facts: SoundFacts, rate: int
) -> Iterator[Int16[np.ndarray, " samples"]]:
    """The file's samples at a rate, channels averaged, without its mean, in blocks."""
    stream = soxr.ResampleStream(facts.rate, rate, 1, dtype="float32")
    with _opened(path) as file:
        for block in sound_blocks(file):
            scaled = (block.mean(1, dtype=np.float64) - facts.mean) * (PEAK / facts.peak)
            yield to_integers(stream.resample_chunk(scaled.astype(np.float32)))
    yield to_integers(stream.resample_chunk(np.empty(0, np.float32), last=True))


def to_integers(samples: np.ndarray) -> Int16[np.ndarray, " samples"]:
    """Samples within -1..1 as 16-bit integers; what is beyond is cut."""
    return np.rint(samples.clip(-1, 1) * FULL_SCALE).astype(np.int16)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    with open_sound(path) as file:
        seconds = file.frames / file.samplerate
        if seconds < MIN_SECONDS:
            raise BrokenFile(
                f"lasts {seconds:.4f} s ({file.frames} samples), too short for a loop: at least "
                f"{MIN_SECONDS} s"
            )
        yield file


def _clips(block: np.ndarray) -> bool:
    at_top = np.abs(block[:-1]) >= CLIP_LEVEL
    same = at_top & (block[1:] == block[:-1])
    for _ in range(CLIP_RUN - 2):
        same = same[1:] & same[:-1]
    return bool(same.any())

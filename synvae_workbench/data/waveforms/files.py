"""Decoding of sound files of any length to mono at one sample rate, in blocks and two passes.

The first pass finds faults, mean and peak; the second resamples. The mean (a DC offset) is removed
and the peak scaled to `PEAK`. Clipping cannot be undone: a clipped file is read as it is and
reported.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr
from jaxtyping import Int16

from synvae_workbench.data.audio_files import (
    SILENCE,
    SUFFIXES,
    SoundStream,
    open_sound,
    sound_blocks,
)
from synvae_workbench.data.files import BrokenFile, Listed, describe_left_out, list_files

READER_VERSION = 2  # part of the cache's name; raise it when the samples change
MIN_SECONDS = 0.25  # anything shorter is a hit, not a loop
PEAK = 0.9  # of full scale: resampling may overshoot the peak
FULL_SCALE = 32_767  # as 16-bit integers, which the cache keeps
OFFSET = 0.005  # of full scale: a mean beyond it is reported as a DC offset
CLIP_LEVEL, CLIP_RUN = 0.999, 3  # so many equal samples in a row at this level: clipped


class SoundFacts(NamedTuple):
    """Statistics of a sound file: rate in Hz, mean, peak around the mean, and clipping."""

    rate: int
    mean: float
    peak: float
    clipped: bool

    @property
    def offset(self) -> bool:
        """True if there is a DC offset."""
        return abs(self.mean) > OFFSET


def list_sounds(root: Path) -> Listed:
    """Sound files in a folder and its sub-folders, sorted by name, unopened, and what is left out.

    Sounds are recognised by suffix, in capitals or not. A link to a file that leads out of the
    folder has a fault.

    Raises:
        ValueError: if there are none.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder; expected one with {', '.join(sorted(SUFFIXES))}")
    found = list_files(root, SUFFIXES)
    if not found.files:
        beside = f"(left out: {describe_left_out(found.left_out)})"
        expected = f"expected files {', '.join(sorted(SUFFIXES))}"
        raise ValueError(f"{root} has no sound {beside}; {expected}")
    return found


def sound_facts(path: Path) -> SoundFacts:
    """Computes the statistics of a sound file, in one pass.

    Raises:
        BrokenFile: if it is no sound, truncated, too short, silent, or not finite.
    """
    total, count, low, high, clipped = 0.0, 0, np.inf, -np.inf, False
    last = np.empty((0, 0), np.float32)
    with _open(path) as file:
        rate = file.samplerate
        for block in sound_blocks(file):
            mono = block.mean(1, dtype=np.float64)
            total, count = total + mono.sum(), count + len(mono)
            low, high = min(low, mono.min()), max(high, mono.max())
            joined = np.concatenate([last, block]) if last.size else block
            clipped = clipped or _clips(joined)
            last = joined[1 - CLIP_RUN :]
    _check_length(count, rate)
    if high - low < 2 * SILENCE:
        raise BrokenFile("is silent")
    mean, low, high = float(total / count), float(low), float(high)
    return SoundFacts(rate, mean, max(high - mean, mean - low), clipped)


def sound_samples(
    path: Path, facts: SoundFacts, rate: int
) -> Iterator[Int16[np.ndarray, " samples"]]:
    """Samples of a file in blocks: mono, resampled, without the mean, the peak at `PEAK`."""
    stream = soxr.ResampleStream(facts.rate, rate, 1, dtype="float32")
    with _open(path) as file:
        for block in sound_blocks(file):
            scaled = (block.mean(1, dtype=np.float64) - facts.mean) * (PEAK / facts.peak)
            yield to_integers(stream.resample_chunk(scaled.astype(np.float32)))
    yield to_integers(stream.resample_chunk(np.empty(0, np.float32), last=True))


def to_integers(samples: np.ndarray) -> Int16[np.ndarray, " samples"]:
    """Converts samples within -1..1 to 16-bit integers; others are clipped."""
    return np.rint(samples.clip(-1, 1) * FULL_SCALE).astype(np.int16)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[SoundStream]:
    with open_sound(path) as file:
        if file.known_frames is not None:
            _check_length(file.known_frames, file.samplerate)
        yield file


def _check_length(frames: int, rate: int) -> None:
    if frames < MIN_SECONDS * rate:
        raise BrokenFile(
            f"lasts {frames / rate:.4f} s ({frames} samples), too short for a loop: at least "
            f"{MIN_SECONDS} s"
        )


def _clips(block: np.ndarray) -> bool:
    at_top = np.abs(block[:-1]) >= CLIP_LEVEL
    same = at_top & (block[1:] == block[:-1])
    for _ in range(CLIP_RUN - 2):
        same = same[1:] & same[:-1]
    return bool(same.any())

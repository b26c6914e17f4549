"""Sets of loops in two splits, and windows of their samples.

All samples lie in one memory-mapped file of the cache, so that only windows in use take memory.
Whole files are held out, together with their copies.
"""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int, Int16, Int64
from torch import Tensor

from synvae_workbench.data.options import LoopOptions
from synvae_workbench.data.waveforms.files import FULL_SCALE
from synvae_workbench.data.waveforms.store import StoredSounds


class Loops(NamedTuple):
    """Sound files of one split: name of each, and its start and length in `samples`.

    `samples` are those of all splits, memory-mapped from the cache; `rate` is in Hz.
    """

    samples: Int16[Tensor, " total"]
    starts: Int64[Tensor, " files"]
    lengths: Int64[Tensor, " files"]
    names: tuple[str, ...]
    rate: int

    def waveform(self, file: int) -> Float32[np.ndarray, " n"]:
        """Waveform of a whole file, within -1..1."""
        start, length = int(self.starts[file]), int(self.lengths[file])
        return self.samples[start : start + length].numpy() / np.float32(FULL_SCALE)


class LoopSet(NamedTuple):
    """Loops for training, and held-out loops.

    `checksums` are SHA-256 of the samples, for provenance; `synthetic` says that a sound font
    played. `clipped` and `offset` name files with clipping (which cannot be undone) and with a DC
    offset (which was removed); `skipped` has the faults of broken files that were left out, and
    `left_out` counts by reason what lies beside the sounds and is none.
    """

    train: Loops
    held_out: Loops
    title: str
    checksums: dict[str, str]
    synthetic: bool
    clipped: tuple[str, ...]
    offset: tuple[str, ...]
    skipped: dict[str, str]
    left_out: Mapping[str, int] = MappingProxyType({})


def split_loops(title: str, sounds: StoredSounds, options: LoopOptions) -> LoopSet:
    """Splits sounds: a share of the files is held out, together with their copies.

    Raises:
        ValueError: if there are fewer than two different files.
    """
    test = _draw_held_out(sounds, options.held_out, options.seed)
    samples = torch.from_numpy(sounds.samples)
    digest = hashlib.sha256("".join(sounds.digests).encode()).hexdigest()
    return LoopSet(
        *(_select_files(sounds, samples, rows, options.rate) for rows in (~test, test)),
        title=title,
        checksums={"loops": digest},
        synthetic=False,
        clipped=tuple(sounds.names[sounds.clipped].tolist()),
        offset=tuple(sounds.names[sounds.offset].tolist()),
        skipped=sounds.broken,
    )


def window_places(
    loops: Loops, length: int, hop: int, *, around: bool = False
) -> Int64[Tensor, "n 3"]:
    """Places of windows, one every hop: start and length of the file, and offset in it.

    Args:
        around: also windows that wrap around the file's end, as a loop does. In a file shorter than
            a window, the only one wraps.

    Raises:
        ValueError: if length or hop is less than one sample.
    """
    if length < 1 or hop < 1:
        raise ValueError(f"a window and a hop have a sample or more, got {length} and {hop}")
    places = []
    for start, size in zip(loops.starts, loops.lengths, strict=True):
        end = size if around else (size - length).clamp(min=0) + 1
        offset = torch.arange(0, int(end), hop)
        places.append(torch.stack([start.expand_as(offset), size.expand_as(offset), offset], 1))
    return torch.cat(places)


def cut(
    samples: Int16[Tensor, " total"], places: Int[Tensor, "b 3"], length: int
) -> Float32[Tensor, "b n"]:
    """Windows (b, length) at places, within -1..1, wrapped around the files' ends."""
    start, size, offset = places.unbind(1)
    steps = torch.arange(length, device=places.device)
    within = (offset[:, None] + steps).remainder(size[:, None])
    return samples[start[:, None] + within].float() / FULL_SCALE


def _draw_held_out(sounds: StoredSounds, share: float, seed: int) -> np.ndarray:
    """True for held-out files: a random share, rounded, of the different ones."""
    _, first, which = np.unique(sounds.digests, return_index=True, return_inverse=True)
    if len(first) < 2:
        raise ValueError(
            f"got {len(first)} file(s) unlike each other; expected at least two, one to train on "
            "and one to hold out: add loops"
        )
    count = min(max(round(share * len(first)), 1), len(first) - 1)
    # In the order of names, which does not depend on the sample rate.
    drawn = np.random.default_rng(seed).permutation(np.sort(first))[:count]
    return np.isin(first[which], drawn)


def _select_files(sounds: StoredSounds, samples: Tensor, rows: np.ndarray, rate: int) -> Loops:
    starts, lengths = (torch.from_numpy(each[rows]) for each in (sounds.starts, sounds.lengths))
    return Loops(samples, starts, lengths, tuple(sounds.names[rows].tolist()), rate)

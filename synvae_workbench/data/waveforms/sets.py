"""One door to loops of sound: `load_loops`, and the windows that are cut from them.

All samples lie in one mapped file of the cache: a window costs the memory of a window, however long
or many the files are. Whole files are held out, and copies of a file with it.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int, Int16, Int64
from torch import Tensor

from synvae_workbench.data.audio_files import RATES
from synvae_workbench.data.cache import cache_folder
from synvae_workbench.data.files import refusal
from synvae_workbench.data.sources import DRUM_LOOPS, SOUND_FONT
from synvae_workbench.data.waveforms.drum_patterns import VARIATIONS
from synvae_workbench.data.waveforms.files import FULL_SCALE
from synvae_workbench.data.waveforms.store import StoredSounds, stored_drums, stored_folder

NAMES = ("gm_drums", "drumloops", "folder")


class Loops(NamedTuple):
    """Sound files of one split: the start and the length of each in `samples`, and its name.

    `samples` are those of all splits, mapped from the cache; `rate` is in Hz.
    """

    samples: Int16[Tensor, " total"]
    starts: Int64[Tensor, " files"]
    lengths: Int64[Tensor, " files"]
    names: tuple[str, ...]
    rate: int

    def waveform(self, file: int) -> Float32[np.ndarray, " n"]:
        """A whole file, within -1..1."""
        start, length = int(self.starts[file]), int(self.lengths[file])
        return self.samples[start : start + length].numpy() / np.float32(FULL_SCALE)


class LoopSet(NamedTuple):
    """Loops to train on, and others that are held out.

    `checksums` are SHA-256 of the samples, for provenance; `synthetic` says that a sound font
    played. `clipped` and `offset` name files that were read although they clip (which cannot be
    undone) or had a DC offset (which was taken off); `skipped` says what was left out and why.
    """

    train: Loops
    held_out: Loops
    title: str
    checksums: dict[str, str]
    synthetic: bool
    clipped: tuple[str, ...]
    offset: tuple[str, ...]
    skipped: dict[str, str]


def load_loops(
    name: str = "gm_drums",
    *,
    folder: Path | str | None = None,
    rate: int = 22_050,
    held_out: float = 0.2,
    seed: int = 0,
    broken: str = "refuse",
    variations: int = VARIATIONS,
    cache: Path | str | None = None,
) -> LoopSet:
    """The loops of that name, mono, at a rate, every file's peak at 0.9 and its mean at zero.

    "gm_drums" is played on the spot by a sound font: a stand-in. "drumloops" is looked for in
    $SYNVAE_DATA/drumloops. "folder" is any folder, with sub-folders, of wav, aiff, flac and ogg.

    Args:
        folder: of the set, and then of no other place.
        rate: in Hz; what a file has above half of it is filtered out.
        held_out: share of the files, drawn by seed; at least one, and never all.
        broken: "refuse" files that cannot be used, or "skip" them.
        variations: of each of twelve styles (gm_drums).
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.

    Raises:
        ValueError: if the set is missing, broken or has fewer than two different files, or if the
            cache cannot be written, saying what to do.
    """
    if name not in NAMES:
        raise ValueError(f"a set of loops is one of {', '.join(NAMES)}, got {name!r}")
    if broken not in ("refuse", "skip"):
        raise ValueError(f"broken files are to 'refuse' or to 'skip', got {broken!r}")
    if not RATES[0] <= rate <= RATES[1] or not 0 < held_out < 1:
        raise ValueError(
            f"expected a rate of {RATES[0]:,} to {RATES[1]:,} Hz and a share held out between 0 "
            f"and 1, got {rate} and {held_out}"
        )
    store = cache_folder(None if cache is None else Path(cache).expanduser())
    if name == "gm_drums":
        if folder is not None:
            raise ValueError("'gm_drums' is played on the spot and needs no folder: leave it out")
        sounds, title = stored_drums(variations, rate, store), SOUND_FONT.title
    else:
        root = _root(name, None if folder is None else Path(folder).expanduser())
        sounds, title = stored_folder(root, rate, store), f"loops in {root.name}"
        _check(root, sounds, broken)
    test = _held_out(sounds, held_out, seed)
    samples = torch.from_numpy(sounds.samples)
    digest = hashlib.sha256("".join(sounds.digests).encode()).hexdigest()
    return LoopSet(
        *(_chosen(sounds, samples, rows, rate) for rows in (~test, test)),
        title=title,
        checksums={"loops": digest},
        synthetic=name == "gm_drums",
        clipped=tuple(sounds.names[sounds.clipped].tolist()),
        offset=tuple(sounds.names[sounds.offset].tolist()),
        skipped=sounds.broken,
    )


def window_places(
    loops: Loops, length: int, hop: int, *, around: bool = False
) -> Int64[Tensor, "n 3"]:
    """Where windows of so many samples begin, one each hop: the file's start, its length, offset.

    Args:
        around: also windows that go on at the file's beginning where it ends, as a loop does. In a
            file that is shorter than a window, the only one does.

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
    """The windows (b, length) at those places, within -1..1; where a file ends it begins again."""
    start, size, offset = places.unbind(1)
    steps = torch.arange(length, device=places.device)
    within = (offset[:, None] + steps).remainder(size[:, None])
    return samples[start[:, None] + within].float() / FULL_SCALE


def _root(name: str, folder: Path | None) -> Path:
    if folder is not None:
        return folder
    if name == "folder":
        raise ValueError("the set 'folder' is a folder of loops: name it by folder=")
    data = os.environ.get("SYNVAE_DATA")
    root = Path(data) / DRUM_LOOPS.name if data else None
    if root is None or not root.is_dir():
        raise ValueError(f"{DRUM_LOOPS.title} are not here: {DRUM_LOOPS.advice}")
    return root


def _check(root: Path, sounds: StoredSounds, broken: str) -> None:
    wrong = sounds.broken
    if not wrong or (broken == "skip" and len(sounds.names)):
        return
    total = len(wrong) + len(sounds.names)
    raise ValueError(refusal(wrong, total, f"files in {root}"))


def _held_out(sounds: StoredSounds, share: float, seed: int) -> np.ndarray:
    """Which files are held out: the share, to the nearest, of the different ones."""
    _, first, which = np.unique(sounds.digests, return_index=True, return_inverse=True)
    if len(first) < 2:
        raise ValueError(
            f"got {len(first)} file(s) unlike each other; expected at least two, one to train on "
            "and one to hold out: add loops"
        )
    count = min(max(round(share * len(first)), 1), len(first) - 1)
    # In the order of names, which is the same at any rate.
    drawn = np.random.default_rng(seed).permutation(np.sort(first))[:count]
    return np.isin(first[which], drawn)


def _chosen(sounds: StoredSounds, samples: Tensor, rows: np.ndarray, rate: int) -> Loops:
    starts, lengths = (torch.from_numpy(each[rows]) for each in (sounds.starts, sounds.lengths))
    return Loops(samples, starts, lengths, tuple(sounds.names[rows].tolist()), rate)

"""Loader of a folder of loops: wav, aiff, flac and ogg of any rate, with sub-folders."""

import hashlib
from pathlib import Path

import soundfile

from synvae_workbench.data.cache import cache_folder
from synvae_workbench.data.files import BrokenFile, FoundFile, printable, refusal
from synvae_workbench.data.options import LoopOptions
from synvae_workbench.data.places import folder_of, named_folder
from synvae_workbench.data.sources import Published
from synvae_workbench.data.waveforms.files import (
    READER_VERSION,
    list_sounds,
    sound_facts,
    sound_samples,
)
from synvae_workbench.data.waveforms.sets import LoopSet, split_loops
from synvae_workbench.data.waveforms.store import SoundWriter, StoredSounds, cached_sounds


def _find_loops(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.wav"))


DRUM_LOOPS = Published(
    folder="drumloops",
    title="drum loops of Dognin & Ritchie",
    home="https://github.com/charlesdognin/VAE_Based_Music_Generation",
    licence="none stated: for research, ship nothing made from them",
    size="14 loops of 2 to 7 s at 11 to 44 kHz, mono and stereo, 50 s",
    layout="the 14 wav files of its folder data/music_train",
    find=_find_loops,
)


def load_drumloops(options: LoopOptions) -> LoopSet:
    """Loads the loops of Dognin & Ritchie from the folder given or `$SYNVAE_DATA/drumloops`.

    Raises:
        ValueError: if they are not there, or as `load_loop_folder`.
    """
    root = folder_of(DRUM_LOOPS, options)
    if options.folder is None and not root.is_dir():
        raise ValueError(f"{DRUM_LOOPS.title} are not here: {DRUM_LOOPS.advice}")
    return _read_folder(root, options)


def load_loop_folder(options: LoopOptions) -> LoopSet:
    """Loads the loops in a folder and its sub-folders.

    Raises:
        ValueError: if there are fewer than two different ones, one is broken and to be refused, or
            the cache cannot be written.
    """
    return _read_folder(named_folder(options), options)


def _read_folder(root: Path, options: LoopOptions) -> LoopSet:
    files, left_out = list_sounds(root)
    sounds = _cached_sounds(root, files, options.rate, cache_folder(options.cache))
    if sounds.broken and (options.broken == "refuse" or not len(sounds.names)):
        total = len(sounds.broken) + len(sounds.names)
        raise ValueError(refusal(sounds.broken, total, f"files in {root}"))
    loops = split_loops(f"loops in {root.name}", sounds, options)
    return loops._replace(left_out=left_out)


def _cached_sounds(root: Path, files: list[FoundFile], rate: int, store: Path) -> StoredSounds:
    """Loads all sounds of a folder from the cache, or reads and stores them.

    The cache goes by the files' names, sizes and times, and opens none that it has.

    Raises:
        ValueError: if the cache cannot be written.
    """
    digest = hashlib.sha256(repr((soundfile.__libsndfile_version__, str(root.resolve()))).encode())
    for file in files:
        digest.update(repr(tuple(file)).encode())

    def write(out: SoundWriter) -> None:
        for file in files:
            try:
                if file.fault:
                    raise BrokenFile(file.fault)
                facts = sound_facts(root / file.name)
                with out.file(printable(file.name), clipped=facts.clipped, offset=facts.offset):
                    for block in sound_samples(root / file.name, facts, rate):
                        out.add(block)
            except BrokenFile as error:
                out.broken[printable(file.name)] = str(error)

    return cached_sounds(store, f"{READER_VERSION} {rate} {digest.hexdigest()}", write)

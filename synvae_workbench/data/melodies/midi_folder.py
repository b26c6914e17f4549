"""Corpus of the melodies in a folder of MIDI files of any number, streamed and memory-mapped.

Memory grows by about 100 bytes a file (a digest of every melody, and the names in the folder that
is being read); the windows lie in flat files.
"""

import contextlib
import functools
import hashlib
import json
import multiprocessing
import os
import shutil
import tempfile
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import SupportsIndex

import numpy as np

from synvae_core.music.coding import STEPS_PER_BAR
from synvae_core.small_files import read_json
from synvae_workbench.data.cache import cache_folder
from synvae_workbench.data.files import printable, walk
from synvae_workbench.data.melodies.corpus import HELD_OUT, Corpus, fill_parts
from synvae_workbench.data.melodies.midi_tracks import Song, read_song
from synvae_workbench.data.melodies.windows import NOTES_PER_BAR
from synvae_workbench.data.options import CorpusOptions
from synvae_workbench.data.places import named_folder

READER_VERSION = 2  # part of the cache's name; raise it when the windows change
SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
NAMES = ", ".join(SUFFIXES)
_CHUNK = 64  # files that a process reads at a time
_PARTS = ("train", "validation", "test")
_TUNE_ID, _NAME_END = np.dtype("<i4"), np.dtype("<i8")


def load_midi_folder(options: CorpusOptions) -> Corpus:
    """Loads the melodies of all MIDI files in a folder and its subfolders, as memory-mapped arrays.

    A file with the main melody of an earlier one, in any key, is skipped. A hash of that melody
    decides the split, 90/5/5, which is thus the same for windows of any length; of three melodies
    or more no part is empty. Windows that different files share are kept. Broken and unsuitable
    files are counted in `statistics["refused"]` by reason, and others in `left_out`. `read_song`
    says which tracks are melodies. The cache takes 16 * bars + 4 bytes a window.

    Raises:
        ValueError: if there is no such folder, it has no melody of so many bars, or the cache
            cannot be written.
    """
    folder, bars, seed = named_folder(options), options.bars, options.seed
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; expected one with MIDI files ({NAMES})")
    settings = (READER_VERSION, bars, seed, NOTES_PER_BAR, HELD_OUT)
    left_out: Counter[str] = Counter()
    digest = _listing_digest(folder, settings, left_out)
    path = cache_folder(options.cache) / f"midi-{bars}bar-{digest}"
    corpus = _open(path, bars)
    if corpus is None:
        try:
            _build(folder, path, bars=bars, seed=seed, workers=options.workers)
        except OSError as error:
            raise ValueError(
                f"{path.parent} cannot take the melodies of {folder} ({error}): make room, or name "
                "another folder by the environment variable SYNVAE_CACHE"
            ) from error
        corpus = _open(path, bars)
    corpus.statistics["left_out"] = dict(left_out)
    return corpus


def _listing_digest(folder: Path, settings: tuple, left_out: Counter[str]) -> str:
    """Digest of settings and of all files' names, sizes and times, 16 hexadecimal digits."""
    digest = hashlib.sha256(repr(settings).encode())
    for name in walk(folder, SUFFIXES, left_out):
        with contextlib.suppress(OSError):  # a missing file is counted when it is read
            status = (folder / name).stat()
            digest.update(os.fsencode(name))
            digest.update(f"\0{status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _build(folder: Path, path: Path, *, bars: int, seed: int, workers: int) -> None:
    """Writes the corpus to a temporary folder and moves it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as parent:
        target = Path(parent) / "corpus"
        target.mkdir()
        statistics = _write_parts(folder, target, bars=bars, seed=seed, workers=workers)
        if not statistics["windows"]:
            raise ValueError(
                f"{folder} has {statistics['files']} MIDI files ({NAMES}) and in none a melody "
                f"of {bars} bars of 4/4 in a row; refused: {statistics['refused']}"
            )
        (target / "statistics.json").write_text(json.dumps(statistics), encoding="utf-8")
        shutil.rmtree(path, ignore_errors=True)  # only a broken one can be there
        try:
            target.rename(path)
        except OSError:  # another process may have been faster
            if _open(path, bars) is None:
                raise


def _write_parts(folder: Path, target: Path, *, bars: int, seed: int, workers: int) -> dict:
    """Appends the windows of every file to its split; returns counts of files and windows."""
    seen: set[int] = set()
    shares = array("d")  # by tune
    counts, refused = Counter(), Counter()
    sizes = dict.fromkeys(_PARTS, 0)
    paths = (folder / name for name in walk(folder, SUFFIXES, Counter()))
    with contextlib.ExitStack() as stack:
        names = [*_PARTS, *(f"{part}_tunes" for part in _PARTS), "names", "name_ends"]
        files = {name: stack.enter_context((target / name).open("wb")) for name in names}
        for path, song in _read_songs(paths, bars=bars, workers=workers):
            counts["files"] += 1
            if song.refused:
                refused[song.refused] += 1
            elif song.melody in seen:
                counts["repeated_melodies"] += 1
            else:
                seen.add(song.melody)
                shares.append(_share(song.melody, seed))
                part = _PARTS[_part(shares[-1])]
                tune = np.full(len(song.windows), counts["tunes_with_windows"], _TUNE_ID)
                files[part].write(song.windows.tobytes())
                files[f"{part}_tunes"].write(tune.tobytes())
                files["names"].write(os.fsencode(path.relative_to(folder)))
                files["name_ends"].write(np.array(files["names"].tell(), _NAME_END).tobytes())
                sizes[part] += len(song.windows)
                counts["windows"] += len(song.windows) + song.repeated
                counts["tunes_with_windows"] += 1
                counts["repeated_within_tune"] += song.repeated
    if not all(sizes.values()):
        sizes = _fill_parts(target, np.array(shares), steps=bars * STEPS_PER_BAR)
    keys = ("files", "tunes_with_windows", "repeated_melodies", "windows", "repeated_within_tune")
    return {key: counts[key] for key in keys} | {"sizes": sizes, "refused": dict(refused)}


def _share(melody: int, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed} {melody}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _part(share: float) -> int:
    return 1 if share < HELD_OUT else 2 if share < 2 * HELD_OUT else 0


def _fill_parts(target: Path, shares: np.ndarray, *, steps: int) -> dict[str, int]:
    """Writes the few windows of a small folder again, no part empty where there are three tunes."""
    windows, tunes = (
        np.concatenate([np.fromfile(target / f"{part}{ending}", kind) for part in _PARTS])
        for ending, kind in (("", np.uint8), ("_tunes", _TUNE_ID))
    )
    part, by_share = np.array([_part(share) for share in shares], int), shares.argsort()
    part[by_share] = fill_parts(part[by_share])
    part = part[tunes]
    order, windows = np.argsort(tunes, kind="stable"), windows.reshape(-1, steps)
    sizes = {}
    for place, name in enumerate(_PARTS):
        rows = order[part[order] == place]
        windows[rows].tofile(target / name)
        tunes[rows].tofile(target / f"{name}_tunes")
        sizes[name] = len(rows)
    return sizes


def _read_songs(paths: Iterable[Path], *, bars: int, workers: int) -> Iterator[tuple[Path, Song]]:
    """Melodies of the files, in their order, read ahead by several processes."""
    read = functools.partial(read_song, bars=bars)
    if workers <= 1:
        yield from ((path, read(path)) for path in paths)
        return
    paths = iter(paths)
    pending: deque = deque()
    context = multiprocessing.get_context("spawn")  # a fork of threads at work may hang
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        while chunk := list(islice(paths, _CHUNK)):
            pending.append((chunk, pool.submit(_read_chunk, read, chunk)))
            if len(pending) > 2 * workers:
                chunk, future = pending.popleft()
                yield from zip(chunk, future.result(), strict=True)
        for chunk, future in pending:
            yield from zip(chunk, future.result(), strict=True)


def _read_chunk(read: Callable[[Path], Song], paths: list[Path]) -> list[Song]:
    return [read(path) for path in paths]


def _open(path: Path, bars: int) -> Corpus | None:
    """Opens a corpus in the cache; None if there is none or its files do not fit together."""
    try:
        statistics = read_json(path / "statistics.json")
        sizes = [statistics["sizes"][part] for part in _PARTS]
        if not all(sizes) and statistics["tunes_with_windows"] >= len(_PARTS):
            return None  # of a version that left parts empty
        steps = bars * STEPS_PER_BAR
        return Corpus(
            *(
                _map(path / part, np.dtype(np.uint8), (size, steps))
                for part, size in zip(_PARTS, sizes, strict=True)
            ),
            *(
                _map(path / f"{part}_tunes", _TUNE_ID, (size,))
                for part, size in zip(_PARTS, sizes, strict=True)
            ),
            StoredNames(path, statistics["tunes_with_windows"]),
            statistics,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _map(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Memory-maps a file as an array; an empty file, which cannot be mapped, is an empty array."""
    size = dtype.itemsize * int(np.prod(shape))
    if path.stat().st_size != size:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, expected {size}")
    # Copy on write: torch wants memory that may be written to; the file never is.
    return np.memmap(path, dtype, mode="c", shape=shape) if size else np.zeros(shape, dtype)


class StoredNames(Sequence[str]):
    """Sequence of the files' relative paths in a corpus of the cache, read on demand."""

    def __init__(self, path: Path, count: int) -> None:
        self._ends = _map(path / "name_ends", _NAME_END, (count,))
        total = int(self._ends[-1]) if count else 0
        self._names = _map(path / "names", np.dtype(np.uint8), (total,))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: SupportsIndex) -> str:
        index = range(len(self))[index]
        start = self._ends[index - 1] if index else 0
        return printable(os.fsdecode(self._names[start : self._ends[index]].tobytes()))

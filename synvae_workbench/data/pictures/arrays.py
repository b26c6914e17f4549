"""Decoding of many picture files into arrays of bytes, in threads, with a cache.

Pillow releases the interpreter's lock while it decodes, so that threads do for large pictures what
worker processes would; each picture is written to its row, so that all are in memory only once.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from jaxtyping import Bool, Int, UInt8

from synvae_core.small_files import parse_json
from synvae_workbench.data.cache import cache_folder, cached_arrays
from synvae_workbench.data.files import FoundFile, printable
from synvae_workbench.data.pictures.files import decode_strip, longest_side, reason_of

READER_VERSION = 2  # part of the cache's name; raise it when the pixels change
_CHUNK = 64  # pictures that a thread takes at a time
_BYTES_PER_THREAD = 1 << 14  # mean size of a file that justifies one more thread
_MOVED = 1024  # pictures that are moved at a time to close the gaps of broken ones


class PictureArrays(NamedTuple):
    """Centre crops of all pictures, and strips of those that are to be cropped at random.

    Strips lie along their longer side; there are none if all pictures are square. `positions` are
    the pictures' places among the files, `broken` the faults of the others by name, and `sha256` is
    of the files' contents.
    """

    images: UInt8[np.ndarray, "n c s s"]
    strips: UInt8[np.ndarray, "m c s l"] | None
    lengths: Int[np.ndarray, " m"]
    upright: Bool[np.ndarray, " m"]
    positions: Int[np.ndarray, " n"]
    broken: dict[str, str]
    sha256: str


@dataclass(frozen=True)
class Decoding:
    """Settings by which picture files become arrays.

    Attributes:
        size: of the squares, and of the shorter side of the strips, in pixels.
        channels: 3 for red, green and blue, 1 for grey.
        strips: number of pictures, the first ones, that strips are kept of as well.
        broken: "refuse" a picture that cannot be read, or "skip" it.
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`; False for none.

    Raises:
        ValueError: if size or channels are out of range.
    """

    size: int
    channels: int = 3
    strips: int = 0
    broken: str = "refuse"
    cache: Path | bool | None = None

    def __post_init__(self) -> None:
        if self.size < 1 or self.channels not in (1, 3):
            raise ValueError(
                f"size is at least 1 and channels 1 or 3; got {self.size} and {self.channels}"
            )


def read_pictures(root: Path, files: Sequence[FoundFile], decoding: Decoding) -> PictureArrays:
    """Decodes picture files below `root`, in their order, or loads them from the cache.

    Raises:
        ValueError: for a broken picture that is refused, by name.
    """

    def decode() -> dict[str, np.ndarray]:
        return _to_arrays(_Reading(root, files, decoding).run())

    if decoding.cache is False:
        return _from_arrays(decode())
    path = cache_folder(decoding.cache) / f"pictures-{_listing_digest(root, files, decoding)}.npz"
    arrays = _from_arrays(cached_arrays(path, (*_ARRAYS, "facts"), decode))
    if decoding.broken == "refuse":
        for name, reason in arrays.broken.items():
            raise ValueError(refusal(root / name, reason))
    return arrays


def refusal(path: Path, reason: str) -> str:
    """Error message on a broken picture."""
    return (
        f"{printable(str(path))} {reason}; expected a whole picture: replace it, or leave broken "
        'pictures out by broken="skip"'
    )


class _Reading:
    """Arrays that several threads fill, each in its own rows."""

    def __init__(self, root: Path, files: Sequence[FoundFile], decoding: Decoding) -> None:
        self.root, self.files = str(root), files
        self.size, self.channels = size, channels = decoding.size, decoding.channels
        self.refuse, strips = decoding.broken == "refuse", decoding.strips
        shape = (channels, size)
        self.images = np.empty((len(files), *shape, size), np.uint8)
        # Zeros take no memory until they are written, and strips of square pictures never are.
        self.strips = np.zeros((strips, *shape, longest_side(size)), np.uint8)
        self.lengths = np.full(strips, size, np.int32)
        self.upright = np.zeros(strips, bool)
        self.digests = [b""] * len(files)
        self.broken: dict[int, str] = {}

    def run(self) -> PictureArrays:
        """Decodes all files; stops at the first broken one if these are refused."""
        starts = range(0, len(self.files), _CHUNK)
        with ThreadPoolExecutor(thread_count(self.files)) as pool:
            for start in pool.map(self._read_chunk, starts):
                faults = range(start, start + _CHUNK) if self.refuse and self.broken else ()
                for i in filter(self.broken.__contains__, faults):
                    pool.shutdown(cancel_futures=True)
                    raise ValueError(refusal(Path(self.root, self.files[i].name), self.broken[i]))
        positions = np.setdiff1d(np.arange(len(self.files)), list(self.broken))
        if self.broken:
            with_strip = positions[positions < len(self.strips)]
            _keep_rows(self.images, positions)
            _keep_rows(self.strips, with_strip)
            self.lengths, self.upright = self.lengths[with_strip], self.upright[with_strip]
        digest = hashlib.sha256(b"".join(self.digests[i] for i in positions)).hexdigest()
        broken = {self.files[i].name: self.broken[i] for i in sorted(self.broken)}
        longest = int(self.lengths.max(initial=0))
        strips = self._finished_strips(longest) if longest > self.size else None
        return PictureArrays(
            self.images, strips, self.lengths, self.upright, positions, broken, digest
        )

    def _read_chunk(self, start: int) -> int:
        for i in range(start, min(start + _CHUNK, len(self.files))):
            try:
                self._read(i)
            except Exception as error:  # Pillow's readers raise nearly anything at broken bytes
                self.broken[i] = reason_of(error)
        return start

    def _read(self, i: int) -> None:
        file = self.files[i]
        if file.fault:
            self.broken[i] = file.fault
            return
        descriptor = os.open(f"{self.root}/{file.name}", os.O_RDONLY)
        try:
            data = os.read(descriptor, file.size + 1)
        finally:
            os.close(descriptor)
        pixels = decode_strip(data, size=self.size, channels=self.channels)
        self.digests[i] = hashlib.sha256(data).digest()
        height, width = pixels.shape[1:]
        top, left = (height - self.size) // 2, (width - self.size) // 2
        self.images[i] = pixels[:, top : top + self.size, left : left + self.size]
        if i < len(self.strips) and height != width:
            self.upright[i] = height > width
            self.lengths[i] = max(height, width)
            laid = pixels.transpose(0, 2, 1) if height > width else pixels
            self.strips[i, :, :, : self.lengths[i]] = laid

    def _finished_strips(self, longest: int) -> np.ndarray:
        """Strips cut to the longest in use, with those of square pictures filled in."""
        count = len(self.strips)
        if longest < self.strips.shape[-1]:
            rows = count * self.channels * self.size
            wide = self.strips.reshape(rows, -1)
            narrow = self.strips.reshape(-1)[: rows * longest].reshape(rows, longest)
            step = _MOVED * self.channels * self.size
            for start in range(0, rows, step):
                # Written rows precede those still to be read; a copy, as both may overlap.
                narrow[start : start + step] = wide[start : start + step, :longest].copy()
            del wide, narrow
            self.strips.resize((count, self.channels, self.size, longest), refcheck=False)
        for i in np.flatnonzero(self.lengths == self.size):
            self.strips[i, :, :, : self.size] = self.images[i]
        return self.strips


def thread_count(files: Sequence[FoundFile]) -> int:
    """Number of threads that decode: one for small pictures, as many as cores for photographs.

    A small picture is decoded in less time than Python takes, under its lock, to lay it into the
    arrays: two threads would take as long as one, and eight longer, waiting for each other.
    """
    mean = sum(file.size for file in files) // max(1, len(files))
    return min(os.cpu_count() or 1, 1 + mean // _BYTES_PER_THREAD)


def _keep_rows(array: np.ndarray, rows: Int[np.ndarray, " n"]) -> None:
    """Reduces an array that owns its memory to some rows, in ascending order, in place."""
    for start in range(0, len(rows), _MOVED):
        part = rows[start : start + _MOVED]
        array[start : start + len(part)] = array[part]
    array.resize((len(rows), *array.shape[1:]), refcheck=False)


def _listing_digest(root: Path, files: Sequence[FoundFile], decoding: Decoding) -> str:
    """Digest of settings and of all files' names, sizes and times, 24 hexadecimal digits."""
    sizes = (decoding.size, decoding.channels, decoding.strips)
    settings = (READER_VERSION, PIL.__version__, *sizes)
    digest = hashlib.sha256(repr((settings, os.fsencode(root.resolve()))).encode())
    for name, *rest in files:
        digest.update(os.fsencode(name) + repr(rest).encode())
    return digest.hexdigest()[:24]


_ARRAYS = ("images", "lengths", "upright", "positions")


def _to_arrays(arrays: PictureArrays) -> dict[str, np.ndarray]:
    facts = json.dumps({"broken": arrays.broken, "sha256": arrays.sha256}).encode()
    content = {name: getattr(arrays, name) for name in _ARRAYS}
    if arrays.strips is not None:
        content["strips"] = arrays.strips
    return content | {"facts": np.frombuffer(facts, np.uint8)}


def _from_arrays(content: dict[str, np.ndarray]) -> PictureArrays:
    facts = parse_json(content["facts"].tobytes())
    arrays = {name: content[name] for name in _ARRAYS}
    return PictureArrays(strips=content.get("strips"), **arrays, **facts)

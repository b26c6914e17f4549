"""Reading of compressed files, and of arrays in npz files, within a budget of memory.

Deflate makes a thousand bytes of one, and the header of an array may claim any shape. Here a file
may unfold to `MAX_RATIO` times its size, which is more than pictures, sounds and melodies do, and
to `MAX_UNPACKED` at most; and what a header claims is compared with what is stored, before memory
is taken for it.
"""

import contextlib
import gzip
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from synvae_core.small_files import open_regular

MAX_UNPACKED = 1 << 30  # bytes
MAX_RATIO = 100  # of the bytes that are unpacked to those that are stored
ALWAYS = 1 << 24  # bytes that any file may unfold to: a few pictures of one colour shrink a lot
MAX_ARRAYS = 1000  # in an npz file
MAX_HEADER = 10_000  # bytes of an array's header, which is parsed as Python
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def unpacked_limit(stored: int, most_bytes: int | None = MAX_UNPACKED) -> int:
    """Bytes that a compressed file of `stored` bytes may unfold to."""
    limit = max(ALWAYS, MAX_RATIO * stored)
    return limit if most_bytes is None else min(most_bytes, limit)


@contextlib.contextmanager
def open_unzipped(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Opens a regular file, gzipped or not, and says how many bytes may be read of it.

    Raises:
        ValueError: as `open_regular`.
    """
    with open_regular(path) as file:
        stored = os.fstat(file.fileno()).st_size
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            yield file, stored
            return
        with gzip.GzipFile(fileobj=file) as unzipped:
            yield unzipped, unpacked_limit(stored)  # type: ignore[misc]


def read_unzipped(path: Path, *, most_bytes: int = MAX_UNPACKED) -> bytes:
    """Bytes of a regular file, gzipped or not.

    Raises:
        ValueError: if there are more than `most_bytes`, or than a file of its size may unfold to.
        OSError, EOFError, zlib.error: if it is damaged.
    """
    with open_unzipped(path) as (file, limit):
        limit, parts, total = min(limit, most_bytes), [], 0
        while part := file.read(1 << 22):  # in pieces: memory grows with what is there
            parts.append(part)
            total += len(part)
            if total > limit:
                raise ValueError(f"it is longer than {limit:,} bytes, which is what is read of it")
    return b"".join(parts)


def read_npz(path: Path, *, most_bytes: int | None = None) -> dict[str, np.ndarray]:
    """Arrays of an npz file by name; no objects.

    Args:
        most_bytes: of all arrays, if not just as many as the file's size allows.

    Raises:
        ValueError: if it is damaged, holds objects or too many arrays, unfolds to more than a file
            of its size may, or an array has other bytes than its header says.
    """
    with open_regular(path) as file:
        limit = unpacked_limit(os.fstat(file.fileno()).st_size, most_bytes)
        try:
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
                total = sum(entry.file_size for entry in entries)
                if len(entries) > MAX_ARRAYS or total > limit:
                    raise ValueError(
                        f"it has {len(entries):,} arrays of {total:,} bytes: at most "
                        f"{MAX_ARRAYS:,} of {limit:,} are read"
                    )
                return {e.filename.removesuffix(".npy"): _read_array(archive, e) for e in entries}
        except _BROKEN as error:
            raise ValueError(f"it is no whole npz file ({error})") from error


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """Reads one array, whose header must claim just the bytes that the archive says it has."""
    name = entry.filename[:80]
    with archive.open(entry) as file:
        try:
            shape, fortran, dtype = _read_header(file)
        except Exception as error:  # the header is parsed as Python, which raises nearly anything
            reason = str(error)[:200] or type(error).__name__
            raise ValueError(f"{name} has no readable header ({reason})") from error
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or size != entry.file_size - file.tell():
            raise ValueError(f"{name} has other bytes than the {dtype} {shape} that it claims")
        content = np.empty(size, np.uint8)
        if file.readinto(memoryview(content)) < size:  # type: ignore[attr-defined]
            raise ValueError(f"{name} is cut off")
    return np.ndarray(shape, dtype, content.data, order="F" if fortran else "C")


def _read_header(file: zipfile.ZipExtFile) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, fortran, dtype = readers[version](file, max_header_size=MAX_HEADER)
    if len(shape) > 32 or any(not 0 <= length <= 1 << 48 for length in shape):
        raise ValueError("a shape that no array has")
    return shape, fortran, dtype

"""Arrays kept between runs: each file is written whole or not at all, and a broken one again.

So several processes may share the folder, and a disk that is full or read-only costs time alone.
"""

import contextlib
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np


def cache_folder(cache: Path | bool | None = None) -> Path:
    """The folder named, else `$SYNVAE_CACHE`, else `~/.cache/synvae`."""
    named = cache if isinstance(cache, Path) else os.environ.get("SYNVAE_CACHE")
    return Path(named or Path.home() / ".cache" / "synvae")


def digest_of(settings: tuple, files: dict[str, bytes]) -> str:
    """16 hexadecimal digits that change with the settings and with the files."""
    digest = hashlib.sha256(repr(settings).encode())
    for name, content in files.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]


def cached_arrays(
    path: Path,
    names: Collection[str],
    build: Callable[[], dict[str, np.ndarray]],
    *,
    compressed: bool = False,
) -> dict[str, np.ndarray]:
    """The arrays that the file holds, or else those that `build` returns, kept there.

    Args:
        names: arrays without which the file is not whole.
    """
    arrays = read_arrays(path, names)
    if arrays is None:
        arrays = build()
        with contextlib.suppress(OSError):  # a read-only or full disk costs time, no more
            write_arrays(path, arrays, compressed=compressed)
    return arrays


def read_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray] | None:
    """All arrays in the file, or None where there is no such file, or not a whole one.

    Args:
        names: arrays without which it is not whole.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return arrays if arrays.keys() >= set(names) else None


def write_arrays(path: Path, arrays: dict[str, np.ndarray], *, compressed: bool = False) -> None:
    """Keeps the arrays in the file.

    Raises:
        OSError: if the disk is full or read-only; what was there before stays.
    """
    save = np.savez_compressed if compressed else np.savez
    with whole_file(path) as file:
        save(file, **arrays)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes its place once all is written; its folder is made.

    Raises:
        OSError: if the disk is full or read-only; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)

"""Arrays kept in a file, written whole or not at all, so that several processes may share it."""

import os
import tempfile
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np


def read_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray] | None:
    """The arrays of these names, or None where there is no such file, or not a whole one."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def write_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Keeps the arrays in the file.

    Raises:
        OSError: if the disk is full or read-only; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)

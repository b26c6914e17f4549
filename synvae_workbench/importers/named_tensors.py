"""Tensors by variable name, read from files of other systems by offset.

What such files say about themselves is believed only as far as their sizes bear it out.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synvae_core.models.storage import WeightsError

MAX_INDEX_BYTES = 1 << 20  # of an index or a manifest; published ones have a few thousand bytes
MAX_ENTRIES = 5_000  # variables or files that one index may name
MAX_NAME = 1000  # bytes or characters
MAX_RANK = 8
MAX_ELEMENTS = 1 << 31
MAX_TOTAL_BYTES = 1 << 31  # of all tensors; the largest published model has 940 MB


class NamedTensors(NamedTuple):
    """Tensors of a stored model by variable name.

    Attributes:
        tensors: by variable name, in the stored type; quantised ones are float32 again.
        missing: shapes of the variables that are named but whose data is not there.
    """

    tensors: dict[str, np.ndarray]
    missing: dict[str, tuple[int, ...]]


class Part(NamedTuple):
    """`size` bytes of a file from `start` on: a whole file, or a member of an archive."""

    path: Path
    start: int
    size: int
    label: str

    def read(self, offset: int, size: int) -> np.ndarray:
        """Reads bytes as uint8, (size,).

        Raises:
            WeightsError: if the part does not hold them.
        """
        if not 0 <= offset <= offset + size <= self.size:
            raise WeightsError(
                f"{self.label} has {self.size} bytes: expected bytes {offset} to {offset + size}; "
                "the file is cut off or belongs to another model, get it afresh"
            )
        try:
            found = np.fromfile(self.path, np.uint8, count=size, offset=self.start + offset)
        except OSError as error:
            raise WeightsError(f"{self.label} cannot be read: {error}") from error
        if len(found) != size:
            raise WeightsError(f"{self.label} changed while it was read: try again")
        return found

    def read_index(self) -> bytes:
        """Reads all bytes of a part that should be small.

        Raises:
            WeightsError: if it has more than `MAX_INDEX_BYTES`.
        """
        if self.size > MAX_INDEX_BYTES:
            raise WeightsError(
                f"{self.label} has {self.size} bytes: expected an index of at most "
                f"{MAX_INDEX_BYTES}"
            )
        return self.read(0, self.size).tobytes()


def check_total(size: int, where: str) -> None:
    """Refuses to read more than `MAX_TOTAL_BYTES`: a file may be sparse, or linked many times.

    Raises:
        WeightsError: naming what would be read.
    """
    if size > MAX_TOTAL_BYTES:
        raise WeightsError(f"{where} names more than {MAX_TOTAL_BYTES:,} bytes of tensors")


def find_file(folder: Path, name: str) -> Part | None:
    """Finds a regular file of a folder; None where there is none of that name.

    Raises:
        WeightsError: if the name, or a symbolic link behind it, leads out of the folder.
    """
    if name in ("", "..") or Path(name).name != name or not name.isprintable():
        raise WeightsError(f"{folder}: {name[:100]!r} is no plain file name in this folder")
    path = folder / name
    try:
        if not path.exists():
            return None
        outside = path.resolve().parent != folder.resolve()
        regular, size = path.is_file(), path.stat().st_size
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error}") from error
    if outside or not regular:
        raise WeightsError(f"{path} must be a regular file in {folder}: copy it there")
    return Part(path, 0, size, str(path))


def parse_shape(shape: object, where: str) -> tuple[int, ...]:
    """Checks a shape from a file; a tuple of positive integers.

    Raises:
        WeightsError: if it is none, or of more than `MAX_RANK` axes or `MAX_ELEMENTS` elements.
    """
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_RANK
        or not all(type(length) is int and 0 < length <= MAX_ELEMENTS for length in shape)
        or math.prod(shape) > MAX_ELEMENTS
    ):
        raise WeightsError(f"{where}: {str(shape)[:100]} is no shape of a stored tensor")
    return tuple(shape)

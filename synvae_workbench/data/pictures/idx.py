"""Reader of MNIST's idx files, gzipped or not.

Two zero bytes, the type of the numbers (8: bytes), the number of dimensions, each dimension's size
as a big-endian number of four bytes, then the numbers.
"""

import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from synvae_workbench.unpacking import open_unzipped

UNSIGNED_BYTES = 8


def read_idx(path: Path, *, dimensions: int) -> tuple[UInt8[np.ndarray, "..."], str]:
    """Reads an idx file: its array of bytes, and the SHA-256 of the decompressed file.

    Raises:
        ValueError: if it is no idx file of bytes with so many dimensions, or has fewer or more
            bytes than its dimensions say.
    """
    try:
        with open_unzipped(path) as (file, limit):
            header = file.read(4 + 4 * dimensions)
            shape = _shape(header, dimensions)
            size = math.prod(shape)
            if size > limit:  # before memory is taken
                raise ValueError(f"{shape} bytes do not fit into a file of its size")
            content = np.empty(size, np.uint8)
            found = file.readinto(memoryview(content))
            if found < size or file.read(1):
                raise ValueError(f"it has {'fewer' if found < size else 'more'} bytes than {shape}")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(
            f"{path} is no idx file of bytes in {dimensions} dimensions, gzipped or not ({error}): "
            "get it again from its home"
        ) from error
    digest = hashlib.sha256(header)
    digest.update(content)
    return content.reshape(shape), digest.hexdigest()


def _shape(header: bytes, dimensions: int) -> tuple[int, ...]:
    """Shape that the header states."""
    if len(header) < 4 + 4 * dimensions:
        raise ValueError("it ends in its header")
    if header[:4] != bytes([0, 0, UNSIGNED_BYTES, dimensions]):
        expected = bytes([0, 0, UNSIGNED_BYTES, dimensions]).hex(" ")
        raise ValueError(f"it begins {header[:4].hex(' ')}, not {expected}")
    return struct.unpack(f">{dimensions}I", header[4:])

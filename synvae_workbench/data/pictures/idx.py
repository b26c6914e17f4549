"""Reader of MNIST's idx files, gzipped or not.

Two zero bytes, the type of the numbers (8: bytes), the number of dimensions, each dimension's size
as a big-endian number of four bytes, then the numbers.
"""

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

UNSIGNED_BYTES = 8
MAX_RATIO = 1100  # largest expansion of deflate is 1,032


def read_idx(path: Path, *, dimensions: int) -> tuple[UInt8[np.ndarray, "..."], str]:
    """Reads an idx file: its array of bytes, and the SHA-256 of the decompressed file.

    Raises:
        ValueError: if it is no idx file of bytes with so many dimensions, or has fewer or more
            bytes than its dimensions say.
    """
    try:
        stored = path.stat().st_size
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            header = file.read(4 + 4 * dimensions)
            shape = _shape(header, dimensions)
            size = math.prod(shape)
            if size > stored * (MAX_RATIO if zipped else 1):  # before memory is allocated
                raise ValueError(f"{shape} bytes do not fit into a file of {stored:,}")
            content = file.read(size + 1)
        if len(content) != size:
            more = "more" if len(content) > size else "fewer"
            raise ValueError(f"it has {more} bytes than {shape}: {size:,}")
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(
            f"{path} is no idx file of bytes in {dimensions} dimensions, gzipped or not ({error}): "
            "get it again from its home"
        ) from error
    digest = hashlib.sha256(header)
    digest.update(content)
    return np.frombuffer(bytearray(content), np.uint8).reshape(shape), digest.hexdigest()


def _shape(header: bytes, dimensions: int) -> tuple[int, ...]:
    """Shape that the header states."""
    if len(header) < 4 + 4 * dimensions:
        raise ValueError("it ends in its header")
    if header[:4] != bytes([0, 0, UNSIGNED_BYTES, dimensions]):
        expected = bytes([0, 0, UNSIGNED_BYTES, dimensions]).hex(" ")
        raise ValueError(f"it begins {header[:4].hex(' ')}, not {expected}")
    return struct.unpack(f">{dimensions}I", header[4:])

"""Reader of sound fonts: the tables of a SoundFont 2 or 3 file, checked.

SoundFont Technical Specification 2.04 (E-mu Systems 2006); SoundFont 3 (MuseScore) has the same
tables and each sample as Ogg Vorbis.
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

MAX_BYTES = 1 << 31  # a RIFF file has at most 4 GiB; fonts of an orchestra have some hundred MB
TABLES = {
    "phdr": [("name", "S20"), ("preset", "<u2"), ("bank", "<u2"), ("first", "<u2"), ("", "V12")],
    "pbag": [("first", "<u2"), ("modulator", "<u2")],
    "pgen": [("generator", "<u2"), ("amount", "<i2")],
    "inst": [("name", "S20"), ("first", "<u2")],
    "ibag": [("first", "<u2"), ("modulator", "<u2")],
    "igen": [("generator", "<u2"), ("amount", "<i2")],
    "shdr": [
        *[("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4")],
        *[("loop_end", "<u4"), ("rate", "<u4"), ("pitch", "u1"), ("correction", "i1")],
        *[("link", "<u2"), ("type", "<u2")],
    ],
}
TYPES = {name: np.dtype(fields) for name, fields in TABLES.items()}
# What a row's `first` counts, from there to the next row's.
WITHIN = {"phdr": "pbag", "pbag": "pgen", "inst": "ibag", "ibag": "igen"}

Table = Shaped[np.ndarray, " _"]


class FontFile(NamedTuple):
    """Tables of a sound font by their names in the file, and the bytes of all its samples."""

    name: str
    tables: Mapping[str, Table]
    samples: Shaped[np.ndarray, " n"]


def read_font(path: Path) -> FontFile:
    """Reads the tables of a sound font; its samples stay on the disk until they are cut out.

    Raises:
        ValueError: if it is no SoundFont 2 or 3, is truncated, has more than 2 GiB, or if a table
            points outside of another.
    """
    if not path.is_file():
        raise ValueError(f"{path} is no file; expected a sound font (.sf2 or .sf3)")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(f"{path} has {size:,} bytes; expected a sound font of at most 2 GiB")
    data = np.memmap(path, np.uint8, "r") if size else np.zeros(0, np.uint8)
    head = bytes(data[:12])
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise ValueError(
            f"{path} is no sound font: expected RIFF with sfbk, as .sf2 and .sf3 have; "
            "choose another file"
        )
    try:
        chunks = _chunks(data[12 : 8 + _size(head[4:8], size - 8)])
        missing = [name for name in ("smpl", *TABLES) if name not in chunks]
        if missing:
            raise ValueError(f"it has no {missing[0]}")
        tables = {name: _table(name, chunks[name]) for name in TABLES}
        for name, inner in WITHIN.items():
            _check_order(name, tables[name]["first"], len(tables[inner]))
    except ValueError as error:
        raise ValueError(
            f"{path} is truncated or corrupt: {error}; download or install it again"
        ) from error
    return FontFile(str(path), tables, chunks["smpl"])


def _chunks(data: np.ndarray, *, within: bool = False) -> dict[str, np.ndarray]:
    """The chunks of a RIFF file by name, those inside of lists too, which hold no lists."""
    found: dict[str, np.ndarray] = {}
    at = 0
    while at + 8 <= len(data):
        name = bytes(data[at : at + 4]).decode("latin-1")
        size = _size(bytes(data[at + 4 : at + 8]), len(data) - at - 8)
        content = data[at + 8 : at + 8 + size]
        is_list = name == "LIST" and not within
        found |= _chunks(content[4:], within=True) if is_list else {name: content}
        at += 8 + size
        at += size % 2 and not data[at : at + 1].any()  # MuseScore leaves out what pads to even
    return found


def _size(field: bytes, there: int) -> int:
    (size,) = struct.unpack("<I", field)
    if size > there:
        raise ValueError(f"{size:,} bytes are announced and {there:,} are there")
    return size


def _table(name: str, content: np.ndarray) -> Table:
    size = TYPES[name].itemsize
    if len(content) % size or len(content) < size:
        raise ValueError(f"{name} has {len(content)} bytes, no multiple of {size}")
    return np.frombuffer(content.tobytes(), TYPES[name])


def _check_order(name: str, firsts: np.ndarray, length: int) -> None:
    if (np.diff(firsts.astype(int)) < 0).any() or firsts[-1] >= length:
        raise ValueError(f"{name} is out of order or points outside of {WITHIN[name]}")

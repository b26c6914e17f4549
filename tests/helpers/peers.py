"""Files that we write, parsed by their documented formats and by nothing that wrote them."""

import json
import struct
from pathlib import Path

import numpy as np


def tensorboard_scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Scalars of an event file by tag, as (step, value).

    TFRecord: a length, its masked CRC-32C, an `Event` and its masked CRC-32C, little-endian. Of an
    `Event` field 2 is the step and 5 the summary, whose field 1 has a tag (1) and a float (2).
    """
    data, position, found = path.read_bytes(), 0, {}
    while position < len(data):
        (size,) = struct.unpack_from("<Q", data, position)
        _check(data[position : position + 8], data[position + 8 : position + 12])
        event = data[position + 12 : position + 12 + size]
        _check(event, data[position + 12 + size : position + 16 + size])
        assert len(event) == size, "the last record is cut off"
        position += 16 + size
        fields = dict(_protobuf(event))
        for _, value in _protobuf(fields.get(5, b"")):
            scalar = dict(_protobuf(value))
            place = fields.get(2, 0), struct.unpack("<f", scalar[2])[0]
            found.setdefault(scalar[1].decode(), []).append(place)
    return found


def masked_crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) bit by bit, masked as TensorFlow's records and checkpoints have it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _check(data: bytes, stored: bytes) -> None:
    assert struct.unpack("<I", stored)[0] == masked_crc32c(data), "the CRC is wrong"


def _protobuf(data: bytes) -> list[tuple[int, int | bytes]]:
    """Fields of a message in the wire format of protocol buffers, in their order."""
    fields, position = [], 0

    def number() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(data):
        key = number()
        if key & 7 == 0:
            fields.append((key >> 3, number()))
            continue
        size = {1: 8, 5: 4}.get(key & 7) or number()
        fields.append((key >> 3, data[position : position + size]))
        position += size
    return fields


def safetensors_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of a safetensors file: a length of eight bytes, a JSON header, and the data."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    kinds, end, found = {"F32": "<f4", "I64": "<i8", "U8": "u1", "BOOL": "?"}, 0, {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        assert first == end, "no holes and no overlaps"
        found[name] = np.frombuffer(data[start + first : start + last], kinds[entry["dtype"]])
        found[name] = found[name].reshape(entry["shape"])
        end = last
    assert start + end == len(data)
    return found

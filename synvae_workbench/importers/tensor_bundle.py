"""The index of a TensorFlow checkpoint, and the checksum of all its parts.

The index is a table in LevelDB's format (github.com/google/leveldb, doc/table_format.md) from
variable names to protocol buffers (tensorflow/core/protobuf/tensor_bundle.proto). The checksum is
CRC-32C (RFC 3720, appendix B.4), masked as in doc/log_format.md of LevelDB.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from synvae_workbench.importers.named_tensors import MAX_ENTRIES, MAX_NAME

MAGIC = 0xDB4775248B80FB57
FOOTER_BYTES = 48
MAX_BLOCKS = 300  # TensorFlow puts 256 KB into each
MAX_FIELDS = 1000  # of one protocol buffer; more only in a variable of 1000 pieces
TRAILER_BYTES = 5  # behind each block: the kind of compression and a checksum
POLYNOMIAL = np.uint32(0x82F63B78)  # of CRC-32C, lowest bit first


class Entry(NamedTuple):
    """Place of a variable's data, as the index says."""

    dtype: int
    shape: list[int]
    shard: int
    offset: int
    size: int
    checksum: int
    is_sliced: bool


def parse_index(data: bytes) -> tuple[int, dict[str, Entry]]:
    """Parses an index: the number of shards, and the entries by variable name.

    Raises:
        ValueError, IndexError: if it is damaged or in a form that is not read.
    """
    if len(data) < FOOTER_BYTES or int.from_bytes(data[-8:], "little") != MAGIC:
        raise ValueError("its last bytes are not those of a table")
    footer, body = data[-FOOTER_BYTES:], data[:-FOOTER_BYTES]
    _, _, at = _handle(footer, 0)  # of a block with filters, which are not used
    root_start, root_size, _ = _handle(footer, at)
    found: dict[bytes, bytes] = {}
    reached = 0
    for count, (_, handle) in enumerate(_block_entries(_block(body, root_start, root_size))):
        start, size, _ = _handle(handle, 0)
        if start < reached or count >= MAX_BLOCKS:
            raise ValueError("its blocks overlap, or there are too many")
        reached = start + size
        for key, value in _block_entries(_block(body, start, size)):
            if key in found or len(found) > MAX_ENTRIES:
                raise ValueError("a name stands there twice, or too many do")
            found[key] = value
    if b"" not in found:
        raise ValueError("it has no header")
    header = _fields(found.pop(b""))
    if _number(header, 2) != 0:
        raise ValueError("it was written in big-endian order, which is not read")
    # Names that begin with a zero byte are pieces of partitioned variables.
    named = {key.decode(): value for key, value in found.items() if key[0] != 0}
    return _number(header, 1), {name: _parse_entry(value) for name, value in named.items()}


def _parse_entry(message: bytes) -> Entry:
    fields = _fields(message)
    shape = _fields(b"".join(_messages(fields, 2)))
    numbers = {number: _number(fields, number) for number in (1, 3, 4, 5, 6)}
    return Entry(
        dtype=numbers[1],
        shape=[_number(_fields(axis), 1) for axis in _messages(shape, 2)],
        shard=numbers[3],
        offset=numbers[4],
        size=numbers[5],
        checksum=numbers[6],
        is_sliced=7 in fields,
    )


def _block(body: bytes, start: int, size: int) -> bytes:
    """The content of a block without its restart points, once its checksum is right."""
    end = start + size
    if end + TRAILER_BYTES > len(body):
        raise ValueError("a block lies beyond the end")
    stored = int.from_bytes(body[end + 1 : end + TRAILER_BYTES], "little")
    if checksum(np.frombuffer(body, np.uint8)[start : end + 1]) != stored:
        raise ValueError("wrong checksum")
    if body[end] != 0:
        raise ValueError("it is compressed with " + {1: "Snappy"}.get(body[end], "unknown means"))
    restarts = int.from_bytes(body[max(start, end - 4) : end], "little")
    if 4 * (restarts + 1) > size:
        raise ValueError("a block has no room for its restart points")
    return body[start : end - 4 * (restarts + 1)]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values; each key says how many bytes it shares with the one before."""
    key, at = b"", 0
    while at < len(block):
        shared, at = _varint(block, at)
        added, at = _varint(block, at)
        size, at = _varint(block, at)
        middle, end = at + added, at + added + size
        if shared > len(key) or shared + added > MAX_NAME or end > len(block):
            raise ValueError("an entry is longer than its block allows")
        key = key[:shared] + block[at:middle]
        yield key, block[middle:end]
        at = end


def _handle(data: bytes, at: int) -> tuple[int, int, int]:
    """Start and size of a block, and where the handle ends."""
    start, at = _varint(data, at)
    size, at = _varint(data, at)
    return start, size, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned number in groups of seven bits, lowest first, and where it ends."""
    value = 0
    for shift in range(0, 64, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has more than 64 bits")


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """The fields of a protocol buffer by number, as the wire format gives them."""
    fields: dict[int, list[int | bytes]] = {}
    at = count = 0
    while at < len(message):
        count += 1
        if count > MAX_FIELDS:
            raise ValueError("a protocol buffer has too many fields")
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(message, at)
        elif kind in (1, 2, 5):
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = message[at : at + size], at + size
            if at > len(message):
                raise ValueError("a field is longer than its message")
            value = value if kind == 2 else int.from_bytes(value, "little")
        else:
            raise ValueError("it holds no protocol buffers")
        fields.setdefault(number, []).append(value)
    return fields


def _number(fields: dict[int, list[int | bytes]], number: int) -> int:
    value = fields.get(number, [0])[-1]
    if not isinstance(value, int):
        raise ValueError("a message stands where a number should")
    return value


def _messages(fields: dict[int, list[int | bytes]], number: int) -> list[bytes]:
    values = fields.get(number, [])
    if not all(isinstance(value, bytes) for value in values):
        raise ValueError("a number stands where a message should")
    return values


def checksum(data: UInt8[np.ndarray, " n"]) -> int:
    """The masked CRC-32C of bytes."""
    crc = _crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c(data: np.ndarray) -> int:
    """CRC-32C of bytes: as shifting a register is linear, rows of the data go side by side.

    Beside the rows run the registers that hold one byte each, over zeros: from them comes what a
    row's length does to the register of the rows before it.
    """
    width = max(1, math.isqrt(len(data)))
    rows = data[: len(data) // width * width].reshape(-1, width)
    bytes_in_place = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], np.uint32)
    registers = np.concatenate([np.zeros(len(rows), np.uint32), bytes_in_place.ravel()])
    for column in rows.T:
        registers[: len(rows)] ^= column
        registers = BYTE_STEPS[registers & 0xFF] ^ registers >> 8
    shifted = registers[len(rows) :].reshape(4, 256).tolist()
    crc = 0xFFFFFFFF
    for row in registers[: len(rows)].tolist():
        crc = (
            shifted[0][crc & 0xFF]
            ^ shifted[1][crc >> 8 & 0xFF]
            ^ shifted[2][crc >> 16 & 0xFF]
            ^ shifted[3][crc >> 24]
            ^ row
        )
    for byte in data[rows.size :].tolist():
        crc = int(BYTE_STEPS[(crc ^ byte) & 0xFF]) ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _byte_steps() -> np.ndarray:
    """Registers after eight shifts, for each of the 256 bytes that one may hold."""
    registers = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        registers = np.where(registers & 1, registers >> 1 ^ POLYNOMIAL, registers >> 1)
    return registers


BYTE_STEPS = _byte_steps()

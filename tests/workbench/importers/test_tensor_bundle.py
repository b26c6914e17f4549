"""The index of TensorFlow checkpoints and its checksums, by a writer of the test's own.

The writer shares no code with the reader, and writes hostile indexes with the right checksums.
"""

import functools
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from peers import masked_crc32c

from synvae_workbench.importers.tensor_bundle import checksum
from synvae_workbench.importers.tensorflow_checkpoint import read_tensorflow_checkpoint

INDEX, SHARD = "m.ckpt.index", "m.ckpt.data-00000-of-00001"


@pytest.fixture
def refused(refuses):
    return functools.partial(refuses, read_tensorflow_checkpoint)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert found[name].shape == value.shape
        np.testing.assert_array_equal(found[name], value)


# A writer of checkpoints


def varint(number: int) -> bytes:
    more = number >> 7
    return bytes([number & 127 | 128]) + varint(more) if more else bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry(shape, *, dtype=1, shard=0, offset=0, size=None, crc=0, more=b"") -> bytes:
    axes = b"".join(field(2, field(1, length)) for length in shape)
    size = 4 * int(np.prod(shape)) if size is None else size
    numbers = field(1, dtype) + field(2, axes) + field(3, shard) + field(4, offset) + field(5, size)
    return numbers + bytes([6 << 3 | 5]) + crc.to_bytes(4, "little") + more


def block(pairs, *, kind=0) -> bytes:
    content, last = b"", b""
    for key, value in pairs:
        shared = 0
        while last[shared : shared + 1] == key[shared : shared + 1] != b"":
            shared += 1
        content += varint(shared) + varint(len(key) - shared) + varint(len(value))
        content += key[shared:] + value
        last = key
    content += bytes(4) + (1).to_bytes(4, "little") + bytes([kind])
    return content + masked_crc32c(content).to_bytes(4, "little")


def table(pairs, *, per_block=100, kind=0, handles=lambda handles: handles) -> bytes:
    body, found = b"", []
    for first in range(0, len(pairs), per_block):
        chunk = pairs[first : first + per_block]
        written = block(chunk, kind=kind)
        found.append((chunk[-1][0], varint(len(body)) + varint(len(written) - 5)))
        body += written
    root = block(handles(found))
    footer = varint(0) + varint(0) + varint(len(body)) + varint(len(root) - 5)
    return body + root + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def header(*, shards=1, endianness=0) -> tuple[bytes, bytes]:
    return b"", field(1, shards) + field(2, endianness) + field(3, field(1, 1))


def write(folder: Path, entries: dict[str, bytes], data=bytes(64), first=None, **options) -> Path:
    pairs = sorted((name.encode(), value) for name, value in entries.items())
    (folder / INDEX).write_bytes(table([first or header(), *pairs], **options))
    (folder / SHARD).write_bytes(data)
    return folder / "m.ckpt"


# What was written


def test_checksum_gives_the_known_answers():
    """RFC 3720, appendix B.4, and its mask as LevelDB defines it."""
    for data, crc in ((bytes(32), 0x8A9136AA), (bytes(range(32)), 0x46DD794E)):
        masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32
        assert checksum(np.frombuffer(data, np.uint8)) == masked


@given(data=st.binary(max_size=3000))
def test_checksum_agrees_with_the_bitwise_definition(data):
    assert checksum(np.frombuffer(data, np.uint8)) == masked_crc32c(data)


@given(data=st.data(), per_block=st.integers(1, 4))
def test_any_tensors_come_back(data, per_block, tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    codes = {1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 9: "<i8", 10: "?", 19: "<f2"}
    names = st.text("ab/é", min_size=1, max_size=12)
    tensors, entries, shard = {}, {}, b""
    for name in data.draw(st.lists(names, unique=True, max_size=6)):
        code = data.draw(st.sampled_from(sorted(codes)))
        shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
        elements = {"allow_nan": False} if "f" in codes[code] else None
        tensors[name] = data.draw(hnp.arrays(codes[code], shape, elements=elements))
        raw = tensors[name].tobytes()
        where = {"offset": len(shard), "size": len(raw), "crc": masked_crc32c(raw)}
        entries[name] = entry(shape, dtype=code, **where)
        shard += raw
    stored = read_tensorflow_checkpoint(write(folder, entries, shard, per_block=per_block))
    assert_same(stored.tensors, tensors)


def test_what_is_not_wanted_is_not_read(tmp_path):
    """Of 1.5 GB, most of them an optimiser's, only the wanted 64 bytes cost anything."""
    huge = 3 << 29
    adam = entry((huge // 4,), offset=64, size=huge, crc=1)
    kernel = entry((4, 4), crc=masked_crc32c(bytes(64)))
    path = write(tmp_path, {"kernel": kernel, "kernel/Adam": adam})
    os.truncate(tmp_path / SHARD, 64 + huge)  # a sparse file
    tracemalloc.start()
    stored = read_tensorflow_checkpoint(path, wanted=lambda name: not name.endswith("Adam"))
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()
    assert_same(stored.tensors, {"kernel": np.zeros((4, 4), np.float32)})


# Hostile indexes whose checksums are right


@pytest.mark.parametrize(
    ("written", "match"),
    [
        (entry((2**40,), size=2**42), "no shape"),
        (entry((2**16, 2**16)), "no shape"),
        (entry((2**63, 2)), "no shape"),
        (entry((0,)), "no shape"),
        (entry((1,) * 9), "no shape"),
        (field(2, b"\x12\0" * 20_000), "too many fields"),
        (entry((4,), size=8), r"8 bytes do not make \[4\] of float32"),
        (entry((4,), offset=60), "has 64 bytes: expected bytes 60 to 76"),
        (entry((4,), offset=2**64 - 1), "has 64 bytes"),
        (entry((2**27,)), "has 64 bytes, less than"),
        (entry((4,), dtype=7), "type 7 of TensorFlow is not read"),
        (entry((4,), shard=1), "lies in shard 1 of 1"),
        (entry((4,), more=field(7, b"")), "w: it is partitioned"),
        (entry((4,), crc=1), "wrong checksum of w"),
        (field(1, b"x"), "a message stands where a number should"),
        (field(2, 3), "a number stands where a message should"),
        (field(2, b"\x12\x7f"), "a field is longer than its message"),
        (b"\x0b", "it holds no protocol buffers"),
        (b"\x08" + b"\xff" * 11, "more than 64 bits"),
        (b"\x08", "is no readable index"),
    ],
)
def test_hostile_entries_are_refused(tmp_path, written, match, refused):
    refused(write(tmp_path, {"w": written}), match)


def test_entries_cannot_multiply_the_data(tmp_path, refused):
    """Many variables over the same bytes would need more memory than the file has."""
    zeros = entry((16,), crc=masked_crc32c(bytes(64)))
    assert len(read_tensorflow_checkpoint(write(tmp_path, {"a": zeros})).tensors) == 1
    refused(write(tmp_path, {"a": zeros, "b": zeros}), "has 64 bytes, less than")


def root_of(count):
    return lambda handles: handles[:1] * count


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"first": header(endianness=1)}, "big-endian"),
        ({"first": (b"v", b"")}, "no header"),
        ({"kind": 1}, "compressed with Snappy"),
        ({"handles": root_of(2)}, "its blocks overlap"),
        ({"handles": lambda _: [(b"w", varint(2**60) + varint(2))]}, "beyond the end"),
        ({"handles": lambda _: [(b"w", varint(1) + varint(2))]}, "wrong checksum"),
        ({"handles": lambda _: [(b"w", b"")]}, "is no readable index"),
    ],
)
def test_hostile_tables_are_refused(tmp_path, options, match, refused):
    refused(write(tmp_path, {"w": entry((4,))}, **options), match)


def test_an_index_of_countless_empty_blocks_is_refused(tmp_path, refused):
    empty = block([])
    starts = range(0, 2000 * len(empty), len(empty))
    root = block([(b"", varint(start) + varint(len(empty) - 5)) for start in starts])
    footer = varint(0) + varint(0) + varint(len(starts) * len(empty)) + varint(len(root) - 5)
    end = footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")
    (tmp_path / INDEX).write_bytes(empty * len(starts) + root + end)
    refused(tmp_path, "its blocks overlap, or there are too many")


def test_hostile_names_are_refused(tmp_path, refused):
    for pairs, match in (
        ([header(), (b"w", b""), (b"w", b"")], "stands there twice"),
        ([header(), (b"\xff", b"")], "is no readable index"),
        ([header(), (b"n" * 1001, b"")], "longer than its block allows"),
        ([header(), *((b"n" * 900 + b"%d" % i, b"") for i in range(5001))], "too many"),
    ):
        (tmp_path / INDEX).write_bytes(table(pairs, per_block=20_000))
        refused(tmp_path, match)
    (tmp_path / INDEX).write_bytes(bytes(1 << 21))
    refused(tmp_path, "expected an index of at most")

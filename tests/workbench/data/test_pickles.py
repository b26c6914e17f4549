import gzip
import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synvae_workbench.data.pickles import PickleRefusedError, read_pickle

# As cPickle of Python 2 writes {"data": np.uint8([[1, 2, 3], [4, 5, 6]]), "labels": [3, 8]}.
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq"
    b"\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq"
    b"\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06\x01\x02\x03\x04\x05\x06"
    b"tbU\x06labelsq\x08]q\x09(K\x03K\x08eu."
)
PROTOCOLS = range(5)


@pytest.fixture
def read(tmp_path):
    """A function: what a file with that content is read as."""

    def read_content(content: bytes, **options):
        path = tmp_path / "data_batch_1"
        path.write_bytes(content)
        return read_pickle(path, **options)

    return read_content


class Calls:
    """Pickled as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Plain:
    """An instance with attributes."""


def test_what_python_2_wrote_is_read_with_strings_as_bytes(read):
    content = read(PYTHON_2)
    assert content.keys() == {b"data", b"labels"}
    np.testing.assert_array_equal(content[b"data"], [[1, 2, 3], [4, 5, 6]])
    assert content[b"data"].dtype == np.uint8
    assert content[b"labels"] == [3, 8]


def test_quoted_strings_of_protocol_0_are_bytes(read):
    assert read(b"(lp0\nS'a\\x00\\xff\\n\\''\np1\naI01\naL7L\na.") == [b"a\x00\xff\n'", True, 7]


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(scalars, inner),
        st.sets(scalars),
        st.frozensets(scalars),
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(values, st.sampled_from([0, 1, 2, 3, 4, 5]))
def test_numbers_strings_and_containers_are_read_as_python_reads_them(tmp_path_factory, value, to):
    path = tmp_path_factory.getbasetemp() / "value.pkl"
    path.write_bytes(pickle.dumps(value, protocol=to))
    assert read_pickle(path) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.arange(4, dtype=">i4"),
        np.array(2.5),
        np.zeros((0, 3), np.int64),
        np.array([True, False]),
        np.array([1 + 2j]),
        np.array([b"ab", b"c"]),
        np.array(["äb", "c"]),
    ],
    ids=lambda array: array.dtype.str,
)
def test_arrays_are_read_as_python_reads_them(array, protocol, read):
    again, shared = read(pickle.dumps((array, [array]), protocol=protocol))
    np.testing.assert_array_equal(again, array)
    assert again.dtype == array.dtype
    assert again is shared[0]


def test_arrays_that_share_a_type_keep_its_byte_order(read):
    first, second = read(pickle.dumps([np.arange(3, dtype=">u2"), np.arange(4, dtype=">u2")], 2))
    assert (first.tolist(), second.tolist()) == ([0, 1, 2], [0, 1, 2, 3])


@pytest.mark.parametrize("number", [np.float32(1.5), np.int64(-3), np.bool_(True)])
def test_numbers_of_numpy_are_read(number, read):
    again = read(pickle.dumps({"x": number}, protocol=2))["x"]
    assert (again, type(again)) == (number, type(number))


def test_a_gzipped_pickle_is_read(read):
    assert read(gzip.compress(PYTHON_2))[b"labels"] == [3, 8]


RECORDS = np.zeros(2, [("a", "u1"), ("b", "f4")])
HOSTILE = {
    "os.system": (pickle.dumps(Calls(os.system, "true"), 2), "posix.system"),
    "eval": (pickle.dumps(Calls(eval, "1"), 4), "builtins.eval"),
    "getattr": (b"c__builtin__\ngetattr\n.", "__builtin__.getattr"),
    "copyreg": (pickle.dumps(Plain(), 0), "copy_reg._reconstructor"),
    "instance": (pickle.dumps(Plain(), 2), "Plain"),
    "dotted": (b"\x8c\x05numpy\x8c\x0fndarray.__new__\x93.", "numpy.ndarray.__new__"),
    "numpy's loader": (b"cnumpy\nload\n(S'x'\ntR.", "numpy.load"),
    "INST": (b"(S'true'\nios\nsystem\n.", "instruction INST"),
    "OBJ": (b"(cnumpy\nndarray\no.", "instruction OBJ"),
    "NEWOBJ": (b"cnumpy\nndarray\n)\x81.", "instruction NEWOBJ"),
    "persistent id": (b"Psecret\n.", "instruction PERSID"),
    "binary persistent id": (b"K\x01Q.", "instruction BINPERSID"),
    "extension": (b"\x82\x01.", "instruction EXT1"),
    "function as value": (b"]cnumpy\nndarray\na.", "holds a function"),
    "function as all": (b"c_codecs\nencode\n.", "holds a function"),
    "call of a number": (b"K\x01)R.", "no known function"),
    "call of ndarray": (b"cnumpy\nndarray\nJ\xff\xff\xff\x7f\x85R.", "no known function"),
    "attributes of a list": (b"]}b.", "tuple'> belongs"),
    "attributes of a function": (b"c_codecs\nencode\n(N}tb.", "sets attributes of _Global"),
    "other codec": (b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.", "latin1"),
    "objects": (pickle.dumps(np.array([None, {}], object), 2), "array of type 'O8'"),
    "records": (pickle.dumps(RECORDS, 2), "array of type 'V5'"),
    "dates": (pickle.dumps(np.zeros(2, "M8[s]"), 2), "array of type 'M8'"),
    "masked array": (pickle.dumps(np.ma.ones(2), 2), "numpy.ma"),
    "protocol 5": (pickle.dumps(np.ones(2), 5), "_frombuffer"),
    "a gigabyte of bytes": (b"c__builtin__\nbytes\nJ\x00\x00\x00\x40\x85R.", "arguments"),
    "half an array": (PYTHON_2[: PYTHON_2.index(b"(K\x01K\x02K\x03")] + b"u.", "without contents"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_anything_but_data_is_refused_by_name(name, read):
    content, reason = HOSTILE[name]
    with pytest.raises(PickleRefusedError, match=reason) as error:
        read(content)
    assert "data_batch_1" in str(error.value)


def test_nothing_is_executed(read, tmp_path):
    target = tmp_path / "target"
    hostile = Calls(Path.touch, target)
    content = pickle.dumps([hostile, {"data": 1}], protocol=2)
    with pytest.raises(PickleRefusedError, match=r"pathlib|getattr"):
        read(content)
    assert not target.exists()
    pickle.loads(content)  # the file does what it says
    assert target.exists()


def nested_key(depth: int) -> bytes:
    """{((((),), ...): 1}, each tuple holding the one before twice: 2 ** depth steps to hash."""
    doubled = b"".join(b"q\x00h\x00\x86" for _ in range(depth))
    return b"\x80\x02})" + doubled + b"K\x01s."


def deep(depth: int) -> bytes:
    return b"\x80\x02)" + b"\x85" * depth + b"."


def array_of(shape: bytes, content: bytes = b"U\x06\x01\x02\x03\x04\x05\x06") -> bytes:
    """PYTHON_2 with another shape, as pickled, of its array."""
    changed = PYTHON_2.replace(b"K\x02K\x03\x86", shape)
    return changed.replace(b"U\x06\x01\x02\x03\x04\x05\x06", content)


TERA = b"\x8a\x06" + struct.pack("<q", 1 << 40)[:6]
BOMBS = {
    "hashes for ever": nested_key(90),
    "a terabyte of array": array_of(TERA + b"K\x01\x86"),
    "more bytes than it has": array_of(b"K\x02K\x04\x86"),
    "negative shape": array_of(b"J\xff\xff\xff\xffJ\xfa\xff\xff\xff\x86"),
    "empty yet huge": array_of(b"K\x00" + b"\x8a\x0f" + b"\x7f" * 15 + b"\x86", b"U\x00"),
    "no size of dimension": array_of(b"NK\x06\x86"),
    "a terabyte of bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc.",
    "a terabyte of text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"abc.",
    "a number of two gigabytes": b"\x80\x02\x8b\xff\xff\xff\x7fabc.",
    "same text encoded for ever": b"\x80\x02(X\x00\x00\x10\x00"
    + b"a" * (1 << 20)
    + b"q\x000"
    + b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R" * 200
    + b"l.",
    "underflow": b"0.",
    "mark without end": b"(((.",
    "unknown in the memo": b"h\x07.",
    "unknown instruction": b"\xfe.",
    "odd dictionary": b"(K\x01d.",
    "nothing": b"",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_little_memory(name, read):
    tracemalloc.start()
    try:
        with pytest.raises(PickleRefusedError):
            read(BOMBS[name])
        assert tracemalloc.get_traced_memory()[1] < 12e6
    finally:
        tracemalloc.stop()


def test_a_far_memo_costs_no_more_than_the_file(read):
    tracemalloc.start()
    try:
        assert read(b"K\x01r\xff\xff\xff\x7f.") == 1
        assert tracemalloc.get_traced_memory()[1] < 12e6
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_refused(read):
    with pytest.raises(PickleRefusedError, match="longer than 1,000,000 bytes"):
        read(gzip.compress(bytes(50_000_000)), max_bytes=1_000_000)


@pytest.mark.parametrize("zipped", [False, True])
def test_every_truncated_file_is_refused(zipped, read):
    whole = gzip.compress(PYTHON_2) if zipped else PYTHON_2
    for length in range(len(whole)):
        with pytest.raises(PickleRefusedError, match="data_batch_1"):
            read(whole[:length])


@given(st.data())
def test_a_changed_file_is_read_or_refused_and_nothing_else(tmp_path_factory, data):
    content = bytearray(data.draw(st.sampled_from([PYTHON_2, pickle.dumps([np.eye(2), {1}], 4)])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(
            st.sampled_from([ord(op.code) for op in pickletools.opcodes]) | st.integers(0, 255)
        )
    path = tmp_path_factory.getbasetemp() / "changed.pkl"
    path.write_bytes(content)
    try:
        read_pickle(path)
    except PickleRefusedError as error:
        assert "changed.pkl" in str(error)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no_such_file"):
        read_pickle(tmp_path / "no_such_file")

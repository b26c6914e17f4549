import dataclasses
import gzip
import hashlib
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
import torch

from synvae_workbench.data.pictures import mnist
from synvae_workbench.data.pictures.idx import read_idx
from synvae_workbench.data.pictures.mnist import MNIST, find_mnist, read_mnist, read_mnist_pickle

NAMES = [file.name for file in MNIST.files]


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def digits(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28)).astype(np.uint8)


CONTENTS = [idx(digits(12, 0)), idx(np.arange(12) % 10), idx(digits(4, 1)), idx(np.arange(4))]


@pytest.fixture
def published(monkeypatch):
    """Tiny files in place of the published ones."""
    files = [
        dataclasses.replace(file, sha256=hashlib.sha256(content).hexdigest())
        for file, content in zip(MNIST.files, CONTENTS, strict=True)
    ]
    monkeypatch.setattr(mnist, "MNIST", dataclasses.replace(MNIST, files=tuple(files)))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("shape", [(5,), (3, 2, 4), (0,), (2, 0, 3)])
def test_idx_files_are_read_whether_gzipped_or_not(shape, zipped, tmp_path):
    array = np.arange(np.prod(shape)).reshape(shape) % 256
    path = tmp_path / "x-ubyte"
    path.write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    again, sha256 = read_idx(path, dimensions=len(shape))
    np.testing.assert_array_equal(again, array)
    assert again.flags.writeable
    assert sha256 == hashlib.sha256(idx(array)).hexdigest()


GOOD = idx(digits(2, 0))
BROKEN = {
    "empty": (b"", "ends in its header"),
    "header cut": (GOOD[:9], "ends in its header"),
    "truncated": (GOOD[:-1], "do not fit|fewer"),
    "too long": (GOOD + b"\0", "more bytes than"),
    "other type": (GOOD.replace(b"\x08\x03", b"\x0d\x03", 1), "begins 00 00 0d 03"),
    "labels": (idx(np.arange(50)), "not 00 00 08 03"),
    "gzip truncated": (gzip.compress(GOOD)[:-12], "x-ubyte"),
    "gzip corrupt": (gzip.compress(GOOD)[:-6] + b"abcdef", "x-ubyte"),
    "gzipped, too short": (gzip.compress(GOOD[:-1]), "fewer bytes than"),
    "no idx": (b"<!DOCTYPE html><html></html>", "begins 3c 21 44 4f"),
    "bomb": (struct.pack(">HBB3I", 0, 8, 3, 60000, 28000, 28000), "do not fit"),
    "zipped bomb": (gzip.compress(struct.pack(">HBB3I", 0, 8, 3, *[2**32 - 1] * 3)), "do not fit"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_idx_file_is_named_in_little_memory(name, tmp_path):
    content, reason = BROKEN[name]
    path = tmp_path / "x-ubyte"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=reason) as error:
            read_idx(path, dimensions=3)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()
    assert str(path) in str(error.value)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("zipped", [[True] * 4, [False] * 4, [True, False, False, True]])
def test_the_four_files_are_found_and_read(zipped, tmp_path):
    for name, content, gz in zip(NAMES, CONTENTS, zipped, strict=True):
        path = tmp_path / (name if gz else name.removesuffix(".gz"))
        path.write_bytes(gzip.compress(content) if gz else content)
    found = read_mnist(find_mnist(tmp_path))
    assert found.train.images.shape == (12, 1, 28, 28)
    np.testing.assert_array_equal(found.test.images[:, 0], digits(4, 1))
    assert found.train.labels.tolist() == [*range(10), 0, 1]
    assert found.train.labels.dtype == torch.int64
    assert found.checksums["t10k-labels-idx1-ubyte"] == hashlib.sha256(CONTENTS[3]).hexdigest()
    assert len(found.checksums) == 4


@pytest.mark.usefixtures("published")
def test_other_digits_are_refused(tmp_path):
    for name, content in zip(NAMES, CONTENTS, strict=True):
        (tmp_path / name).write_bytes(gzip.compress(content))
    (tmp_path / NAMES[3]).write_bytes(gzip.compress(idx(np.arange(4)[::-1])))
    with pytest.raises(ValueError, match=r"t10k-labels.* other bytes than the published"):
        read_mnist(find_mnist(tmp_path))


def test_nothing_is_found_where_a_file_is_missing(tmp_path):
    for name in NAMES[:3]:
        (tmp_path / name).touch()
    assert find_mnist(tmp_path) == []
    (tmp_path / "mnist.pkl.gz").touch()
    assert find_mnist(tmp_path) == [tmp_path / "mnist.pkl.gz"]


@pytest.mark.parametrize("scale", [255, 256])
def test_the_published_pickle_gives_the_bytes_back(scale, tmp_path):
    parts = [digits(count, count) for count in (5, 3, 2)]
    pairs = tuple(
        ((part.reshape(-1, 784) / np.float32(scale)).astype(np.float32), np.arange(len(part)))
        for part in parts
    )
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(pairs, protocol=2)))
    found = read_mnist(find_mnist(tmp_path))
    np.testing.assert_array_equal(found.train.images[:, 0], np.concatenate(parts[:2]))
    np.testing.assert_array_equal(found.test.images[:, 0], parts[2])
    assert found.train.labels.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    assert found.checksums == {"mnist.pkl.gz": hashlib.sha256(path.read_bytes()).hexdigest()}


PAIR = np.zeros((2, 784), np.float32), np.array([0, 1])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param([PAIR, PAIR], "no three pairs", id="two pairs"),
        pytest.param([PAIR, PAIR, PAIR[:1]], "is no pickle of MNIST", id="no labels"),
        pytest.param([PAIR, PAIR, (PAIR[0][:1], PAIR[1])], "no three pairs", id="fewer"),
        pytest.param([(PAIR[0] + 0.3, PAIR[1])] * 3, "over 255 or 256", id="no bytes"),
        pytest.param([(PAIR[0] - 1, PAIR[1])] * 3, "over 255 or 256", id="negative"),
        pytest.param([(PAIR[0] * np.nan, PAIR[1])] * 3, "over 255 or 256", id="not a number"),
        pytest.param([(PAIR[0], PAIR[1] + 9)] * 3, "0 to 9", id="class 10"),
        pytest.param([(PAIR[0][:, :3], PAIR[1])] * 3, "784 columns", id="other size"),
        pytest.param([(PAIR[0][:0], PAIR[1][:0])] * 3, "is no pickle of MNIST", id="none"),
        pytest.param(17, "is no pickle of MNIST", id="a number"),
        pytest.param([(["a"], ["b"])] * 3, "is no pickle of MNIST", id="lists"),
        pytest.param([(np.array(["a" * 784]), PAIR[1])] * 3, "is no pickle of MNIST", id="text"),
        pytest.param([(np.full((2, 784), "a"), PAIR[1])] * 3, "is no pickle of MNIST", id="texts"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_another_pickle_is_refused(content, reason, tmp_path):
    path = tmp_path / "mnist.pkl"
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match=reason) as error:
        read_mnist_pickle(path)
    assert str(path) in str(error.value)


@pytest.mark.data
def test_the_published_digits(data_folder):
    found = read_mnist(find_mnist(data_folder / "mnist"))
    assert found.train.images.shape == (60000, 1, 28, 28)
    assert found.test.images.shape == (10000, 1, 28, 28)
    assert found.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert found.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert found.train.images.float().mean().item() / 255 == pytest.approx(0.1307, abs=1e-4)
    assert set(found.checksums.values()) == {file.sha256 for file in MNIST.files}

